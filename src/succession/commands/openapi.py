"""Print the OpenAPI document of this version; needs no database."""

from __future__ import annotations

import sys

import msgspec

from succession.app import create_app
from succession.config import Settings


def run(arguments: list[str]) -> int:
    """`succession openapi`: JSON on standard output."""
    app = create_app(Settings.from_env({"SUCCESSION_DEMO": "1", "SUCCESSION_SECRET_KEY": "openapi-needs-no-secret-but-settings-do"}))
    document = msgspec.json.encode(app.openapi_schema.to_schema())
    sys.stdout.buffer.write(msgspec.json.format(document, indent=1) + b"\n")
    return 0
