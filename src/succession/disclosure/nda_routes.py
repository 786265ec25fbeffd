"""Which requests lead from the offer of an NDA to an agreement in force, its people, its renewal and its sealed document?"""

from datetime import UTC, date, datetime
from typing import Annotated, Literal
from uuid import UUID

from litestar import Request, Response, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta, Struct

from succession.characters import NAME
from succession.database import driver
from succession.disclosure.commands import nda, nda_members, nda_paper, nda_renewal
from succession.disclosure.nda_queries import (
    Act,
    NdaMemberPage,
    NdaPaperView,
    NdaRenewalView,
    NdaView,
    find_document,
    find_nda,
    find_paper,
    find_paper_content,
    find_renewal,
    list_nda_members,
)
from succession.disclosure.nda_text import TERM_MONTHS_LEAST, TERM_MONTHS_MOST, Form, Forum, Language, Law, Recipients, Terms
from succession.disclosure.paper_queries import ScheduleView, find_schedule
from succession.errors import found_or_404
from succession.http import documented
from succession.idempotency import creates
from succession.one_time_code import VALID
from succession.paging import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MOST, page_asked
from succession.wiring import Config, Pools, Read, Store, Tx, Who

Line = Annotated[str, Meta(min_length=1, max_length=200, pattern=NAME)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Months = Annotated[int, Meta(ge=TERM_MONTHS_LEAST, le=TERM_MONTHS_MOST)]
Members = Annotated[tuple[UUID, ...], Meta(max_length=nda_members.NAMED_MOST)]
PAPER_BYTES_MOST = 15 * 1024 * 1024  # ten megabytes in base64
PageLimit = Annotated[int, QueryParameter(ge=1, le=PAGE_LIMIT_MOST)]
HERE = "/disclosure-requests/{deal_id:uuid}/nda"
_SIGNING = ("not_found", "request_concluded", "step_refused", "nda_text_changed", "code_invalid", "code_expired", "rate_limited",
            "idempotency_key_reused")


class NdaOffer(Struct, forbid_unknown_fields=True):
    """A court of Japan goes with the law of Japan; `recipients`: who of the buyer's side may be told, its own staff always."""

    form: Form
    term_months: Months
    governing_law: Law = "japan"
    forum: Forum = "tokyo_district_court"
    prevailing_language: Language = "ja"
    recipients: Annotated[tuple[Recipients, ...], Meta(min_length=1, max_length=5)] = ("staff", "advisers", "lenders")


class Countersignature(Struct, forbid_unknown_fields=True):
    """`text_hash`: of the text that was read, as GET .../nda (or .../renewal) gave it; `locale_shown`: the language it was read in;
    `authority`: by law or register, or given in writing; `code`: the six digits that POST .../nda/code had mailed."""

    text_hash: Sha256
    name: Line
    title: Line
    authority: nda.Authority
    locale_shown: Literal["ja", "en"]
    code: Annotated[str, Meta(min_length=1, max_length=20)]

    def given(self) -> nda.Given:
        return nda.Given(self.text_hash, self.name, self.title, self.authority, self.code, self.locale_shown)


class Signature(Countersignature, forbid_unknown_fields=True):
    """The same; `members`: colleagues who may read besides the signer, once they have acknowledged the text themselves."""

    members: Members = ()


class CodeSent(Struct):
    """`act`: what the code signs; `sent_to`: the caller's own address, the middle left out."""

    act: Act
    sent_to: str
    expires_at: datetime


class Termination(Struct, forbid_unknown_fields=True):
    reason: Literal["talks_ended", "breach", "owner_request", "mandate_ended"]


class Named(Struct, forbid_unknown_fields=True):
    members: Annotated[list[UUID], Meta(min_length=1, max_length=nda_members.NAMED_MOST)]


class Acknowledgement(Struct, forbid_unknown_fields=True):
    text_hash: Sha256


class OwnPaper(Struct, forbid_unknown_fields=True):
    """A PDF signed outside this service. `term_months` count from `signed_on`; `signer_*`: who signed for the buyer."""

    form: Form
    term_months: Months
    signed_on: date
    signer_name: Line
    signer_title: Line
    content_base64: str
    governing_law: Law | Literal["as_stated"] = "as_stated"
    prevailing_language: Language | Literal["as_stated"] = "as_stated"


class PaperDecision(Struct, forbid_unknown_fields=True):
    """`content_hash`: sha256 of the PDF that was read. Whoever handed it in can only take it back (`refused`)."""

    decision: Literal["confirmed", "refused"]
    content_hash: Sha256


# ---------------------------------------------------------------------------------------------------------------------
# Offer and signatures


@post(HERE, opt={"permission": "nda:offer"}, operation_id="OfferNda", summary="Put the non-disclosure agreement before the buyer",
      responses=documented("not_found", "request_concluded", "screening_needed", "held_for_person", "conflict", "idempotency_key_reused"))
@creates
async def offer_nda(request: Request, tx: Tx, databases: Pools, actor: Who, deal_id: FromPath[UUID], data: JSONBody[NdaOffer]) -> NdaView:
    terms = Terms(data.form, data.term_months, data.governing_law, data.forum, data.prevailing_language, data.recipients)
    await nda.offer_nda(tx, databases, actor, deal_id, terms)
    return await find_nda(await driver(tx), deal_id)


@get(HERE, opt={"permission": "nda:read"}, operation_id="ReadNda", summary="The text exactly as it is signed, in both languages",
     responses=documented("not_found"))
async def read_nda(read: Read, deal_id: FromPath[UUID]) -> NdaView:
    return found_or_404(await find_nda(read, deal_id))


@post(f"{HERE}/code", opt={"permission": "nda:code"}, operation_id="SendNdaCode", summary="Have the code mailed that signs what is open to you",
      responses=documented("not_found", "request_concluded", "step_refused", "rate_limited", "idempotency_key_reused"))
@creates
async def send_code(request: Request, tx: Tx, settings: Config, actor: Who, deal_id: FromPath[UUID]) -> CodeSent:
    act, mailbox = await nda.send_code(tx, settings, actor, deal_id)
    return CodeSent(act, masked(mailbox), datetime.now(UTC) + VALID)


def masked(address: str) -> str:
    """An address its owner recognises: a****@example.org."""
    name, _at, domain = address.partition("@")
    return f"{name[:1]}****@{domain}"


@post(f"{HERE}/signature", opt={"permission": "nda:sign"}, operation_id="SignNda", summary="Sign exactly the text that was read",
      responses=documented(*_SIGNING, "limit_reached"))
@creates
async def sign_nda(request: Request, tx: Tx, databases: Pools, settings: Config, actor: Who, deal_id: FromPath[UUID],
                   data: JSONBody[Signature]) -> NdaView:
    await nda.sign_nda(tx, databases, settings, actor, deal_id, data.given(), data.members)
    return await find_nda(await driver(tx), deal_id)


@post(f"{HERE}/countersignature", opt={"permission": "nda:countersign"}, operation_id="CountersignNda",
      summary="Sign a two-party agreement, or its renewal, for the intermediary", responses=documented(*_SIGNING))
@creates
async def countersign_nda(request: Request, tx: Tx, databases: Pools, settings: Config, actor: Who, deal_id: FromPath[UUID],
                          data: JSONBody[Countersignature]) -> NdaView:
    await nda.countersign_nda(tx, databases, settings, actor, deal_id, data.given())
    return await find_nda(await driver(tx), deal_id)


@post(f"{HERE}/termination", opt={"permission": "nda:offer"}, operation_id="TerminateNda",
      summary="Stop providing information; reading ends at once", responses=documented("not_found", "step_refused", "idempotency_key_reused"))
@creates
async def terminate_nda(request: Request, tx: Tx, actor: Who, deal_id: FromPath[UUID], data: JSONBody[Termination]) -> NdaView:
    await nda.end_nda(tx, deal_id, data.reason)
    return await find_nda(await driver(tx), deal_id)


@get(f"{HERE}/schedule", opt={"permission": "nda:read"}, operation_id="ReadNdaSchedule",
     summary="What binds the agreement to the company, after the name clear", responses=documented("not_found"))
async def read_schedule(read: Read, deal_id: FromPath[UUID]) -> ScheduleView:
    return found_or_404(await find_schedule(read, deal_id))


# ---------------------------------------------------------------------------------------------------------------------
# Renewal


@get(f"{HERE}/renewal", opt={"permission": "nda:read"}, operation_id="ReadNdaRenewal",
     summary="The text that renews the agreement, in the last sixty days of its term", responses=documented("not_found"))
async def read_renewal(read: Read, deal_id: FromPath[UUID]) -> NdaRenewalView:
    return found_or_404(await find_renewal(read, deal_id))


@post(f"{HERE}/renewal", opt={"permission": "nda:sign"}, operation_id="RenewNda", summary="Sign the renewal that was read",
      responses=documented(*_SIGNING))
@creates
async def renew_nda(request: Request, tx: Tx, databases: Pools, settings: Config, actor: Who, deal_id: FromPath[UUID],
                    data: JSONBody[Countersignature]) -> NdaView:
    await nda_renewal.renew_nda(tx, databases, settings, actor, deal_id, data.given())
    return await find_nda(await driver(tx), deal_id)


# ---------------------------------------------------------------------------------------------------------------------
# People


@get(f"{HERE}/members", opt={"permission": "nda:read"}, operation_id="ListNdaMembers", summary="Whom the agreement binds in person",
     responses=documented("not_found", "cursor_invalid"))
async def read_members(read: Read, settings: Config, actor: Who, deal_id: FromPath[UUID], cursor: FromQuery[str | None] = None,
                       limit: FromQuery[PageLimit] = PAGE_LIMIT_DEFAULT) -> NdaMemberPage:
    found_or_404(await find_nda(read, deal_id))
    return await list_nda_members(read, deal_id, page_asked(settings, actor, cursor, limit))


@post(f"{HERE}/members", opt={"permission": "nda:acknowledge"}, operation_id="NameNdaMembers",
      summary="Name colleagues who may read once they have acknowledged the text",
      responses=documented("not_found", "request_concluded", "step_refused", "limit_reached", "idempotency_key_reused"))
@creates
async def name_members(request: Request, tx: Tx, settings: Config, actor: Who, deal_id: FromPath[UUID], data: JSONBody[Named]) -> NdaMemberPage:
    await nda_members.name_more(tx, actor, deal_id, data.members)
    return await list_nda_members(await driver(tx), deal_id, page_asked(settings, actor, None, PAGE_LIMIT_MOST))


@post(f"{HERE}/acknowledgement", opt={"permission": "nda:acknowledge"}, operation_id="AcknowledgeNda",
      summary="Say to have read the text one was named under, and to be bound by it",
      responses=documented("not_found", "request_concluded", "step_refused", "nda_text_changed", "idempotency_key_reused"))
@creates
async def acknowledge_nda(request: Request, tx: Tx, actor: Who, deal_id: FromPath[UUID], data: JSONBody[Acknowledgement]) -> NdaView:
    await nda_members.acknowledge_nda(tx, actor, deal_id, data.text_hash)
    return await find_nda(await driver(tx), deal_id)


@delete(f"{HERE}/members/{{member_id:uuid}}", opt={"permission": "nda:acknowledge"}, operation_id="ReleaseNdaMember",
        summary="Somebody no longer works on this: reading ends at once", responses=documented("not_found"))
async def release_member(tx: Tx, actor: Who, deal_id: FromPath[UUID], member_id: FromPath[UUID]) -> None:
    await nda_members.release_member(tx, actor, deal_id, member_id)


# ---------------------------------------------------------------------------------------------------------------------
# Own paper and the sealed document


@post(f"{HERE}/paper", opt={"permission": "nda:paper"}, operation_id="EnterNdaPaper", request_max_body_size=PAPER_BYTES_MOST,
      summary="Hand in a non-disclosure agreement signed on a party's own paper",
      responses=documented("not_found", "request_concluded", "screening_needed", "step_refused", "held_for_person", "body_too_large",
                           "document_refused", "unavailable", "conflict", "idempotency_key_reused"))
@creates
async def enter_paper(request: Request, tx: Tx, databases: Pools, store: Store, actor: Who, deal_id: FromPath[UUID],
                      data: JSONBody[OwnPaper]) -> NdaPaperView:
    content, scanned = await nda_paper.look_at_paper(databases, store, actor, deal_id, data.content_base64)
    paper = nda_paper.Paper(data.form, data.term_months, data.signed_on, data.signer_name, data.signer_title, data.governing_law,
                            data.prevailing_language)
    await nda_paper.enter_paper(tx, databases, actor, deal_id, paper, content, scanned)
    return await find_paper(await driver(tx), deal_id)


@get(f"{HERE}/paper", opt={"permission": "nda:paper"}, operation_id="ReadNdaPaper", summary="The paper that waits, or the last one",
     responses=documented("not_found"))
async def read_paper(read: Read, deal_id: FromPath[UUID]) -> NdaPaperView:
    return found_or_404(await find_paper(read, deal_id))


@get(f"{HERE}/paper/content", opt={"permission": "nda:paper"}, operation_id="ReadNdaPaperContent", summary="Its PDF, as handed in",
     responses=documented("not_found"))
async def read_paper_content(read: Read, deal_id: FromPath[UUID]) -> Response[bytes]:
    return _pdf(found_or_404(await find_paper_content(read, deal_id)), "paper")


@post(f"{HERE}/paper/decision", opt={"permission": "nda:paper"}, operation_id="DecideNdaPaper",
      summary="Confirm as a second person what one has read, or refuse it",
      responses=documented("not_found", "request_concluded", "screening_needed", "step_refused", "nda_text_changed", "held_for_person",
                           "second_confirmation_needed", "idempotency_key_reused"))
@creates
async def decide_paper(request: Request, tx: Tx, databases: Pools, actor: Who, deal_id: FromPath[UUID], data: JSONBody[PaperDecision]) -> NdaPaperView:
    await nda_paper.decide_paper(tx, databases, actor, deal_id, data.decision, data.content_hash)
    return await find_paper(await driver(tx), deal_id)


@get(f"{HERE}/document", opt={"permission": "nda:read"}, operation_id="ReadNdaDocument",
     summary="The sealed PDF: agreement, evidence page and, after the name clear, the schedule", responses=documented("not_found"))
async def read_document(read: Read, deal_id: FromPath[UUID],
                        version: FromQuery[Annotated[int, QueryParameter(ge=1, le=1000)] | None] = None) -> Response[bytes]:
    document = found_or_404(await find_document(read, deal_id, version))
    return _pdf(document.content, f"nda-{document.version}")


def _pdf(content: bytes, name: str) -> Response[bytes]:
    headers = {"Content-Disposition": f'attachment; filename="{name}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


ROUTES: list = [
    offer_nda, read_nda, send_code, sign_nda, countersign_nda, terminate_nda, read_schedule, read_renewal, renew_nda, read_members,
    name_members, acknowledge_nda, release_member, enter_paper, read_paper, read_paper_content, decide_paper, read_document,
]  # fmt: skip
