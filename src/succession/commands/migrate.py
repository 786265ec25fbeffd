"""Bring the database to this version of the program."""

from __future__ import annotations

import asyncio
from urllib.parse import unquote, urlsplit

from succession.config import DATABASE_ROLES, Settings
from succession.migrations import migrate


def run(arguments: list[str]) -> int:
    """`succession migrate`: applies what is missing, sets role passwords given as DATABASE_PASSWORD_*."""
    settings = Settings.from_env()
    if settings.database_url is None:
        print("DATABASE_URL is not set.")
        return 2
    passwords = role_passwords(settings)
    applied = asyncio.run(migrate(settings.database_url, passwords, lambda name: print(f"applied {name}")))
    print(f"{len(applied)} applied, database is up to date")
    return 0


def role_passwords(settings: Settings) -> dict[str, str]:
    """Passwords that the servers' own URLs carry: whoever logs in with one must find it set."""
    found = {role: urlsplit(settings.role_urls[role]).password for role in DATABASE_ROLES if role in settings.role_urls}
    return {role: unquote(password) for role, password in found.items() if password}
