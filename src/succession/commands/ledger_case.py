"""Write a case file of one listing or deal, and check one offline."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from pathlib import Path

import asyncpg
import msgspec

from succession.config import Settings
from succession.disclosure.case_check import MOST_BYTES, read_key, report, verify_case
from succession.disclosure.case_file import NoSuchCase, build_case


async def export(connection: asyncpg.Connection, settings: Settings, asked: argparse.Namespace) -> int:
    """`export --listing ID [--deal ID] --to FILE`: readable by its owner alone; whole or not at all. It is on record."""
    try:
        raw = await build_case(connection, settings, asked.listing, asked.deal)
    except NoSuchCase:
        print("there is no such listing, or no such deal of it", file=sys.stderr)
        return 2
    draft = asked.to.with_name(f".{asked.to.name}-{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(raw)
    draft.replace(asked.to)
    await connection.execute(
        "INSERT INTO vault.audit_event (actor_kind, action, object_id, detail) VALUES ('system', 'ledger.exported', $1, $2::text::jsonb)",
        str(asked.listing), msgspec.json.encode({"deal": asked.deal}).decode())
    print(f"{asked.to.name}: {len(raw)} bytes")
    return 0


def verify_file(asked: argparse.Namespace) -> int:
    """`verify FILE [--key PUBLIC.pem] [--against COPIES]`: needs no database. Exit status 0, 1 a broken link, 2 wrong call."""
    try:
        raw, key = asked.file.read_bytes(), read_key(asked.key.read_bytes()) if asked.key else None
        lines = asked.against.read_bytes().splitlines() if asked.against else []
        copies = [copy for line in lines if line.strip() and "statement" in (copy := msgspec.json.decode(line))]
    except (OSError, ValueError) as error:
        print(f"cannot be read: {type(error).__name__}", file=sys.stderr)
        return 2
    if len(raw) > MOST_BYTES:
        return 1
    status, words = report(verify_case(raw, key, copies), key is not None)
    print(words)
    return status
