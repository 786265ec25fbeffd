"""Which requests make the data room and open it: folders, the owner's permission, releases, hints, competition, clean team?"""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from litestar import Request, Response, delete, get, patch, post, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from succession.characters import NAME, PROSE
from succession.codes import SCHEMES
from succession.database import driver
from succession.disclosure import (
    folder_subject,  # noqa: F401  registers the owner's question
    room_queries,
)
from succession.disclosure.commands import competition, folder_permissions, folder_release, folders
from succession.disclosure.commands.release import RevokeReason
from succession.disclosure.know_how import KnowHow
from succession.disclosure.reading_queries import DocumentView, find_document_view, holds_listing
from succession.disclosure.recipient_checks import AppiBasis, Declared, ExportClass
from succession.disclosure.room_queries import (
    CleanTeamPage,
    CleanTeamView,
    CompetitionPage,
    CompetitionView,
    FolderGrantPage,
    FolderGrantView,
    FolderPage,
    FolderPermissionPage,
    FolderPermissionView,
    FolderView,
    RecipientCheckPage,
    RecipientCheckView,
    is_party,
)
from succession.errors import Problem
from succession.http import documented, etag, if_match
from succession.idempotency import creates
from succession.paging import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MOST, page_asked
from succession.wiring import Config, Locale, Read, Tx, Who

FolderName = Annotated[str, Meta(min_length=1, max_length=120, pattern=NAME)]
Line = Annotated[str, Meta(min_length=1, max_length=200, pattern=NAME)]
Prose = Annotated[str, Meta(min_length=1, max_length=1000, pattern=PROSE)]
Position = Annotated[int, Meta(ge=0, le=9999)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Country = Literal[tuple(SCHEMES["country"].codes)]
Hint = Annotated[str, Meta(pattern="^[a-z_]{1,40}:([A-Z]{2}|-)$")]
Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_LIMIT_MOST)]
SIDES = ("seller", "buyer", "representative")


class NewFolder(Struct, forbid_unknown_fields=True):
    """`know_how_step`: K0 to K4, released in this order. `competitor_sensitive`: a competitor reads it through its clean team only."""

    name: FolderName
    position: Position = 0
    know_how_step: KnowHow | None = None
    competitor_sensitive: bool = False
    view_only: bool = False


class FolderChange(Struct, forbid_unknown_fields=True):
    """What is left out stays."""

    name: FolderName | UnsetType = UNSET
    position: Position | UnsetType = UNSET
    know_how_step: KnowHow | None | UnsetType = UNSET
    competitor_sensitive: bool | UnsetType = UNSET
    view_only: bool | UnsetType = UNSET


class DocumentDeclaration(Struct, forbid_unknown_fields=True):
    """What the adviser declares of a document. Nobody reads it while `contains_personal_data` is null, and nobody abroad while
    its export control class is `unknown`."""

    contains_personal_data: bool | None
    export_control_class: ExportClass
    appi_basis: AppiBasis | None = None


class DocumentPlace(Struct, forbid_unknown_fields=True):
    folder_id: UUID


class FolderQuestion(Struct, forbid_unknown_fields=True):
    """`by`: a single-use link to each representative with a mail address, or a paper entered later."""

    folder_ids: Annotated[list[UUID], Meta(min_length=1, max_length=50)]
    by: Literal["link", "paper"] = "link"


class FolderRelease(Struct, forbid_unknown_fields=True):
    """`expires_on`: last day (Japan) it can be read; by default as long as the data room."""

    folder_id: UUID
    expires_on: date | None = None


class FolderRevocation(Struct, forbid_unknown_fields=True):
    reason: RevokeReason


class RecipientConfirmation(Struct, forbid_unknown_fields=True):
    """`hints`: exactly those that were read; `words`: why it may go there all the same, for instance the number of a licence."""

    document_id: UUID
    hints: Annotated[list[Hint], Meta(min_length=1, max_length=100)]
    words: Prose


class CompetitionDeclaration(Struct, forbid_unknown_fields=True):
    competes: bool
    words: Prose


class Confirmation(Struct, forbid_unknown_fields=True):
    words: Prose


class CleanTeamNomination(Struct, forbid_unknown_fields=True):
    """`member_id`: who reads signs in as a member of the buyer or its representative, also counsel from outside. `country`: where
    they read. `undertaking_hash`: sha256 (hex) of the undertaking they signed."""

    member_id: UUID
    name: Line
    title: Line
    country: Country
    undertaking_hash: Sha256
    undertaken_on: date
    outside_firm: Line | None = None


# ---------------------------------------------------------------------------------------------------------------------
# Folders and what documents declare


@get("/listings/{listing_id:uuid}/folders", opt={"permission": "document:read"}, operation_id="ListFolders",
     summary="Folders of a data room one may open", responses=documented("not_found", "cursor_invalid"))
async def read_folders(read: Read, actor: Who, settings: Config, listing_id: FromPath[UUID], limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT,
                       cursor: FromQuery[str | None] = None) -> FolderPage:
    found = await room_queries.list_folders(read, listing_id, page_asked(settings, actor, cursor, limit))
    if not found.items and not await holds_listing(read, listing_id):
        raise Problem("not_found")
    return found


@post("/listings/{listing_id:uuid}/folders", opt={"permission": "document:write"}, operation_id="AddFolder",
      summary="Make a folder of the data room", responses=documented("not_found", "listing_closed", "folder_exists", "limit_reached",
                                                                     "idempotency_key_reused"))
@creates
async def add_folder(request: Request, tx: Tx, actor: Who, listing_id: FromPath[UUID], data: JSONBody[NewFolder]) -> FolderView:
    folder_id = await folders.add_folder(tx, actor, listing_id, data.name, data.position, data.know_how_step, data.competitor_sensitive,
                                         data.view_only)
    return await room_queries.find_folder(await driver(tx), folder_id)


@patch("/folders/{folder_id:uuid}", opt={"permission": "document:write"}, operation_id="EditFolder",
       summary="Rename, move or mark a folder; what it is stays once an owner was asked about it",
       responses=documented("not_found", "folder_exists", "folder_settled", "stale", "precondition_required"))
async def edit_folder(request: Request, tx: Tx, folder_id: FromPath[UUID], data: JSONBody[FolderChange]) -> Response[FolderView]:
    changes = {name: value for name, value in structs.asdict(data).items() if value is not UNSET}
    await folders.edit_folder(tx, folder_id, if_match(request), changes)
    changed = await room_queries.find_folder(await driver(tx), folder_id)
    return Response(changed, headers=etag(changed.version))


@delete("/folders/{folder_id:uuid}", opt={"permission": "document:write"}, operation_id="RemoveFolder",
        summary="Take a folder out; nobody reads what lies in it from then on", responses=documented("not_found"))
async def remove_folder(tx: Tx, folder_id: FromPath[UUID]) -> None:
    await folders.remove_folder(tx, folder_id)


@put("/documents/{document_id:uuid}/declaration", opt={"permission": "document:write"}, operation_id="DeclareDocument",
     summary="Declare personal data and export control class of a document", responses=documented("not_found"))
async def declare_document(tx: Tx, document_id: FromPath[UUID], data: JSONBody[DocumentDeclaration]) -> DocumentView:
    await folders.declare_document(tx, document_id, Declared(data.contains_personal_data, data.appi_basis, data.export_control_class))
    return await find_document_view(await driver(tx), document_id)


@put("/documents/{document_id:uuid}/folder", opt={"permission": "document:write"}, operation_id="MoveDocument",
     summary="Put a document into another folder; it is closed there until that folder is released", responses=documented("not_found"))
async def move_document(tx: Tx, document_id: FromPath[UUID], data: JSONBody[DocumentPlace]) -> DocumentView:
    await folders.move_document(tx, document_id, data.folder_id)
    return await find_document_view(await driver(tx), document_id)


# ---------------------------------------------------------------------------------------------------------------------
# The owner's permission, and releases


@get("/disclosure-requests/{deal_id:uuid}/folder-permissions", opt={"permission": "folder_permission:ask"},
     operation_id="ListFolderPermissions", summary="What the owner was asked about folders, and answered",
     responses=documented("not_found", "cursor_invalid"))
async def read_permissions(read: Read, actor: Who, settings: Config, deal_id: FromPath[UUID], limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT,
                           cursor: FromQuery[str | None] = None) -> FolderPermissionPage:
    await _party(read, deal_id, "seller")
    return await room_queries.list_permissions(read, deal_id, page_asked(settings, actor, cursor, limit))


@post("/disclosure-requests/{deal_id:uuid}/folder-permissions", opt={"permission": "folder_permission:ask"},
      operation_id="AskFolderPermission", summary="Ask the owner whether this buyer may be shown these folders",
      responses=documented("not_found", "request_concluded", "parked", "room_needed", "deciders_missing", "owner_unreachable",
                           "idempotency_key_reused"))
@creates
async def ask_permission(request: Request, tx: Tx, actor: Who, settings: Config, deal_id: FromPath[UUID],
                         data: JSONBody[FolderQuestion]) -> FolderPermissionView:
    permission_id = await folder_permissions.ask_permission(tx, actor, deal_id, data.folder_ids)
    if data.by == "link":
        await folder_permissions.send_permission(tx, permission_id, settings.public_url)
    return await room_queries.find_permission(await driver(tx), permission_id)


@post("/folder-permissions/{permission_id:uuid}/link", opt={"permission": "folder_permission:ask"}, operation_id="SendFolderPermissionLink",
      summary="Send the owner a fresh link: to answer, or to take a permission back",
      responses=documented("not_found", "request_concluded", "step_refused", "owner_unreachable", "idempotency_key_reused"))
@creates
async def send_permission_link(request: Request, tx: Tx, settings: Config, permission_id: FromPath[UUID]) -> FolderPermissionView:
    await folder_permissions.send_permission(tx, permission_id, settings.public_url)
    return await room_queries.find_permission(await driver(tx), permission_id)


@get("/disclosure-requests/{deal_id:uuid}/folder-grants", opt={"permission": "dossier:read"}, operation_id="ListFolderGrants",
     summary="Folders released to this buyer, newest first", responses=documented("not_found", "cursor_invalid"))
async def read_folder_grants(read: Read, actor: Who, settings: Config, deal_id: FromPath[UUID], limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT,
                             cursor: FromQuery[str | None] = None) -> FolderGrantPage:
    await _party(read, deal_id, *SIDES)
    return await room_queries.list_folder_grants(read, deal_id, page_asked(settings, actor, cursor, limit))


@post("/disclosure-requests/{deal_id:uuid}/folder-releases", opt={"permission": "grant:release"}, operation_id="ReleaseFolder",
      summary="Release a folder, as it lies today, to a buyer that has the data room",
      responses=documented("not_found", "request_concluded", "parked", "room_needed", "folder_permission_needed", "know_how_stage",
                           "know_how_order", "competitor_undeclared", "clean_team_needed", "recipient_check_needed", "limit_reached",
                           "disclosure_causes", "conflict", "idempotency_key_reused"))
@creates
async def release_folder(request: Request, tx: Tx, actor: Who, deal_id: FromPath[UUID], data: JSONBody[FolderRelease]) -> FolderGrantView:
    grant_id = await folder_release.release_folder(tx, actor, deal_id, data.folder_id, data.expires_on)
    return await room_queries.find_folder_grant(await driver(tx), grant_id)


@post("/folder-grants/{grant_id:uuid}/revocation", opt={"permission": "grant:revoke"}, operation_id="RevokeFolderGrant",
      summary="End the release of a folder, and of later steps of know-how; nothing more is read on it",
      responses=documented("not_found", "step_refused", "idempotency_key_reused"))
@creates
async def revoke_folder_grant(request: Request, tx: Tx, actor: Who, grant_id: FromPath[UUID],
                              data: JSONBody[FolderRevocation]) -> FolderGrantView:
    await folder_release.revoke_folder(tx, actor, grant_id, data.reason)
    return await room_queries.find_folder_grant(await driver(tx), grant_id)


# ---------------------------------------------------------------------------------------------------------------------
# Where documents would go


@get("/disclosure-requests/{deal_id:uuid}/recipient-checks", opt={"permission": "document:write"}, operation_id="ListRecipientChecks",
     summary="What to look at before documents go to where this buyer is; hints, never a clearance",
     responses=documented("not_found", "cursor_invalid"))
async def read_recipient_checks(read: Read, actor: Who, settings: Config, locale: Locale, deal_id: FromPath[UUID],
                                limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT, cursor: FromQuery[str | None] = None) -> RecipientCheckPage:
    await _party(read, deal_id, "seller")
    return await room_queries.list_recipient_checks(read, deal_id, locale, page_asked(settings, actor, cursor, limit))


@post("/disclosure-requests/{deal_id:uuid}/recipient-checks", opt={"permission": "recipient_check:confirm"},
      operation_id="ConfirmRecipientCheck", summary="Confirm by name that these hints were looked at, and why the document may go",
      responses=documented("not_found", "request_concluded", "hints_changed", "document_undeclared", "idempotency_key_reused"))
@creates
async def confirm_recipient_check(request: Request, tx: Tx, actor: Who, locale: Locale, deal_id: FromPath[UUID],
                                  data: JSONBody[RecipientConfirmation]) -> RecipientCheckView:
    await folder_release.confirm_recipient(tx, actor, deal_id, data.document_id, data.hints, data.words)
    return await room_queries.find_recipient_check(await driver(tx), deal_id, data.document_id, locale)


# ---------------------------------------------------------------------------------------------------------------------
# Competition and clean team


@get("/disclosure-requests/{deal_id:uuid}/competition", opt={"permission": "competition:declare"}, operation_id="ListCompetition",
     summary="Who declared that this buyer competes or not, and who confirmed it", responses=documented("not_found", "cursor_invalid"))
async def read_competition(read: Read, actor: Who, settings: Config, deal_id: FromPath[UUID], limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT,
                           cursor: FromQuery[str | None] = None) -> CompetitionPage:
    await _party(read, deal_id, *SIDES)
    return await room_queries.list_competition(read, deal_id, page_asked(settings, actor, cursor, limit))


@post("/disclosure-requests/{deal_id:uuid}/competition", opt={"permission": "competition:declare"}, operation_id="DeclareCompetition",
      summary="Declare whether this buyer competes with the company",
      responses=documented("not_found", "request_concluded", "idempotency_key_reused"))
@creates
async def declare_competition(request: Request, tx: Tx, actor: Who, deal_id: FromPath[UUID],
                              data: JSONBody[CompetitionDeclaration]) -> CompetitionView:
    declaration_id = await competition.declare_competition(tx, actor, deal_id, data.competes, data.words)
    return await room_queries.find_competition(await driver(tx), declaration_id)


@post("/competition/{declaration_id:uuid}/confirmation", opt={"permission": "competition_review:confirm"}, operation_id="ConfirmCompetition",
      summary="Stand by the last declaration by name", responses=documented("not_found", "request_concluded", "step_refused",
                                                                              "idempotency_key_reused"))
@creates
async def confirm_competition(request: Request, tx: Tx, actor: Who, declaration_id: FromPath[UUID],
                              data: JSONBody[Confirmation]) -> CompetitionView:
    await competition.confirm_competition(tx, actor, declaration_id, data.words)
    return await room_queries.find_competition(await driver(tx), declaration_id)


@get("/disclosure-requests/{deal_id:uuid}/clean-team", opt={"permission": "clean_team:read"}, operation_id="ListCleanTeam",
     summary="Who may read for a competitor, or what only a clean team reads", responses=documented("not_found", "cursor_invalid"))
async def read_clean_team(read: Read, actor: Who, settings: Config, deal_id: FromPath[UUID], limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT,
                          cursor: FromQuery[str | None] = None) -> CleanTeamPage:
    await _party(read, deal_id, *SIDES)
    return await room_queries.list_clean_team(read, deal_id, page_asked(settings, actor, cursor, limit))


@post("/disclosure-requests/{deal_id:uuid}/clean-team", opt={"permission": "clean_team:name"}, operation_id="NameCleanTeamMember",
      summary="Name a member who shall read for the buyer, with their undertaking",
      responses=documented("not_found", "request_concluded", "member_unknown", "conflict", "idempotency_key_reused"))
@creates
async def name_member(request: Request, tx: Tx, actor: Who, deal_id: FromPath[UUID], data: JSONBody[CleanTeamNomination]) -> CleanTeamView:
    entry_id = await competition.name_member(tx, actor, deal_id, data.member_id, data.name, data.title, data.outside_firm, data.country,
                                             bytes.fromhex(data.undertaking_hash), data.undertaken_on)
    return await room_queries.find_clean_team(await driver(tx), entry_id)


@post("/clean-team/{entry_id:uuid}/acceptance", opt={"permission": "clean_team_review:accept"}, operation_id="AcceptCleanTeamMember",
      summary="Accept a member of the clean team by name", responses=documented("not_found", "request_concluded", "step_refused",
                                                                                "idempotency_key_reused"))
@creates
async def accept_member(request: Request, tx: Tx, actor: Who, entry_id: FromPath[UUID]) -> CleanTeamView:
    await competition.accept_member(tx, actor, entry_id)
    return await room_queries.find_clean_team(await driver(tx), entry_id)


@post("/clean-team/{entry_id:uuid}/end", opt={"permission": "clean_team:end"}, operation_id="EndCleanTeamMember",
      summary="End a membership; they read nothing more", responses=documented("not_found", "step_refused", "idempotency_key_reused"))
@creates
async def end_member(request: Request, tx: Tx, entry_id: FromPath[UUID]) -> CleanTeamView:
    await competition.end_member(tx, entry_id)
    return await room_queries.find_clean_team(await driver(tx), entry_id)


async def _party(read: Read, deal_id: UUID, *sides: str) -> None:
    """Problem not_found for who is no party, forbidden for a party of another side."""
    if not await is_party(read, deal_id, *sides):
        raise Problem("forbidden" if await is_party(read, deal_id, *SIDES) else "not_found")


ROUTES: list = [
    read_folders, add_folder, edit_folder, remove_folder, declare_document, move_document, read_permissions, ask_permission,
    send_permission_link, read_folder_grants, release_folder, revoke_folder_grant, read_recipient_checks, confirm_recipient_check,
    read_competition, declare_competition, confirm_competition, read_clean_team, name_member, accept_member, end_member,
]  # fmt: skip
