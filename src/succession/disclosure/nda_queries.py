"""What does each side read of its NDA: text, standing, signatures, people, paper, renewal, document? SQL into Structs, scope decides."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

import asyncpg
import msgspec

from succession.days import day_in_japan
from succession.disclosure.nda_text import SEPARATOR, Form, Parties, renewal_text
from succession.paging import PageAsked

NdaState = Literal["offered", "awaiting_countersignature", "signed", "expired", "ended"]
#: SQL: the state of row n. `signed` is in force.
STATE = """CASE WHEN n.ended_at IS NOT NULL THEN 'ended' WHEN n.signed_at IS NULL THEN 'offered'
    WHEN n.in_force_at IS NULL THEN 'awaiting_countersignature' WHEN n.expires_at <= now() THEN 'expired' ELSE 'signed' END"""
#: SQL: whether the reader is bound by row n in person, was named and has not acknowledged it yet, or neither.
PART = """CASE WHEN vault.bound_by(n.id, ops.member()) THEN 'bound' WHEN EXISTS (SELECT FROM vault.nda_member b WHERE b.nda_id = n.id
    AND b.member_id = ops.member() AND b.acknowledged_at IS NULL AND b.released_at IS NULL) THEN 'named' ELSE 'none' END"""


Act = Literal["signature", "countersignature", "renewal", "renewal_countersignature"]
RENEWAL_DAYS = 60  # how long before the end of the term a renewal can be signed; db/migrations/0016 says the same


class OpenNda(msgspec.Struct, frozen=True):
    """The NDA of a deal that has not ended, with the renewal of its present term. `side`: what the reader is to the deal."""

    id: UUID
    side: str
    form: Form
    text_hash: bytes
    signed: bool
    in_force: bool
    over: bool
    ending: bool
    renewal_id: UUID | None
    renewal_hash: bytes | None


_OPEN = f"""
SELECT n.id, vault.party(n.deal_id) AS side, n.form, n.text_hash, n.signed_at IS NOT NULL AS signed, n.in_force_at IS NOT NULL AS in_force,
    coalesce(n.expires_at <= now(), false) AS over, coalesce(n.expires_at <= now() + interval '{RENEWAL_DAYS} days', false) AS ending,
    r.id AS renewal_id, r.text_hash AS renewal_hash
FROM vault.nda n LEFT JOIN vault.nda_renewal r ON r.nda_id = n.id AND r.old_expires_at = n.expires_at
WHERE n.deal_id = $1 AND n.ended_at IS NULL"""


async def open_nda(connection: asyncpg.Connection, deal_id: UUID) -> OpenNda | None:
    row = await connection.fetchrow(_OPEN, deal_id)
    return None if row is None else OpenNda(**row)


def act_open(nda: OpenNda | None) -> Act | None:
    """What the reader's side can sign now."""
    if nda is None or (nda.in_force and nda.over):
        return None
    if nda.side == "buyer":
        if not nda.signed:
            return "signature"
        return "renewal" if nda.in_force and nda.ending and nda.renewal_id is None else None
    if nda.side != "seller" or nda.form != "two_party":
        return None
    if nda.signed and not nda.in_force:
        return "countersignature"
    return "renewal_countersignature" if nda.in_force and nda.renewal_id is not None else None


class SignatureView(msgspec.Struct):
    """`code_id`: the row of the one-time code that was mailed to whoever signed."""

    act: Act
    name: str
    title: str
    authority: Literal["legal_representative", "authorised_in_writing"]
    locale_shown: str
    text_hash: str
    code_id: UUID
    signed_at: datetime


class NdaView(msgspec.Struct):
    """The NDA as shown. `text_hash` is the sha256 (hex) of the UTF-8 bytes of text_ja + separator + text_en; who signs states it.

    `state`: `signed` is in force. `your_part`: whether the reader is bound in person. `document_version`: of the newest sealed PDF
    the reader may have, null until the worker has set one. `paper_hash`: sha256 (hex) of a party's own signed PDF.
    """

    id: UUID
    form: Form
    template_version: str
    text_ja: str
    separator: str
    text_en: str
    text_hash: str
    term_months: int
    governing_law: str
    forum: str
    prevailing_language: str
    recipients: list[str]
    state: NdaState
    your_part: Literal["none", "named", "bound"]
    offered_at: datetime
    signer_name: str | None
    signer_title: str | None
    signed_at: datetime | None
    countersigned_at: datetime | None
    in_force_at: datetime | None
    expires_at: datetime | None
    ended_at: datetime | None
    paper_hash: str | None
    document_version: int | None
    signatures: list[SignatureView]


_NDA = f"""
SELECT jsonb_build_object('id', n.id, 'form', n.form, 'template_version', n.template_version, 'text_ja', n.text_ja, 'text_en', n.text_en,
    'text_hash', encode(n.text_hash, 'hex'), 'term_months', n.term_months, 'governing_law', n.governing_law, 'forum', n.forum,
    'prevailing_language', n.prevailing_language, 'recipients', n.recipients, 'separator', $2::text, 'state', {STATE}, 'your_part', {PART},
    'offered_at', n.offered_at, 'signer_name', n.signer_name, 'signer_title', n.signer_title, 'signed_at', n.signed_at,
    'countersigned_at', n.countersigned_at, 'in_force_at', n.in_force_at, 'expires_at', n.expires_at, 'ended_at', n.ended_at,
    'paper_hash', (SELECT encode(p.content_hash, 'hex') FROM vault.nda_paper p WHERE p.id = n.paper_id),
    'document_version', (SELECT max(o.version) FROM vault.nda_document o WHERE o.nda_id = n.id),
    'signatures', coalesce((SELECT jsonb_agg(jsonb_build_object('act', s.act, 'name', s.name, 'title', s.title, 'authority', s.authority,
        'locale_shown', s.locale_shown, 'text_hash', encode(s.text_hash, 'hex'), 'code_id', s.code_id, 'signed_at', s.signed_at)
        ORDER BY s.signed_at, s.act) FROM vault.nda_signature s WHERE s.nda_id = n.id), '[]'))::text
FROM vault.nda n WHERE n.deal_id = $1 ORDER BY n.ended_at IS NOT NULL, n.offered_at DESC LIMIT 1"""


async def find_nda(connection: asyncpg.Connection, deal_id: UUID) -> NdaView | None:
    """The open NDA of a deal, else the last one."""
    found = await connection.fetchval(_NDA, deal_id, SEPARATOR)
    return None if found is None else msgspec.json.decode(found, type=NdaView)


# ---------------------------------------------------------------------------------------------------------------------
# People


class NdaMemberView(msgspec.Struct):
    """`bound`: named, acknowledged, not released and still a member: this person may read while the other causes hold."""

    member_id: UUID
    organisation: str
    name: str
    named_at: datetime
    acknowledged_at: datetime | None
    released_at: datetime | None
    bound: bool


class NdaMemberPage(msgspec.Struct):
    """Of the open NDA, or the last one; in the order in which they were named."""

    items: list[NdaMemberView]
    next_cursor: str | None


_MEMBERS = """
SELECT b.member_id, coalesce(o.legal_name, '') AS organisation, b.name, b.named_at, b.acknowledged_at, b.released_at, vault.bound_by(b.nda_id, b.member_id)
    AND b.released_at IS NULL AS bound
FROM vault.nda_member b LEFT JOIN vault.organisation o ON o.id = b.organisation_id
WHERE b.nda_id = (SELECT n.id FROM vault.nda n WHERE n.deal_id = $1 ORDER BY n.ended_at IS NOT NULL, n.offered_at DESC LIMIT 1)
    AND ($2::timestamptz IS NULL OR (b.named_at, b.member_id) > ($2, $3::uuid))
ORDER BY b.named_at, b.member_id LIMIT $4"""


async def list_nda_members(connection: asyncpg.Connection, deal_id: UUID, page: PageAsked) -> NdaMemberPage:
    query = ["nda_members", deal_id]
    rows = await connection.fetch(_MEMBERS, deal_id, *page.moment(query), page.limit + 1)
    items, more = page.cut(rows, query, "named_at", "member_id")
    return NdaMemberPage([NdaMemberView(**row) for row in items], more)


# ---------------------------------------------------------------------------------------------------------------------
# Own paper


class NdaPaperView(msgspec.Struct):
    """A party's own paper. `decision` null: waits for a second person; `content_hash`: sha256 (hex) of the PDF."""

    id: UUID
    side: Literal["seller", "buyer"]
    form: Form
    term_months: int
    governing_law: str
    prevailing_language: str
    signed_on: date
    signer_name: str
    signer_title: str
    content_hash: str
    size_bytes: int
    entered_at: datetime
    decision: Literal["confirmed", "refused"] | None
    decided_at: datetime | None


_PAPER = """SELECT id, side, form, term_months, governing_law, prevailing_language, signed_on, signer_name, signer_title,
    encode(content_hash, 'hex') AS content_hash, length(content) AS size_bytes, entered_at, decision, decided_at
FROM vault.nda_paper WHERE deal_id = $1 ORDER BY decision IS NOT NULL, entered_at DESC LIMIT 1"""


async def find_paper(connection: asyncpg.Connection, deal_id: UUID) -> NdaPaperView | None:
    """The paper that waits, else the last one."""
    row = await connection.fetchrow(_PAPER, deal_id)
    return None if row is None else NdaPaperView(**row)


async def find_paper_content(connection: asyncpg.Connection, deal_id: UUID) -> bytes | None:
    return await connection.fetchval(
        "SELECT content FROM vault.nda_paper WHERE deal_id = $1 ORDER BY decision IS NOT NULL, entered_at DESC LIMIT 1", deal_id)


# ---------------------------------------------------------------------------------------------------------------------
# Renewal


class NdaRenewalView(msgspec.Struct):
    """What is signed to go on. `state`: `open` to the buyer's signature, then waiting for the intermediary's."""

    state: Literal["open", "awaiting_countersignature"]
    text_ja: str
    separator: str
    text_en: str
    text_hash: str
    old_expires_at: datetime
    new_expires_at: datetime


_RENEWAL = f"""
SELECT n.form, n.text_hash, n.expires_at AS old, n.expires_at + make_interval(months => n.term_months) AS new,
       r.text_ja, r.text_en, d.project_name, s.legal_name AS discloser, b.legal_name AS recipient, b.country
FROM vault.nda n JOIN vault.deal d ON d.id = n.deal_id
JOIN vault.organisation s ON s.id = d.intermediary_id JOIN vault.organisation b ON b.id = d.buyer_id
LEFT JOIN vault.nda_renewal r ON r.nda_id = n.id AND r.old_expires_at = n.expires_at
WHERE n.deal_id = $1 AND n.ended_at IS NULL AND vault.nda_in_force(n.id) AND n.expires_at <= now() + interval '{RENEWAL_DAYS} days'"""


async def find_renewal(connection: asyncpg.Connection, deal_id: UUID) -> NdaRenewalView | None:
    """In the last sixty days of an NDA in force; None before and after."""
    row = await connection.fetchrow(_RENEWAL, deal_id)
    if row is None:
        return None
    parties = Parties(row["project_name"], " ".join(row["discloser"].split()), " ".join(row["recipient"].split()), row["country"])
    shown = renewal_text(row["form"], parties, row["text_hash"], day_in_japan(row["old"]), day_in_japan(row["new"]))
    signed = row["text_ja"] is not None
    if signed:  # kept verbatim, whatever a later edition says
        shown = type(shown)(row["text_ja"], row["text_en"])
    return NdaRenewalView("awaiting_countersignature" if signed else "open", shown.ja, SEPARATOR, shown.en, shown.hash.hex(),
                          row["old"], row["new"])


# ---------------------------------------------------------------------------------------------------------------------
# The sealed document


class SealedDocument(msgspec.Struct):
    version: int
    content: bytes
    content_hash: bytes


_DOCUMENT = """SELECT version, content, content_hash FROM vault.nda_document
WHERE nda_id = (SELECT n.id FROM vault.nda n WHERE n.deal_id = $1 ORDER BY n.ended_at IS NOT NULL, n.offered_at DESC LIMIT 1)
  AND ($2::int IS NULL OR version = $2) ORDER BY version DESC LIMIT 1"""


async def find_document(connection: asyncpg.Connection, deal_id: UUID, version: int | None) -> SealedDocument | None:
    """One version, or the newest this reader may have: one that names the company is for who may read the dossier."""
    row = await connection.fetchrow(_DOCUMENT, deal_id, version)
    return None if row is None else SealedDocument(**row)
