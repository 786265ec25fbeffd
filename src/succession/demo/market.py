"""How do two thousand companies come onto an empty demo market?

As rows, in bulk, past row-level security and through every trigger: the seeding role writes without a scope, which is the
one case in which the triggers do not ask for the owner's own session. What the triggers do ask (succession status,
mandate, the owner's approval of exactly this cell, consents that match the audiences, no public listing with
exclusions) is really there. Teasers are put up by the worker's own batches, not by this file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec

from succession.anonymity.codebook import Codebook
from succession.anonymity.teaser import canonical_bytes, render
from succession.codes import AUDIENCE_BIT, audiences_in
from succession.days import JAPAN, add_months
from succession.demo.companies import Company
from succession.demo.people import Accounts
from succession.ids import new_reference
from succession.listings import guideline
from succession.listings.guideline import EXPLAINED_ITEMS, Mandate
from succession.listings.storage import rows_of, years_of
from succession.market.publication import Place, codes_of, derive, figures_of, sheet_text

NO_PERSON = "Demo data: nobody opened a link or answered."

# How far the listings of the demo have come, of a hundred. `asked`: a teaser waits for the owner's answer; `declined`: the
# owner said no; `approached`: only to a list agreed with the owner, never published.
STANDINGS = {"intake": 6, "mandated": 4, "preparing": 7, "asked": 4, "declined": 3, "approached": 4, "listed": 72}
_STATE = {"asked": "preparing", "declined": "preparing"}
# To whom the owners of those listed agreed, of a hundred: about one in eight to everybody.
AUDIENCES = {15: 5, 7: 4, 3: 4, 2: 27, 6: 15, 4: 8, 14: 12, 10: 10, 8: 8, 12: 7}
# Whom some owners never want to be shown to, which rules out everybody.
EXCLUSIONS = (("country", "US"), ("buyer_kind", "fund"), ("registry", "SG:FICT00002"), ("group", "make-believe group"))
_EXCLUDING_SHARE = 0.2
_HOLDERS = {"center": 40, "bank": 35, "adviser": 25}
_MANDATE_KIND = {"center": "center_support", "bank": "brokerage", "adviser": "adviser"}
PUBLISHED_OVER_DAYS = 300


@dataclass(frozen=True)
class Listed:
    """One listing as it will be entered."""

    id: UUID
    company: Company
    holder: str
    standing: str
    entered_at: datetime
    audiences: int = 0
    excluded: tuple[str, str] | None = None
    proposal_id: UUID = field(default_factory=uuid4)

    @property
    def mandated(self) -> bool:
        return self.standing != "intake"

    @property
    def queued_at(self) -> datetime:
        return self.entered_at + timedelta(days=45)


def plan_listings(companies: list[Company], seed: int, today: date) -> list[Listed]:
    """Who holds which company, how far it has come, and to whom its owner agreed; the same for the same seed."""
    planned = []
    for number, company in enumerate(companies):
        rng = Random(f"listing {seed} {number}")
        standing = _drawn(rng, STANDINGS)
        audiences = int(_drawn(rng, AUDIENCES)) if standing in ("listed", "asked", "declined") else 0
        may_exclude = not audiences & AUDIENCE_BIT["public"] and rng.random() < _EXCLUDING_SHARE
        entered = today - timedelta(days=50 + rng.randrange(PUBLISHED_OVER_DAYS))
        at = datetime.combine(entered, time(9 + rng.randrange(8), rng.randrange(60)), JAPAN).astimezone(UTC)
        planned.append(Listed(uuid4(), company, _drawn(rng, _HOLDERS), standing, at, audiences,
                              rng.choice(EXCLUSIONS) if may_exclude else None))
    return planned


def _drawn(rng: Random, weights: dict[Any, int]) -> Any:
    return rng.choices(list(weights), list(weights.values()))[0]


async def enter_listings(seeder: asyncpg.Connection, planned: list[Listed], accounts: Accounts, codebook: Codebook,
                         population_version: str) -> None:
    """All rows of the confidential side, publications waiting in the queue included, by COPY in one transaction.

    `seeder` works as succession_seeder, without a scope, inside a transaction. asyncpg.PostgresError when a trigger
    or a constraint refuses.
    """
    cells = {row["number"]: row["id"] for row in await seeder.fetch(
        "SELECT number, id FROM market.cell WHERE codebook_version = $1", codebook.version)}
    json_columns = {(row["table_name"], row["column_name"]) for row in await seeder.fetch(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'vault' AND data_type = 'jsonb'")}
    tables: dict[str, list[dict[str, Any]]] = {}
    for listed in planned:
        for table, row in _rows(listed, accounts, codebook, cells, population_version):
            tables.setdefault(table, []).append(row)
    # Parents before children: the order in which `_rows` first names a table is the order of dependence.
    for table in sorted(tables, key=_ORDER.index):
        rows = tables[table]
        columns = list(rows[0])
        encoded = ([_encoded(row[name]) if (table, name) in json_columns else row[name] for name in columns] for row in rows)
        await seeder.copy_records_to_table(table, schema_name="vault", columns=columns, records=encoded)


_ORDER = ("listing", "succession_status", "listing_identity", "listing_contact", "listing_profile", "listing_financials",
          "owner_contact", "exclusion", "mandate", "teaser_proposal", "audience_consent", "publication")  # fmt: skip


def _encoded(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _rows(listed: Listed, accounts: Accounts, codebook: Codebook, cells: dict[int, int],
          population_version: str) -> Iterable[tuple[str, dict[str, Any]]]:
    holder, company = accounts[listed.holder], listed.company
    yield "listing", {
        "id": listed.id, "intermediary_id": holder.organisation_id, "responsible_member_id": holder.member_id,
        "internal_reference": f"D-{company.member:06d}", "state": _STATE.get(listed.standing, listed.standing),
        "created_at": listed.entered_at, "updated_at": listed.entered_at}  # fmt: skip
    profile = _draft(listed)
    for table, columns in rows_of(profile).items():
        extra = {"intermediary_id": holder.organisation_id} if table == "listing_identity" else {}
        yield table, {"listing_id": listed.id, **extra, **columns}
    for year in years_of(profile):
        yield "listing_financials", {"listing_id": listed.id, **year}
    if listed.mandated:
        yield "owner_contact", {"id": uuid4(), "listing_id": listed.id, "name": company.owner.name, "email": company.owner_email,
                                "role": "representative", "locale": "ja"}
        yield "mandate", _mandate_row(listed, holder.member_id)
    if listed.excluded:
        kind, value = listed.excluded
        yield "exclusion", {"id": uuid4(), "listing_id": listed.id, "kind": kind, "value": value}
    if listed.audiences:
        yield from _teaser_rows(listed, holder.member_id, codebook, cells, population_version)


def _draft(listed: Listed) -> Any:
    """What is known so far: a listing that has only come in lacks terms and figures."""
    if listed.standing != "intake":
        return listed.company.profile
    return msgspec.structs.replace(listed.company.profile, financials=None, terms=None, guarantees=None, facts=None)


def terms_of(kind: str, signed_on: date, owner: str) -> Mandate:
    """A mandate of this kind that keeps to the guideline in force on its day."""
    if kind == "center_support":
        return Mandate(kind=kind, signed_on=signed_on, term_months=0)
    explained = datetime.combine(signed_on - timedelta(days=3), time(10), JAPAN)
    return Mandate(
        kind=kind, signed_on=signed_on, term_months=36, exclusivity_months=6, second_opinion_allowed=True, terminable_any_time=True,
        tail_months=12, tail_scope="name_cleared", fee_basis="share_price", minimum_fee_yen=5_000_000,
        document_hash=hashlib.sha256(b"demo: no written explanation exists").hexdigest(), explained_at=explained,
        explained_orally=True, explainer="例示 担当", recipient=owner, recipient_decides=True, items_explained=list(EXPLAINED_ITEMS))


def _mandate_row(listed: Listed, member_id: UUID) -> dict[str, Any]:
    kind, signed_on = _MANDATE_KIND[listed.holder], (listed.entered_at + timedelta(days=10)).astimezone(JAPAN).date()
    terms = terms_of(kind, signed_on, listed.company.owner.name)
    if broken := guideline.violations(terms, signed_on):
        raise ValueError(f"the demo's own mandate violates {broken[0].rule}")
    return {
        "id": uuid4(), "listing_id": listed.id, "kind": kind, "terms": terms, "edition": guideline.edition_on(kind, signed_on),
        "document_hash": bytes.fromhex(terms.document_hash) if terms.document_hash else None, "signed_on": signed_on,
        "ends_on": add_months(signed_on, terms.term_months) if terms.term_months else None, "confirmed_by": member_id,
        "confirmed_at": listed.entered_at + timedelta(days=11), "created_at": listed.entered_at + timedelta(days=10)}  # fmt: skip


def _teaser_rows(listed: Listed, member_id: UUID, codebook: Codebook, cells: dict[int, int],
                 population_version: str) -> Iterable[tuple[str, dict[str, Any]]]:
    """The teaser put before the owner, the answer, and what follows from a yes."""
    profile, asked_at = listed.company.profile, listed.entered_at + timedelta(days=30)
    cell = codebook.lookup(*figures_of(profile))
    teaser = derive(profile, Place(codes_of(cell), codebook.version, cell.cell, None, False), population_version)
    canonical = canonical_bytes(teaser)
    answer = {"asked": None, "declined": "refused", "listed": "approved"}[listed.standing]
    answered_at = asked_at + timedelta(days=10) if answer else None
    granted = listed.audiences if answer == "approved" else None
    yield "teaser_proposal", {
        "id": listed.proposal_id, "listing_id": listed.id, "canonical": msgspec.Raw(canonical),
        "canonical_hash": hashlib.sha256(canonical).digest(), "rendering_ja": sheet_text(render(teaser, "ja")),
        "cell_id": cells[cell.cell], "audiences": listed.audiences, "consent_months": 24, "proposed_by": member_id,
        "proposed_at": asked_at, "decision": answer, "audiences_granted": granted, "decided_at": answered_at,
        "decided_by": listed.company.owner.name if answer else None, "method": "link" if answer else None,
        "evidence": {"note": NO_PERSON} if answer else None}  # fmt: skip
    if granted is None:
        return
    for audience in audiences_in(granted):
        yield "audience_consent", {
            "id": uuid4(), "listing_id": listed.id, "proposal_id": listed.proposal_id, "audience": audience,
            "granted_at": answered_at, "expires_at": _months_after(answered_at, 24)}  # fmt: skip
    yield "publication", {
        "ref": new_reference(), "listing_id": listed.id, "proposal_id": listed.proposal_id, "codebook_version": codebook.version,
        "vocabulary_version": teaser.vocabulary_version, "population_version": population_version, "cell_id": cells[cell.cell],
        "audiences": granted, "state": "queued", "queued_at": listed.queued_at}  # fmt: skip


def _months_after(at: datetime, months: int) -> datetime:
    """As PostgreSQL adds months: the same day and hour in UTC, or the month's last day."""
    return datetime.combine(add_months(at.date(), months), at.timetz())
