"""Who is the first operator? Made here, by whoever holds the owner's database address; never over HTTP."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import msgspec

from succession.accounts.declarations import name_fault, one_line
from succession.accounts.identifiers import read_email
from succession.accounts.members import INVITATION_LIFE, password_page
from succession.accounts.passwords import hash_password, weakness
from succession.actor import hash_secret
from succession.config import Settings
from succession.i18n import translate
from succession.ids import new_token


class OperatorError(Exception):
    """Why no operator was made, in words for who typed the command."""


async def create_operator(owner_url: str, email: str, name: str, organisation: str, password: str | None) -> tuple[UUID, str | None]:
    """(member, token): an administrator of the operating organisation, which is made when there is none.

    With a password the account is ready; without one, the token for the password page is returned and no secret is
    kept. OperatorError when the address is in use.
    """
    hashed = await hash_password(password) if password else None
    connection = await asyncpg.connect(owner_url, timeout=10)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL ROLE succession_seeder")
            await connection.execute("SELECT set_config('succession.kind', 'operator', true)")
            await connection.execute("SELECT pg_advisory_xact_lock(7305422)")  # two at once make one organisation
            if await connection.fetchval("SELECT EXISTS (SELECT FROM vault.member WHERE email = $1 AND status <> 'left')", email):
                raise OperatorError("this address is in use")
            house = await connection.fetchval("SELECT id FROM vault.organisation WHERE kind = 'operator' ORDER BY created_at LIMIT 1")
            house = house or await connection.fetchval(
                "INSERT INTO vault.organisation (kind, legal_name, country, status) VALUES ('operator', $1, 'JP', 'verified') "
                "RETURNING id", organisation)
            member = await connection.fetchval(
                "INSERT INTO vault.member (organisation_id, email, name, role, password_hash, status) "
                "VALUES ($1, $2, $3, 'admin', $4, $5) RETURNING id", house, email, name, hashed, "active" if hashed else "invited")
            token = None
            if hashed is None:
                token = new_token()
                await connection.execute(
                    "INSERT INTO vault.member_token (member_id, organisation_id, purpose, token_hash, expires_at) "
                    "VALUES ($1, $2, 'invitation', $3, $4)", member, house, hash_secret(token), datetime.now(UTC) + INVITATION_LIFE)
            await connection.execute("INSERT INTO vault.audit_event (actor_kind, organisation_id, member_id, action, object_id) "
                                     "VALUES ('system', $1, $2, 'operator_created', $3)", house, member, str(member))
            return member, token
    finally:
        await connection.close()


async def end_second_factor(owner_url: str, email: str) -> UUID:
    """The member whose second factor, recovery codes and sessions ended: for an operator with no colleague left to do it."""
    connection = await asyncpg.connect(owner_url, timeout=10)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL ROLE succession_seeder")
            member = await connection.fetchrow(
                "UPDATE vault.member m SET session_epoch = session_epoch + 1 FROM vault.organisation o WHERE o.id = m.organisation_id "
                "AND o.kind = 'operator' AND m.email = $1 AND m.status = 'active' RETURNING m.id, m.organisation_id", email)
            if member is None:
                raise OperatorError("there is no operator with this address")
            for table in ("recovery_code", "second_factor"):
                await connection.execute(f"DELETE FROM vault.{table} WHERE member_id = $1", member["id"])
            await connection.execute("INSERT INTO vault.audit_event (actor_kind, organisation_id, action, object_id) "
                                     "VALUES ('system', $1, 'second_factor_reset', $2)", member["organisation_id"], str(member["id"]))
            await connection.execute("INSERT INTO ops.outbox (topic, payload) VALUES ('mail', $1)", msgspec.json.encode({
                "template": "second_factor_reset", "to": {"address": None, "member": str(member["id"]), "organisation": None},
                "locale": None, "params": {}}).decode())
            return member["id"]
    finally:
        await connection.close()


def run(arguments: list[str]) -> int:
    """`succession operator create --email E --name N [--organisation O] [--link]`: the password is asked for, or read
    from standard input when that is no terminal; `--link` prints a single-use address to choose one instead.
    `succession operator reset-second-factor --email E`: for the last one, who has nobody else to ask."""
    parser = argparse.ArgumentParser(prog="succession operator")
    commands = parser.add_subparsers(dest="command", required=True)
    reset = commands.add_parser("reset-second-factor", help="end an operator's second factor; they set up a new one")
    reset.add_argument("--email", required=True)
    create = commands.add_parser("create", help="make an operator")
    create.add_argument("--email", required=True)
    create.add_argument("--name", required=True)
    create.add_argument("--organisation", default="Operator", help="name of the operating organisation, when it is made")
    create.add_argument("--link", action="store_true", help="print a link to choose the password, instead of asking for it")
    chosen = parser.parse_args(arguments)
    settings = Settings.from_env()
    if settings.database_url is None:
        print("DATABASE_URL is not set.", file=sys.stderr)
        return 2
    try:
        email = read_email(chosen.email)
        if email is None:
            raise OperatorError("this is not an e-mail address")
        if chosen.command == "reset-second-factor":
            print(f"operator {asyncio.run(end_second_factor(settings.database_url, email))}")
            return 0
        name = one_line(chosen.name)
        if fault := name_fault(name):
            raise OperatorError(translate(fault, "en"))
        password = None if chosen.link else _asked_password(email, name)
        member, token = asyncio.run(create_operator(settings.database_url, email, name, chosen.organisation, password))
    except OperatorError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"operator {member}")
    if token:
        print(password_page(settings, token))
    return 0


def _asked_password(email: str, name: str) -> str:
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if password != getpass.getpass("Again: "):
            raise OperatorError("the two differ")
    else:
        password = sys.stdin.readline().rstrip("\n")
    if fault := weakness(password, email, name):
        raise OperatorError(translate(fault, "en"))
    return password
