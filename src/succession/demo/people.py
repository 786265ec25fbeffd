"""Who works on the demo market, and how does one sign in as them?

One table of organisations. Each is entered as a real one would declare itself (the same check reads it), and verified by
the demo's operator. Password and API keys are drawn at random for this data directory and kept in one file there, readable
by us alone, so that they can be printed again.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pyotp

from succession.accounts.api_keys import MARK, SHOWN, grantable
from succession.accounts.declarations import BeneficialOwner, Declaration, Registration, read_declaration
from succession.accounts.passwords import hash_password
from succession.actor import SECOND_FACTOR_KINDS, Actor, hash_secret
from succession.demo.names import corporate_number
from succession.demo.presence import OPERATOR_NUMBER
from succession.disclosure.lists.records import make_record
from succession.disclosure.lists.store import Difference, VersionFacts, hash_of, store_version
from succession.ids import new_token
from succession.key_ring import Ring

KEY_LIFE = timedelta(days=365)
_WORDS = "kumo ishi mori kawa sora yama hoshi kaze umi tori hana yuki matsu take ame tsuki".split()


@dataclass(frozen=True)
class Resident:
    """One organisation of the demo and its members: (name in the address, name, role)."""

    key: str
    what: str
    declaration: Declaration
    members: tuple[tuple[str, str, str], ...]
    locale: str = "ja"


def _japanese(number: int, name: str, kind: str, **fields: object) -> Declaration:
    return Declaration(kind=kind, legal_name=name, country="JP", corporate_number=corporate_number(number), **fields)


def _foreign(number: int, name: str, country: str, buyer_kind: str, owner: str | None, **fields: object) -> Declaration:
    owners = [BeneficialOwner(owner, country, 60.0)] if owner else []
    return Declaration(
        kind="acquirer", legal_name=name, country=country, buyer_kind=buyer_kind, registry_number=f"FICT{number:05d}",
        head_office_country=country, ultimate_parent=f"{name.rsplit(' ', 1)[0]} Group", ultimate_parent_country=country,
        beneficial_owners=owners, without_beneficial_owner=None if owner else "nobody_above", **fields)


def _registered(support_type: str, staff: str) -> Registration:
    return Registration(
        prefecture="JP-13", legal_form="kk", support_type=support_type, staff_band=staff, founded_decade=1990,
        annual_report_filed_on=date(2026, 4, 30), fee_table_submitted=True,
        compliance_declaration_url="https://adviser.example/declaration", compliance_declaration_version="3")


RESIDENTS: tuple[Resident, ...] = (
    Resident("center", "Support Center (public, free of charge)", _japanese(
        2, "架空県事業承継・引継ぎ支援センター", "intermediary", intermediary_kind="center",
        registration=Registration(prefecture="JP-13")),
        (("admin", "例川 甲子", "admin"), ("clerk", "例本 乙次", "member"))),
    Resident("bank", "Bank (brokerage)", _japanese(
        3, "株式会社空想銀行", "intermediary", intermediary_kind="bank", registration=_registered("regional_bank", "6_10")),
        (("admin", "例村 丙三", "admin"), ("clerk", "例野 丁子", "member"))),
    Resident("adviser", "One-person M&A adviser", _japanese(
        4, "例示アドバイザリー株式会社", "intermediary", intermediary_kind="registered_institution",
        registration=_registered("fa", "1_2")), (("admin", "例沢 乙美", "admin"),)),
    Resident("buyer-a", "Acquirer A (Germany, company)", _foreign(
        1, "Fiktiva Maschinenbau GmbH", "DE", "company", "Erika Beispiel", website="https://fiktiva.example",
        business="Makes machine parts that do not exist."), (("admin", "Erika Beispiel", "admin"),), "en"),
    Resident("buyer-b", "Acquirer B (Singapore, company)", _foreign(
        2, "Imaginary Components Pte. Ltd.", "SG", "company", "Tan Placeholder", website="https://imaginary.example",
        business="Trades imaginary components."), (("admin", "Tan Placeholder", "admin"),), "en"),
    Resident("buyer-c", "Acquirer C (United States, company)", _foreign(
        3, "Placeholder Industries Inc.", "US", "company", None, website="https://placeholder.example",
        business="Fills the place of an industrial group."), (("admin", "Jane Doe", "admin"),), "en"),
    Resident("fund-d", "Acquirer D (United Kingdom, fund)", _foreign(
        4, "Make-Believe Succession Partners LP", "GB", "fund", "John Sample", website="https://makebelieve.example",
        business="A fund that was never raised."), (("admin", "John Sample", "admin"),), "en"),
    Resident("desk", "Agency desk (takes briefs from acquirers)", _japanese(
        5, "架空貿易振興機構 対日投資デスク", "agency", agency_role="desk"), (("admin", "例木 丙吾", "admin"),)),
    Resident("monitor", "Monitoring agency (figures only)", _japanese(
        6, "架空中小企業モニタリング局", "agency", agency_role="monitor"), (("admin", "例崎 丁一", "admin"),)),
)  # fmt: skip
OPERATOR_EMAIL, OPERATOR_NAME = "admin@operator.example", "例山 甲太郎"
REVIEWER_EMAIL, REVIEWER_NAME = "reviewer@operator.example", "例山 乙子"


class Account(msgspec.Struct, frozen=True):
    """`key` names the organisation and, for a second member, the member: "center", "center-clerk". `authenticator`: the secret of
    their app, None for whom none is asked."""

    key: str
    what: str
    organisation_id: UUID
    member_id: UUID
    email: str
    api_key: str
    authenticator: str | None


class Accounts(msgspec.Struct, frozen=True):
    """Everybody, with the one password they share."""

    password: str
    accounts: list[Account]

    def __getitem__(self, key: str) -> Account:
        return next(account for account in self.accounts if account.key == key)


# ---------------------------------------------------------------- the file


def accounts_file(data_dir: Path) -> Path:
    return data_dir / "demo" / "accounts.json"


def read_accounts(data_dir: Path) -> Accounts | None:
    """What was kept here, None when there is nothing."""
    try:
        return msgspec.json.decode(accounts_file(data_dir).read_bytes(), type=Accounts)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def keep_accounts(data_dir: Path, accounts: Accounts) -> None:
    """Whole or not at all, for the owner of the directory only."""
    path = accounts_file(data_dir)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(msgspec.json.format(msgspec.json.encode(accounts), indent=1))
    draft.replace(path)


# ---------------------------------------------------------------- the rows


async def enter_residents(seeder: asyncpg.Connection) -> None:
    """Every organisation of the table, its members without a password yet, and the operator's word on each.

    `seeder` works as succession_seeder inside a transaction.
    """
    operator = await seeder.fetchval(
        "INSERT INTO vault.organisation (kind, legal_name, country, corporate_number, status) "
        "VALUES ('operator', '架空プラットフォーム運営機構', 'JP', $1, 'verified') RETURNING id", OPERATOR_NUMBER)
    reviewer = await _enter_member(seeder, operator, OPERATOR_EMAIL, OPERATOR_NAME, "admin", "ja")
    await _enter_member(seeder, operator, REVIEWER_EMAIL, REVIEWER_NAME, "reviewer", "ja")
    for resident in RESIDENTS:
        organisation = await _enter_organisation(seeder, read_declaration(resident.declaration))
        for local, name, role in resident.members:
            await _enter_member(seeder, organisation, f"{local}@{resident.key}.example", name, role, resident.locale)
        await seeder.execute(
            "INSERT INTO vault.verification (organisation_id, decision, evidence, note, organisation_version, decided_by) "
            "VALUES ($1, 'verified', $2, 'Demo data: nobody was looked at.', 1, $3)", organisation,
            msgspec.json.encode([{"kind": "other", "reference": "demo", "seen_on": "2026-01-01"}]).decode(), reviewer)


# A likeness of acquirer B's name, so that somebody has to look.
BLOCK_LIST = ("Phantom Trading House", "Nowhere Shipping Company", "Imaginary Components Limited", "Unreal Estates Holding",
              "Chimera Metals Limited", "Mirage Finance Corporation")  # fmt: skip


async def enter_block_list(seeder: asyncpg.Connection) -> None:
    """The operator's list of organisations nobody should deal with, all invented; older than the market's past deals."""
    operator = await seeder.fetchval("SELECT id FROM vault.member WHERE email = $1", OPERATOR_EMAIL)
    await seeder.execute(
        "INSERT INTO vault.screening_list (code, kind, title_ja, title_en, source, terms, licensed_only, created_by) VALUES ('demo_sanctions', "
        "'sanctions', '架空の制裁対象者名簿（デモ用）', 'Invented sanctions list (demo)', 'invented', 'demo data', false, $1)", operator)
    records = [make_record(ref=f"demo-{number}", name=name, kind="organisation", reason="demo") for number, name in enumerate(BLOCK_LIST, start=1)]
    facts = VersionFacts("2026-10", date(2026, 10, 1), "entries", None, hash_of(repr(BLOCK_LIST).encode()), operator,
                         datetime.now(UTC) - timedelta(days=400))
    await store_version(seeder, "demo_sanctions", Difference(0, records, [], 0), facts, uuid4)


async def _enter_organisation(seeder: asyncpg.Connection, told: Declaration) -> UUID:
    row = {name: getattr(told, name) for name in told.__struct_fields__ if name not in ("registration", "beneficial_owners")}
    row |= {"registration": msgspec.json.encode(told.registration or Registration()).decode(), "status": "verified"}
    places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    organisation = await seeder.fetchval(
        f"INSERT INTO vault.organisation ({', '.join(row)}) VALUES ({places}) RETURNING id", *row.values())
    for owner in told.beneficial_owners:
        await seeder.execute("INSERT INTO vault.beneficial_owner (organisation_id, name, country, share_percent) VALUES ($1, $2, $3, $4)",
                             organisation, owner.name, owner.country, Decimal(str(owner.share_percent)))
    return organisation


async def _enter_member(seeder: asyncpg.Connection, organisation: UUID, email: str, name: str, role: str, locale: str) -> UUID:
    return await seeder.fetchval(
        "INSERT INTO vault.member (organisation_id, email, name, role, locale, status) VALUES ($1, $2, $3, $4, $5, 'active') "
        "RETURNING id", organisation, email, name, role, locale)


_MEMBERS = """
SELECT m.id AS member_id, m.email, m.role, m.name, o.id AS organisation_id, o.kind, o.intermediary_kind, o.agency_role
FROM vault.member m JOIN vault.organisation o ON o.id = m.organisation_id WHERE m.email = ANY($1::text[]) AND m.status = 'active'
"""


async def issue_credentials(seeder: asyncpg.Connection, ring: Ring, now: datetime | None = None) -> Accounts:
    """A fresh shared password and, for every member of the demo, a fresh key and authenticator app; what was issued before ends."""
    now = now or datetime.now(UTC)
    password = "-".join(secrets.choice(_WORDS) for _ in range(3)) + f"-{secrets.randbelow(10_000):04d}"
    hashed = await hash_password(password)
    described = {OPERATOR_EMAIL: ("operator", "Operator (verifies, keeps block lists)"),
                 REVIEWER_EMAIL: ("operator-reviewer", "Operator, second person (confirms what the first lets go)")}
    for resident in RESIDENTS:
        for place, (local, _name, _role) in enumerate(resident.members):
            key, what = (resident.key, resident.what) if place == 0 else (f"{resident.key}-{local}", f"{resident.what}, second member")
            described[f"{local}@{resident.key}.example"] = key, what
    found = {row["email"]: row for row in await seeder.fetch(_MEMBERS, list(described))}
    accounts = []
    for email, (key, what) in described.items():
        row, secret = found[email], MARK + new_token()
        await seeder.execute("UPDATE vault.member SET password_hash = $2, session_epoch = session_epoch + 1 WHERE id = $1",
                             row["member_id"], hashed)
        await seeder.execute("UPDATE vault.api_key SET revoked_at = now() WHERE member_id = $1 AND revoked_at IS NULL", row["member_id"])
        await seeder.execute(
            "INSERT INTO vault.api_key (organisation_id, member_id, name, prefix, key_hash, scopes, expires_at) "
            "VALUES ($1, $2, 'demo', $3, $4, $5, $6)", row["organisation_id"], row["member_id"], secret[:SHOWN],
            hash_secret(secret), _scopes(row), now + KEY_LIFE)
        app = await _set_up_app(seeder, ring, row) if row["kind"] in SECOND_FACTOR_KINDS else None
        accounts.append(Account(key, what, row["organisation_id"], row["member_id"], email, secret, app))
    return Accounts(password, accounts)


async def _set_up_app(seeder: asyncpg.Connection, ring: Ring, row: asyncpg.Record) -> str:
    secret = pyotp.random_base32()
    key_id, sealed = ring.seal("second_factor", secret.encode(), str(row["member_id"]))
    await seeder.execute("DELETE FROM vault.second_factor WHERE member_id = $1", row["member_id"])
    await seeder.execute(
        "INSERT INTO vault.second_factor (member_id, organisation_id, secret_sealed, key_id, confirmed_at) VALUES ($1, $2, $3, $4, now())",
        row["member_id"], row["organisation_id"], sealed, key_id)
    return secret


def _scopes(row: asyncpg.Record) -> list[str]:
    return grantable(Actor(row["kind"], row["organisation_id"], row["member_id"], row["name"], row["role"],
                           intermediary_kind=row["intermediary_kind"], agency_role=row["agency_role"], verified=True))
