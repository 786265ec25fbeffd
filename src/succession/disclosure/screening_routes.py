"""Which requests screen a buyer, and which keep the lists: findings, decisions, a second person, versions, licences?"""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from litestar import Request, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta, Struct

from succession.characters import LINE, NAME, PROSE
from succession.codes import SCHEMES
from succession.database import driver
from succession.disclosure.commands import lists, screening
from succession.disclosure.lists.reading import Format
from succession.disclosure.matching import match_deal
from succession.disclosure.queries import RequestForBuyer, RequestForSeller, find_request
from succession.disclosure.screening_queries import (
    AlertPage,
    LicencePage,
    LicenceView,
    ListEntryPage,
    ListView,
    ListViews,
    ScreeningPage,
    ScreeningView,
    VersionPage,
    WaitingPage,
    find_licence,
    find_screening,
    list_alerts,
    list_alerts_of,
    list_entries,
    list_licences,
    list_lists,
    list_screenings,
    list_versions,
    list_waiting,
)
from succession.errors import Problem, found_or_404
from succession.http import documented
from succession.i18n import _, translate
from succession.idempotency import creates
from succession.paging import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MOST, page_asked
from succession.wiring import Config, Locale, Read, Tx, Who

Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=NAME)]
Words = Annotated[str, Meta(min_length=1, max_length=500, pattern=NAME)]
Prose = Annotated[str, Meta(min_length=1, max_length=1000, pattern=PROSE)]
Code = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{1,39}$")]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Country = Literal[tuple(SCHEMES["country"].codes)]
Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_LIMIT_MOST)]
BASE64_MOST = 7_100_000  # five megabytes, as base64 writes them

NO_OFFICERS = _("The buyer has declared no officer: only the organisation, its parents and beneficial owners are looked for.")
NO_LISTS = _("There is no list that your organisation consults: nothing is compared.")


class ScreeningDecision(Struct, forbid_unknown_fields=True):
    """`findings_read`: fingerprint of the findings this decision rests on; needed with `explanation` to clear likenesses."""

    decision: Literal["cleared", "refused"]
    reason: Literal[screening.REFUSAL_REASONS] | None = None
    explanation: Prose | None = None
    findings_read: Sha256 | None = None


class ScreeningConfirmation(Struct, forbid_unknown_fields=True):
    """`findings_read`: fingerprint of the findings as the second person read them."""

    findings_read: Sha256


class NewList(Struct, forbid_unknown_fields=True):
    """`licensed_only`: consulted for, and shown to, licensed members alone; always so for an industry list (`bad_buyer`)."""

    code: Code
    kind: Literal["sanctions", "end_user", "bad_buyer", "internal"]
    title_ja: Name
    title_en: Name
    source: Words
    terms: Prose
    licensed_only: bool = False


class NewVersion(Struct, forbid_unknown_fields=True):
    """A whole file, at most 5 MB; longer ones by command. `mapping`: field to heading (CSV) or to path (generic XML).
    `anyway`: the list is meant to shrink by more than half. `dry_run`: report and store nothing."""

    format: Format
    content_base64: Annotated[str, Meta(max_length=BASE64_MOST)]
    label: Name
    as_of: date | None = None
    file_name: Annotated[str, Meta(max_length=200, pattern=LINE)] | None = None
    mapping: dict[Annotated[str, Meta(max_length=40)], Annotated[str, Meta(max_length=200)]] = {}
    anyway: bool = False
    dry_run: bool = False


class NewListEntry(Struct, forbid_unknown_fields=True):
    name: Name
    kind: Literal["organisation", "person"]
    aliases: Annotated[list[Name], Meta(max_length=50)] = []
    weak_aliases: Annotated[list[Name], Meta(max_length=50)] = []
    country: Country | None = None
    birth_years: Annotated[list[Annotated[int, Meta(ge=1850, le=2100)]], Meta(max_length=10)] = []
    identifiers: Annotated[list[Name], Meta(max_length=20)] = []
    reason: Name | None = None
    listed_on: date | None = None


class NewListEntries(Struct, forbid_unknown_fields=True):
    """Names added to one list: its next version, called `list_version`."""

    list_code: Code
    list_version: Name
    entries: Annotated[list[NewListEntry], Meta(min_length=1, max_length=500)]


class AddedEntries(Struct):
    ids: list[UUID]


class NewLicence(Struct, forbid_unknown_fields=True):
    """An intermediary is a member of the scheme behind a list: what shows it, and the sha256 (hex) of that document."""

    list_code: Code
    organisation_id: UUID
    from_date: date
    until_date: date
    evidence: Words
    evidence_hash: Sha256


# ---------------------------------------------------------------------------------------------------------------------
# Screening a buyer


@get("/disclosure-requests/{deal_id:uuid}/screening", opt={"permission": "screening:decide"}, operation_id="ReadScreening",
     summary="What the lists say of the buyer now, what was decided, and what waits", responses=documented("not_found"))
async def read_screening(read: Read, locale: Locale, deal_id: FromPath[UUID]) -> ScreeningPage:
    deal = await find_request(read, deal_id)
    if not isinstance(deal, RequestForSeller):
        raise Problem("not_found" if deal is None else "forbidden")
    findings = await match_deal(read, deal_id)
    hints = [NO_OFFICERS] if not any(party.role == "officer" for party in findings.parties) else []
    hints += [NO_LISTS] if not findings.lists else []
    return ScreeningPage(findings, await list_screenings(read, deal_id), await list_alerts_of(read, deal_id),
                         bool(await read.fetchval("SELECT vault.may_step($1)", deal_id)), [translate(hint, locale) for hint in hints])


@post("/disclosure-requests/{deal_id:uuid}/screening", opt={"permission": "screening:decide"}, operation_id="DecideScreening",
      summary="Decide on the buyer; clearing likenesses waits for a second person, a refusal ends the request",
      responses=documented("not_found", "request_concluded", "screening_unread", "step_refused", "idempotency_key_reused"))
@creates
async def decide_screening(request: Request, tx: Tx, actor: Who, settings: Config, deal_id: FromPath[UUID],
                           data: JSONBody[ScreeningDecision]) -> RequestForSeller | RequestForBuyer:
    await screening.decide_screening(tx, actor, deal_id, data.decision, data.reason, data.explanation, data.findings_read, settings.public_url)
    return await find_request(await driver(tx), deal_id)


@get("/screenings", opt={"permission": "screening:confirm"}, operation_id="ListScreeningsWaiting",
     summary="Screenings that wait for your confirmation, oldest first", responses=documented("cursor_invalid"))
async def waiting(read: Read, actor: Who, settings: Config, limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT,
                  cursor: FromQuery[str | None] = None) -> WaitingPage:
    return await list_waiting(read, actor.member_id, page_asked(settings, actor, cursor, limit))


@post("/screenings/{screening_id:uuid}/confirmation", opt={"permission": "screening:confirm"}, operation_id="ConfirmScreening",
      summary="Confirm as a second person that the records found are somebody else",
      responses=documented("not_found", "second_confirmation_needed", "screening_unread", "screening_superseded", "step_refused",
                           "idempotency_key_reused"))
@creates
async def confirm_screening(request: Request, tx: Tx, actor: Who, settings: Config, screening_id: FromPath[UUID],
                            data: JSONBody[ScreeningConfirmation]) -> ScreeningView:
    await screening.confirm_screening(tx, actor, screening_id, data.findings_read, settings.public_url)
    return found_or_404(await find_screening(await driver(tx), screening_id))


@get("/screening-alerts", opt={"permission": "screening:decide"}, operation_id="ListScreeningAlerts",
     summary="What lists say anew about buyers of your deals, until somebody decides", responses=documented("cursor_invalid"))
async def alerts(read: Read, actor: Who, settings: Config, limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT,
                 cursor: FromQuery[str | None] = None) -> AlertPage:
    return await list_alerts(read, page_asked(settings, actor, cursor, limit))


# ---------------------------------------------------------------------------------------------------------------------
# Lists and their versions


@get("/screening-lists", opt={"permission": "screening_list:read"}, operation_id="ListScreeningLists",
     summary="The lists you may consult, each with its newest version", responses=documented())
async def read_lists(read: Read) -> ListViews:
    return ListViews(await list_lists(read))


@post("/screening-lists", opt={"permission": "screening_list:edit"}, operation_id="OpenScreeningList", summary="Open a list, without entries yet",
      responses=documented("list_exists", "idempotency_key_reused"))
@creates
async def open_list(request: Request, tx: Tx, actor: Who, data: JSONBody[NewList]) -> ListView:
    await lists.open_list(tx, actor, data)
    return (await list_lists(await driver(tx), data.code))[0]


@delete("/screening-lists/{code:str}", opt={"permission": "screening_list:edit"}, operation_id="RetireScreeningList",
        summary="Consult a list no more; what was consulted is kept", responses=documented("not_found"))
async def retire_list(tx: Tx, code: FromPath[str]) -> None:
    await lists.retire_list(tx, code)


@get("/screening-lists/{code:str}/versions", opt={"permission": "screening_list:read"}, operation_id="ListScreeningListVersions",
     summary="The versions of a list, newest first", responses=documented("not_found", "cursor_invalid"))
async def versions(read: Read, actor: Who, settings: Config, code: FromPath[str], limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT,
                   cursor: FromQuery[str | None] = None) -> VersionPage:
    if not await list_lists(read, code):
        raise Problem("not_found")
    return await list_versions(read, code, page_asked(settings, actor, cursor, limit))


@post("/screening-lists/{code:str}/versions", opt={"permission": "screening_list:edit"}, operation_id="ImportScreeningList",
      summary="Bring a list to a new version from a whole file, or see what that would change",
      responses=documented("not_found", "import_broken", "list_known", "list_shrinks", "body_too_large", "idempotency_key_reused"))
@creates
async def import_list(request: Request, tx: Tx, actor: Who, locale: Locale, code: FromPath[str], data: JSONBody[NewVersion]) -> lists.Report:
    return await lists.import_list(tx, actor, code, data.format, data.content_base64, data.mapping, data.label, data.as_of, data.file_name,
                                   data.anyway, data.dry_run, locale)


@get("/screening-lists/entries", opt={"permission": "screening_list:read"}, operation_id="ListScreeningListEntries",
     summary="Names on the lists you may consult, newest first", responses=documented("cursor_invalid"))
async def read_entries(read: Read, actor: Who, settings: Config, list_code: FromQuery[Code | None] = None,
                       limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT, cursor: FromQuery[str | None] = None) -> ListEntryPage:
    return await list_entries(read, list_code, page_asked(settings, actor, cursor, limit))


@post("/screening-lists/entries", opt={"permission": "screening_list:edit"}, operation_id="AddScreeningListEntries",
      summary="Add names to a list", responses=documented("not_found", "idempotency_key_reused"))
@creates
async def add_entries(request: Request, tx: Tx, actor: Who, data: JSONBody[NewListEntries]) -> AddedEntries:
    return AddedEntries(await lists.add_list_entries(tx, actor, data.list_code, data.list_version, data.entries))


@delete("/screening-lists/entries/{entry_id:uuid}", opt={"permission": "screening_list:edit"}, operation_id="RemoveScreeningListEntry",
        summary="Take a name off its list", responses=documented("not_found"))
async def remove_entry(tx: Tx, actor: Who, entry_id: FromPath[UUID]) -> None:
    await lists.remove_list_entry(tx, actor, entry_id)


# ---------------------------------------------------------------------------------------------------------------------
# Licences


@get("/list-licences", opt={"permission": "screening_list:read"}, operation_id="ListListLicences",
     summary="Who may consult lists for licensed members; an intermediary reads its own", responses=documented("cursor_invalid"))
async def licences(read: Read, actor: Who, settings: Config, limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT,
                   cursor: FromQuery[str | None] = None) -> LicencePage:
    return await list_licences(read, page_asked(settings, actor, cursor, limit))


@post("/list-licences", opt={"permission": "list_licence:confirm"}, operation_id="ConfirmListLicence",
      summary="Confirm on evidence that an intermediary may consult a list", responses=documented("not_found", "idempotency_key_reused"))
@creates
async def license_member(request: Request, tx: Tx, actor: Who, data: JSONBody[NewLicence]) -> LicenceView:
    licence_id = await lists.license_member(tx, actor, data.list_code, data.organisation_id, data.from_date, data.until_date, data.evidence,
                                            data.evidence_hash)
    return await find_licence(await driver(tx), licence_id)


@post("/list-licences/{licence_id:uuid}/termination", opt={"permission": "list_licence:confirm"}, operation_id="EndListLicence",
      summary="End a licence; from now on its holder consults that list no more", responses=documented("not_found", "idempotency_key_reused"))
@creates
async def end_licence(request: Request, tx: Tx, licence_id: FromPath[UUID]) -> LicenceView:
    await lists.end_licence(tx, licence_id)
    return await find_licence(await driver(tx), licence_id)


ROUTES: list = [
    read_screening, decide_screening, waiting, confirm_screening, alerts, read_lists, open_list, retire_list, versions, import_list, read_entries, add_entries,
    remove_entry, licences, license_member, end_licence,
]  # fmt: skip
