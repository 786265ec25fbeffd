"""How does an intermediary reach the owner, and how do papers the owner signed come in?"""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta

from succession.codes import AUDIENCE_BIT
from succession.http import documented
from succession.idempotency import creates
from succession.listings import contacts, deciders, papers
from succession.listings.consents import Proposed, remind_owner
from succession.listings.queries import ConsentsView, find_consents
from succession.paging import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MOST, page_asked
from succession.permissions import allow
from succession.throttle import spend
from succession.wiring import Config, Memory, Read, Tx, Who

REMINDERS_A_DAY = 5
READS, WRITES, CONFIRMS = ({"permission": p} for p in ("listing:read", "listing:write", "paper:confirm"))
Audience = Literal[tuple(AUDIENCE_BIT)]
REVIEWERS = frozenset({"admin", "reviewer"})
Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_LIMIT_MOST)]


class OwnerContactList(msgspec.Struct, frozen=True):
    items: Annotated[list[contacts.OwnerContactView], Meta(max_length=contacts.CONTACTS_MOST)]


@get("/listings/{listing_id:uuid}/owner-contacts", opt=READS, operation_id="ListOwnerContacts",
     summary="Who speaks for the company", responses=documented())
async def list_contacts(read: Read, listing_id: FromPath[UUID]) -> OwnerContactList:
    return OwnerContactList(await contacts.list_owner_contacts(read, listing_id))


@post("/listings/{listing_id:uuid}/owner-contacts", opt=WRITES, operation_id="AddOwnerContact",
      summary="Add a person who speaks for the company",
      responses=documented("not_found", "limit_reached", "listing_closed"))
@creates
async def add_contact(request: Request, tx: Tx, listing_id: FromPath[UUID],
                      data: JSONBody[contacts.NewOwnerContact]) -> contacts.OwnerContactView:
    return await contacts.add_owner_contact(tx, listing_id, data)


@delete("/listings/{listing_id:uuid}/owner-contacts/{contact_id:uuid}", opt=WRITES, operation_id="RemoveOwnerContact",
        summary="Remove a contact; links sent to it die", responses=documented("not_found", "listing_closed"))
async def remove_contact(tx: Tx, listing_id: FromPath[UUID], contact_id: FromPath[UUID]) -> None:
    await contacts.remove_owner_contact(tx, listing_id, contact_id, datetime.now(UTC))


@get("/listings/{listing_id:uuid}/consents", opt=READS, operation_id="ListConsents",
     summary="What the owner was asked and allowed", responses=documented("not_found"))
async def list_consents(read: Read, listing_id: FromPath[UUID]) -> ConsentsView:
    return await find_consents(read, listing_id)


@post("/listings/{listing_id:uuid}/consents", opt=WRITES | {"creates_nothing": "sends the same question again"},
      operation_id="RemindOwner", summary="Send the owner the link to the latest proposal again", status_code=202,
      responses=documented("not_found", "listing_closed", "rate_limited"))
async def remind(tx: Tx, actor: Who, redis: Memory, settings: Config, listing_id: FromPath[UUID]) -> Proposed:
    await spend(redis, f"owner-reminder:{actor.organisation_id}:{listing_id}", REMINDERS_A_DAY, 86_400)
    return await remind_owner(tx, listing_id, datetime.now(UTC), settings.public_url)


@delete("/listings/{listing_id:uuid}/consents/{audience:str}", opt=WRITES, operation_id="WithdrawConsentByPaper",
        summary="End a consent on the owner's signed withdrawal; the teaser comes down at once",
        responses=documented("not_found"))
async def withdraw_consent(tx: Tx, settings: Config, listing_id: FromPath[UUID], audience: FromPath[Audience],
                           paper_evidence_id: FromQuery[UUID]) -> None:
    await papers.withdraw_by_paper(tx, listing_id, audience, paper_evidence_id, datetime.now(UTC), settings.public_url)


class PersonOfOwner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    owner_contact_id: UUID


@post("/owner-questions/{question_id:uuid}/handed-link", opt=WRITES, operation_id="HandOverOwnerLink",
      summary="A link for one person without a mail address, to be opened before them",
      responses=documented("not_found", "step_refused"))
@creates
async def hand_over_link(request: Request, tx: Tx, actor: Who, settings: Config, question_id: FromPath[UUID],
                         data: JSONBody[PersonOfOwner]) -> deciders.HandedLink:
    return await deciders.hand_over_link(tx, actor, question_id, data.owner_contact_id, settings.public_url)


@post("/owner-questions/{question_id:uuid}/spoken-code", opt={"permission": "owner_code:speak"}, operation_id="SpeakOwnerCode",
      summary="A code to read aloud to one person by telephone; never for who asked or handed the link over",
      responses=documented("not_found", "second_confirmation_needed", "question_closed", "rate_limited"))
@creates
async def speak_code(request: Request, tx: Tx, actor: Who, settings: Config, question_id: FromPath[UUID],
                     data: JSONBody[PersonOfOwner]) -> deciders.SpokenCode:
    return await deciders.speak_code(tx, settings, actor, question_id, data.owner_contact_id)


@post("/listings/{listing_id:uuid}/paper-evidence", opt=WRITES, operation_id="EnterPaper",
      summary="Enter a paper the owner signed", responses=documented("not_found", "owner_decides", "listing_closed"))
@creates
async def enter_paper(request: Request, tx: Tx, actor: Who, listing_id: FromPath[UUID],
                      data: JSONBody[papers.NewPaper]) -> papers.PaperView:
    return await papers.enter_paper(tx, actor, listing_id, data, datetime.now(UTC))


@get("/listings/{listing_id:uuid}/paper-evidence", opt=CONFIRMS, operation_id="ListPapers",
     summary="Papers the owner of this listing signed", responses=documented("cursor_invalid"))
async def list_papers(read: Read, actor: Who, settings: Config, listing_id: FromPath[UUID], limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT,
                      cursor: FromQuery[str | None] = None) -> papers.PaperPage:
    return await papers.list_papers(read, page_asked(settings, actor, cursor, limit), listing_id)


@get("/paper-evidence", opt=CONFIRMS, operation_id="ListPapersAwaiting",
     summary="Papers that wait for your confirmation", responses=documented("cursor_invalid"))
async def list_awaiting(read: Read, actor: Who, settings: Config, limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT,
                        cursor: FromQuery[str | None] = None) -> papers.PaperPage:
    return await papers.list_papers(read, page_asked(settings, actor, cursor, limit), None, awaiting_for=actor.member_id)


@get("/listings/{listing_id:uuid}/paper-evidence/{paper_id:uuid}/scan", opt=CONFIRMS, operation_id="ReadScan",
     summary="The scan itself", responses=documented("not_found"))
async def read_scan(read: Read, listing_id: FromPath[UUID], paper_id: FromPath[UUID]) -> Response[bytes]:
    scan, media_type = await papers.find_scan(read, listing_id, paper_id)
    return Response(scan, media_type=media_type, headers={"Content-Disposition": "attachment"})


@get("/listings/{listing_id:uuid}/paper-evidence/{paper_id:uuid}/seal-certificate", opt=CONFIRMS, operation_id="ReadSealCertificate",
     summary="The scan of the certificate of the registered seal", responses=documented("not_found"))
async def read_certificate(read: Read, listing_id: FromPath[UUID], paper_id: FromPath[UUID]) -> Response[bytes]:
    scan, media_type = await papers.find_certificate(read, listing_id, paper_id)
    return Response(scan, media_type=media_type, headers={"Content-Disposition": "attachment"})


@post("/listings/{listing_id:uuid}/paper-evidence/{paper_id:uuid}/confirmation", opt=CONFIRMS, status_code=200,
      operation_id="ConfirmPaper", summary="Confirm, as a second person, what a paper says; it then counts",
      responses=documented("not_found", "second_confirmation_needed", "owner_decides", "evidence_immutable"))
async def confirm_paper(tx: Tx, actor: Who, settings: Config, listing_id: FromPath[UUID],
                        paper_id: FromPath[UUID]) -> papers.PaperView:
    allow(actor, "paper:confirm", lambda: actor.kind != "operator" or actor.role in REVIEWERS)
    return await papers.confirm_paper(tx, actor, listing_id, paper_id, datetime.now(UTC), settings.public_url)


OWNER_ROUTES: list = [
    list_contacts, add_contact, remove_contact, list_consents, remind, withdraw_consent, hand_over_link, speak_code, enter_paper, list_papers,
    list_awaiting, read_scan, read_certificate, confirm_paper,
]  # fmt: skip
