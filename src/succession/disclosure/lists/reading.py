"""Which file is this, and what is in it? One call for every format, from a path or from bytes that were sent."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from succession.disclosure.lists.from_csv import read_csv
from succession.disclosure.lists.from_xml import read_xml
from succession.disclosure.lists.records import Kind, Reading, without_repeats

Format = Literal["csv", "un_xml", "ofac_xml", "generic_xml"]
FORMATS: tuple[Format, ...] = ("csv", "un_xml", "ofac_xml", "generic_xml")


def read_list(path: Path, format_: Format, mapping: Mapping[str, str], default_kind: Kind = "organisation") -> Reading:
    """Records without repetitions. ImportRefused says in words why a file is not read."""
    reading = read_csv(path, mapping, default_kind) if format_ == "csv" else read_xml(path, format_, mapping)
    reading.records = without_repeats(reading.records)
    return reading


def read_bytes(content: bytes, format_: Format, mapping: Mapping[str, str]) -> Reading:
    """The same of what was sent over the API: the readers read files, so it becomes one for a moment."""
    with tempfile.TemporaryDirectory(prefix="succession-list-") as folder:
        path = Path(folder) / "list"
        path.write_bytes(content)
        return read_list(path, format_, mapping)
