"""How does an owner answer on paper? A member enters the scan, a second person confirms it, and then it counts.

The second person is another member of the firm, or, where the firm has a single active member, a reviewer of the
operator: row-level security decides which (`vault.needs_reviewer`). A withdrawal needs no second person: stopping does
no harm. A registered seal (実印), an everyday one (認印) and a signature weigh the same, and as much as an answer by link.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Meta
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.codes import AUDIENCE_BIT, audience_mask, audiences_in
from succession.database import Scope, driver, rescope
from succession.days import add_months, day_in_japan
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.listings.commands import lock_listing, lock_open_listing
from succession.listings.consents import withdraw_consents
from succession.listings.owner import OWNER_SUBJECTS, Answer, Sheet
from succession.listings.profile import Name
from succession.outbox import record
from succession.paging import PageAsked
from succession.tables.listings import PaperEvidence

SCAN_BYTES_MOST = 5 * 1024 * 1024
CERTIFICATE_MONTHS = 3
Audience = Literal["public", "verified_buyers", "agency_desk", "domestic_institutions"]
Seal = Literal["registered_seal", "everyday_seal", "signature"]
PERSONAL_DATA = "personal_data"  # the box of the separate consent, on a sheet
_MEDIA_TYPES = {b"%PDF-": "application/pdf", b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


class NewPaper(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`scan`: base64 of a PDF, JPEG or PNG of at most 5 MB. `subject_id`: the proposal, name clear or folder
    permission; for a withdrawal the listing. `audiences`: those ticked on the paper, or withdrawn by it. `owner_contact_id`: who answered, where several
    persons do. `personal_data`: the separate consent was ticked. `seal`: how it was signed; needed for every answer. A
    registered seal may come with the scan of its certificate, or with its hash (sha256, hex) alone, and the day it was issued."""

    purpose: Literal["teaser", "name_clear", "folder", "withdrawal"]
    subject_id: UUID
    decision: Literal["approved", "refused", "yes", "no", "ask_adviser", "withdrawn"]
    signer: Name
    witness: Name
    signed_on: date
    scan: bytes
    audiences: Annotated[list[Audience], Meta(max_length=4)] = []
    owner_contact_id: UUID | None = None
    personal_data: bool = False
    seal: Seal | None = None
    seal_certificate_sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None
    seal_certificate_on: date | None = None
    seal_certificate_scan: bytes | None = None


class PaperView(msgspec.Struct, frozen=True):
    """`scan_sha256` in hex. `confirmed_at` null: waits for a second person. `seal_certificate_scanned`: its scan can be read;
    `seal_certificate_old`: issued more than three months before the paper was signed, or after it. A hint to whoever confirms."""

    id: UUID
    listing_id: UUID
    purpose: str
    subject_id: UUID
    decision: str
    audiences: list[str]
    owner_contact_id: UUID | None
    personal_data: bool
    seal: str | None
    seal_certificate_sha256: str | None
    seal_certificate_on: date | None
    seal_certificate_scanned: bool
    seal_certificate_old: bool | None
    signer: str
    witness: str
    signed_on: date
    media_type: str
    scan_sha256: str
    entered_by: UUID
    entered_at: datetime
    confirmed_by: UUID | None
    confirmed_at: datetime | None


class PaperPage(msgspec.Struct, frozen=True):
    """Oldest first."""

    items: list[PaperView]
    next_cursor: str | None


def media_type_of(scan: bytes, field: str = "scan") -> str:
    """By its first bytes; Problem validation for anything else or too large."""
    if len(scan) > SCAN_BYTES_MOST:
        raise field_problem(field, Message.of(_("A scan has at most 5 megabytes.")))
    found = next((kind for start, kind in _MEDIA_TYPES.items() if scan.startswith(start)), None)
    if found is None:
        raise field_problem(field, Message.of(_("A scan is a PDF, JPEG or PNG file.")), tuple(_MEDIA_TYPES.values()))
    return found


async def enter_paper(tx: AsyncSession, actor: Actor, listing_id: UUID, new: NewPaper, now: datetime) -> PaperView:
    """Keep the scan with what it says. It counts once somebody else confirmed it; a withdrawal counts with its use."""
    media_type = media_type_of(new.scan)
    if new.signed_on > day_in_japan(now):
        raise field_problem("signed_on", Message.of(_("This day is still to come.")))
    certificate_hash = _check_seal(new, now)
    await lock_open_listing(tx, listing_id)
    contact_id = new.owner_contact_id
    if new.purpose == "withdrawal":
        _check_withdrawal(listing_id, new)
    else:
        if new.purpose not in OWNER_SUBJECTS:
            said = Message.of(_("Nothing of this kind is put before owners here."))
            raise field_problem("purpose", said, tuple(OWNER_SUBJECTS))
        sheet = await OWNER_SUBJECTS[new.purpose].load(await driver(tx), listing_id, new.subject_id, "ja", contact_id)
        contact_id = sheet.respondent
        check_answer(sheet, new.decision, _ticked(tuple(new.audiences), new.personal_data))
    made = PaperEvidence(
        listing_id=listing_id, purpose=new.purpose, subject_id=new.subject_id, decision=new.decision,
        audiences=audience_mask(new.audiences) or None, signer=new.signer, scan=new.scan, media_type=media_type,
        scan_hash=hashlib.sha256(new.scan).digest(), witness=new.witness, signed_on=new.signed_on,
        entered_by=actor.member_id, entered_at=now, owner_contact_id=contact_id, personal_data=new.personal_data, seal=new.seal,
        seal_certificate_hash=certificate_hash, seal_certificate_on=new.seal_certificate_on, seal_certificate_scan=new.seal_certificate_scan,
        seal_certificate_media_type=media_type_of(new.seal_certificate_scan, "seal_certificate_scan") if new.seal_certificate_scan else None,
    )  # fmt: skip
    tx.add(made)
    await tx.flush()
    await record(tx, "paper.entered", listing_id, paper=made.id, purpose=made.purpose, subject=made.subject_id,
                 decision=made.decision)
    return _view(made)


def _ticked(audiences: tuple[str, ...], personal_data: bool) -> tuple[str, ...]:
    """What was ticked on the paper, as boxes of the sheet."""
    return (*audiences, PERSONAL_DATA) if personal_data else audiences


def _check_seal(new: NewPaper, now: datetime) -> bytes | None:
    """The hash of its certificate, if there is one."""
    if new.purpose != "withdrawal" and new.seal is None:
        said = Message.of(_("Say how it was signed: with the registered seal, an everyday seal, or a signature."))
        raise field_problem("seal", said, Seal.__args__)
    hashed = bytes.fromhex(new.seal_certificate_sha256) if new.seal_certificate_sha256 else None
    if new.seal_certificate_scan:
        scanned = hashlib.sha256(new.seal_certificate_scan).digest()
        if hashed not in (None, scanned):
            raise field_problem("seal_certificate_sha256", Message.of(_("This is not the hash of the scan that was sent.")))
        hashed = scanned
    certificate = (hashed, new.seal_certificate_on)
    if certificate == (None, None):
        return None
    if new.seal != "registered_seal" or None in certificate:
        said = Message.of(_("A certificate belongs to a registered seal, and has a hash and a day."))
        raise field_problem("seal_certificate_sha256", said)
    if new.seal_certificate_on > day_in_japan(now):
        raise field_problem("seal_certificate_on", Message.of(_("This day is still to come.")))
    return hashed


def _old(issued_on: date | None, signed_on: date) -> bool | None:
    """Whether a certificate is none of the three months before the signature, as registries ask for it."""
    return None if issued_on is None else not issued_on <= signed_on <= add_months(issued_on, CERTIFICATE_MONTHS)


def _check_withdrawal(listing_id: UUID, new: NewPaper) -> None:
    if new.decision != "withdrawn" or not new.audiences:
        said = Message.of(_("A withdrawal names the audiences it withdraws from."))
        raise field_problem("decision", said, ("withdrawn",))
    if new.subject_id != listing_id:
        raise field_problem("subject_id", Message.of(_("A withdrawal is about the listing itself.")))


def check_answer(sheet: Sheet, decision: str, boxes: tuple[str, ...]) -> None:
    """Problem validation unless the sheet offers this answer with these boxes; conflict when nothing is open."""
    if not sheet.choices:
        raise Problem("owner_decides", detail=Message.of(_("There is nothing to decide at the moment.")))
    choice = next((each for each in sheet.choices if each.value == decision), None)
    if choice is None:
        answers = tuple(each.value for each in sheet.choices)
        raise field_problem("decision", Message.of(_("This is not one of the answers.")), answers)
    offered = tuple(box.name for box in sheet.boxes)
    takes = choice.needs_box or choice.may_box
    if not set(boxes) <= set(offered) or (boxes and not takes):
        raise field_problem("audiences", Message.of(_("This was not asked for.")), offered if takes else ())
    if choice.needs_box and not boxes:
        raise field_problem("audiences", Message.of(_("Tick at least one.")), offered)


async def confirm_paper(tx: AsyncSession, actor: Actor, listing_id: UUID, paper_id: UUID, now: datetime,
                        public_url: str) -> PaperView:
    """The second person has looked at the scan; the owner's answer takes effect in the same transaction.

    Problem second_confirmation_needed for whoever entered it; not_found for a reviewer while the firm has two members.
    """
    wanted = select(PaperEvidence).where(
        PaperEvidence.id == paper_id, PaperEvidence.listing_id == listing_id, PaperEvidence.purpose != "withdrawal")
    paper = await tx.scalar(wanted.with_for_update())
    if paper is None:
        raise Problem("not_found")
    if paper.entered_by == actor.member_id:
        raise Problem("second_confirmation_needed")
    if paper.confirmed_at is not None:
        raise Problem("evidence_immutable")
    paper.confirmed_by, paper.confirmed_at = actor.member_id, now
    await tx.flush()
    await record(tx, "paper.confirmed", listing_id, paper=paper_id)
    # The paper is the owner's word: what follows happens for the owner, as if the link had been used.
    mine: Scope = tx.info["scope"]
    await rescope(tx, Scope("owner", None, None, listing_id, f"paper:{paper_id}"))
    listing = await lock_listing(tx, listing_id)
    subject = OWNER_SUBJECTS[paper.purpose]
    boxes = _ticked(audiences_in(paper.audiences or 0), paper.personal_data)
    sheet = await subject.load(await driver(tx), listing_id, paper.subject_id, "ja", paper.owner_contact_id)
    check_answer(sheet, paper.decision, boxes)
    evidence = {"scan_sha256": paper.scan_hash.hex(), "witness": paper.witness, "signed_on": paper.signed_on.isoformat(),
                "seal": paper.seal, "seal_certificate_sha256": paper.seal_certificate_hash and paper.seal_certificate_hash.hex(),
                "shown_sha256": sheet.shown_hash}
    answer = Answer(paper.decision, boxes, paper.signer, "paper", paper_id, evidence, sheet.respondent)
    await subject.decide(tx, listing, paper.subject_id, answer, now, public_url)
    await tx.flush()
    await rescope(tx, mine)
    return _view(paper)


async def withdraw_by_paper(tx: AsyncSession, listing_id: UUID, audience: str, paper_id: UUID, now: datetime,
                            public_url: str) -> None:
    """End the consent for one audience on a paper that says so; the teaser comes down at once."""
    await lock_listing(tx, listing_id)
    paper = await tx.get(PaperEvidence, paper_id)
    says_so = paper is not None and paper.listing_id == listing_id and paper.purpose == "withdrawal"
    if not says_so or not (paper.audiences or 0) & AUDIENCE_BIT.get(audience, 0):
        raise field_problem("paper_evidence_id", Message.of(_("Enter the owner's withdrawal for this audience first.")))
    if not await withdraw_consents(tx, listing_id, (audience,), now, public_url, {"paper": str(paper_id)}):
        raise Problem("not_found")


def _view(paper: PaperEvidence) -> PaperView:
    return PaperView(
        paper.id, paper.listing_id, paper.purpose, paper.subject_id, paper.decision,
        list(audiences_in(paper.audiences or 0)), paper.owner_contact_id, bool(paper.personal_data), paper.seal,
        paper.seal_certificate_hash and paper.seal_certificate_hash.hex(), paper.seal_certificate_on, paper.seal_certificate_media_type is not None,
        _old(paper.seal_certificate_on, paper.signed_on), paper.signer, paper.witness, paper.signed_on, paper.media_type,
        paper.scan_hash.hex(), paper.entered_by, paper.entered_at, paper.confirmed_by, paper.confirmed_at,
    )  # fmt: skip


_PAPERS = """
SELECT id, listing_id, purpose, subject_id, decision, audiences, owner_contact_id, personal_data, seal,
       encode(seal_certificate_hash, 'hex') AS seal_certificate_sha256, seal_certificate_on,
       seal_certificate_media_type IS NOT NULL AS seal_certificate_scanned, signer, witness, signed_on, media_type, scan_hash,
       entered_by, entered_at, confirmed_by, confirmed_at
FROM vault.paper_evidence
WHERE ($1::uuid IS NULL OR listing_id = $1)
  AND ($2::uuid IS NULL OR (confirmed_at IS NULL AND purpose <> 'withdrawal' AND entered_by <> $2))
  AND ($3::timestamptz IS NULL OR (entered_at, id) > ($3, $4::uuid))
ORDER BY entered_at, id LIMIT $5
"""


async def list_papers(read: asyncpg.Connection, page: PageAsked, listing_id: UUID | None,
                      awaiting_for: UUID | None = None) -> PaperPage:
    """Of one listing, or those that wait for this member's confirmation."""
    query = ["papers", str(listing_id)]
    rows = await read.fetch(_PAPERS, listing_id, awaiting_for, *page.moment(query), page.limit + 1)
    rows, cursor = page.cut(rows, query, "entered_at", "id")
    return PaperPage([PaperView(**_shown(dict(row))) for row in rows], cursor)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    row["audiences"] = list(audiences_in(row["audiences"] or 0))
    row["scan_sha256"] = row.pop("scan_hash").hex()
    row["seal_certificate_old"] = _old(row["seal_certificate_on"], row["signed_on"])
    return row


async def find_scan(read: asyncpg.Connection, listing_id: UUID, paper_id: UUID) -> tuple[bytes, str]:
    """(bytes, media type) for who has to confirm; Problem not_found."""
    return await _bytes_of(read, "SELECT scan, media_type FROM vault.paper_evidence WHERE listing_id = $1 AND id = $2", listing_id, paper_id)


async def find_certificate(read: asyncpg.Connection, listing_id: UUID, paper_id: UUID) -> tuple[bytes, str]:
    """The same of the certificate of its seal; Problem not_found where none was sent."""
    wanted = ("SELECT seal_certificate_scan, seal_certificate_media_type FROM vault.paper_evidence WHERE listing_id = $1 AND id = $2 "
              "AND seal_certificate_scan IS NOT NULL")
    return await _bytes_of(read, wanted, listing_id, paper_id)


async def _bytes_of(read: asyncpg.Connection, wanted: str, listing_id: UUID, paper_id: UUID) -> tuple[bytes, str]:
    row = await read.fetchrow(wanted, listing_id, paper_id)
    if row is None:
        raise Problem("not_found")
    return row[0], row[1]
