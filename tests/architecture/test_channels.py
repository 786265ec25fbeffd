"""Does everything that shows something of a listing write down that it did?

Whoever adds a route or a letter says here what it shows. Either it belongs to a channel (market/exposures.py), whose table
writes the exposure by trigger; or it shows nothing of a listing to anybody but its holder and its owner, and why is argued
in one of the lists below.
"""

from __future__ import annotations

import pytest

from succession.app import create_app
from succession.config import Settings, resource
from succession.letters import LETTERS
from succession.market.exposures import CHANNELS
from succession.permissions import PERMISSIONS

#: Why a route shows nothing that counts -> the routes.
NOTHING: dict[str, str] = {
    "its answer is about the caller, its members or the program": """
        ChangeMember ChangeOwnMember ChangeOwnPassword CorrectOrganisation CreateApiKey InviteMember InviteMemberAgain Leave
        ListApiKeys ListMembers ReadOwnMember ReadOwnOrganisation RegisterOrganisation RemoveMember RequestPasswordReset
        BeginSecondFactor ConfirmSecondFactorSetUp ConfirmSecondFactor ResetSecondFactor ResetSecondFactorOfMember
        ReadOfficers DeclareOfficers RevokeApiKey SetPasswordByToken SignIn SignOut SignOutEverywhere WhoAmI
        ReadOpenapi ReadProblem""",
    "a directory of organisations, not of listings": "ListDesks ListOrganisations ReadOrganisation VerifyOrganisation",
    "published vocabulary, the same for everybody": "ListSchemes ReadScheme",
    "read by the holder of the listing alone (row-level security: vault.holds), or by the reviewer of its papers": """
        ActivateMandate AddDocument AddOwnerContact ApproachCandidates CommitImport ConfirmMandate ConfirmPaper EditListing EndMandate
        EnterListing EnterPaper Exclude ListAccesses ListConsents ListExclusions ListImportRows ListListings ListMandatesAwaiting
        ListOwnerContacts ListPapers ListPapersAwaiting PrepareListing PreviewTeaser ProposeTeaser PublishListing ReadImport ReadImportState
        ReadListing ReadMandate ReadReadiness ReadScan ReadSealCertificate Readmit RemindOwner RemoveDocument RemoveOwnerContact ResumeListing SuspendListing
        UnpublishListing WithdrawConsentByPaper WithdrawListing
        AddFolder EditFolder RemoveFolder DeclareDocument MoveDocument ListFolderPermissions AskFolderPermission SendFolderPermissionLink
        AskCaseFile ListCaseFiles ReadCaseFile TakeCaseFile AnnounceUpload ReadUpload ReceiveUpload AllowDownload AskDocumentErasure ConfirmDocumentErasure
        ReadTeaserProse WriteTeaserProse ReviewTeaserProse RemoveTeaserProse ListHeldAnswers ListBuyerMatches""",
    "counts of what is kept and purged, for the operator": "ReadRetention",
    "ids and commitments, never a name or a code of a teaser": "ReadLedger ListAuditEvents ListLedgerCheckpoints ListDealCheckpoints",
    "to whom it was released, for its holder and the operator": "ReadKnowledge OpenKnowledgePage",
    "what an acquirer wishes, read by its desk and by whom it is introduced to": "FileBrief ListBriefs ReadBrief CloseBrief",
    "the reader's own searches, in published codes": "SaveSearch ListSavedSearches ReadSavedSearch ChangeSavedSearch DeleteSavedSearch",
    "ends letters, for who holds the link in one": "OpenUnsubscribePage AnswerUnsubscribePage",
    "what an acquirer wishes, its own to read": "KeepAcquirerProfile ReadAcquirerProfile",
    "who acts for whom": "RecordRepresentation ListRepresentations ConfirmRepresentation EndRepresentation",
    "told to the desk as a coded reason; the teaser is what it named itself": "DeclineIntroduction",
    "answers with the reference the buyer named, and a project name drawn by lot": "OpenDisclosureRequest",
    "about the buyer, for the seller's side": """
        DecideScreening ReadScreening TerminateNda CountersignNda AskNameClear ReadNameClear SendNameClearLink HandOverOwnerLink
        ListRecipientChecks ConfirmRecipientCheck ListCompetition DeclareCompetition ConfirmCompetition
        ListScreeningsWaiting ConfirmScreening ListScreeningAlerts
        AddScreeningListEntries ListScreeningListEntries RemoveScreeningListEntry""",
    "lists of names, kept by the operator and read by intermediaries: no listing is in them": """
        ListScreeningLists OpenScreeningList RetireScreeningList ListScreeningListVersions ImportScreeningList ListListLicences ConfirmListLicence EndListLicence""",
    "about a buyer: read by the operator, by itself, and by whoever reported it": """
        ReportAdverseEvent ListAdverseEvents ReadAdverseEvent NotifyOfAdverseEvent ObjectToAdverseEvent DecideAdverseEvent ConfirmAdverseEvent""",
    "ends a reading": "RevokeGrant RevokeFolderGrant ReleaseNdaMember EndDocumentLink",
    "links to documents by id, for whoever may end them": "ListDocumentLinks",
    "who reads for the buyer, named by itself; accepted or ended": "ListCleanTeam NameCleanTeamMember AcceptCleanTeamMember EndCleanTeamMember",
    "a name and a number of the owner's side, for the holder's second member or the operator's reviewer who calls": "SpeakOwnerCode",
    "what is said of countries and declared by buyers, for Art. 28":
        "ListPersonalDataCountries NotePersonalDataCountry ReadPersonalDataMeasures DeclarePersonalDataMeasures",
    "who agreed to be named to a buyer, and what went out: the holder's and its reviewer's to read": """
        ListThirdPersonConsents EnterThirdPersonConsent ConfirmThirdPersonConsent WithdrawThirdPersonConsent ListPersonalDataTransfers""",
    "codes and people of an agreement that was offered": "SendNdaCode SendNdaCodeFromPage ListNdaMembers NameNdaMembers",
    "steps of a deal under its project name; what follows from the company's industry is for who has the dossier": """
        ListDeals ReadDeal TakeDealStep GrantExclusivity EndExclusivity KeepFiling ListObligations ReportObligation""",
    "closed months over fixed cubes, small counts hidden with what would give them away (metrics/suppression.py)":
        "ListMetrics ReadMetrics",
    "the operator's page: codes and organisations, never a company; the operator is told nothing it could not count":
        "ListHolds ReadHold DecideHold ConfirmHold ListListedTwice",
    "the owner's own page": "OpenOwnerPage AnswerOwnerPage RenewOwnerLink OpenOwnerKnowledgePage",
    "a page to sign in: project names and the reader's own references": "OpenSignInPage AnswerSignInPage",
    "a page for a password or a second factor, and whether the program is alive":
        "OpenPasswordPage AnswerPasswordPage OpenSecondFactorPage AnswerSecondFactorPage Healthz Readyz",
}  # fmt: skip
#: Why a letter shows nothing that counts -> the letters.
SILENT_LETTERS: dict[str, str] = {
    "about the reader's own account": """
        confirm_registration already_registered invitation password_reset password_changed organisation_verified organisation_refused
        organisation_suspended second_factor_set_up recovery_code_used second_factor_reset""",
    "to a desk or an intermediary, with a link and no word of a company": """
        brief_filed introduction_proposed introduction_declined representation_recorded representation_confirmed representation_ended""",
    "to the owner, or to the intermediary about its own listing": """
        owner_teaser owner_approved owner_link_again owner_decided consent_withdrawn owner_name_clear owner_name_cleared owner_answered
        owner_code request_opened nda_signed nda_to_countersign nda_paper_entered nda_renewed question_asked owner_folder owner_folder_allowed
        owner_screening""",
    "a code, or a step of an agreement that was offered, under a project name":
        "nda_code nda_named nda_countersigned nda_paper_refused nda_expires",
    "ends something, under a project name": "request_not_successful nda_ended access_ended",
    "a step under a project name": "deal_moved deal_unparked clean_team_named clean_team_accepted",
    "a root over everything, the same for everybody who has a new entry of its own to read": "ledger_checkpoint",
    "under the project name, to the adviser that holds the listing, or to a reviewer with no word of whom": "screening_waits screening_review_waits screening_alert",
    "to a buyer about itself, and to the operator": "adverse_event_notified adverse_event_objected adverse_event_decided",
    "to the operator, or that a step can or cannot be taken": "hold_opened hold_released hold_refused",
}  # fmt: skip
# Fields by which a teaser or a company speaks: whoever's answer has one may be asked for its reason by name.
TELLING = {"place", "industry", "founded", "employees", "revenue", "margin", "phrases", "codes", "title", "prose", "legal_name", "name_kana",
           "corporate_number", "intermediary", "text_ja", "text_en", "documents", "jsic_code", "prefecture"}
OUTSIDERS = {"acquirer", "agency"}

APP = create_app(Settings.from_env({"SUCCESSION_DEMO": "1", "SUCCESSION_SECRET_KEY": "k" * 32}))
OPERATIONS = {
    handler.operation_id: handler
    for route in APP.routes if hasattr(route, "route_handlers") and not route.path.startswith(("/v1/_openapi", "/static"))
    for handler in route.route_handlers if getattr(handler, "operation_id", None)
}


def _named(table: dict[str, str]) -> list[str]:
    return [name for names in table.values() for name in names.split()]


def faults(operations, letters, channels) -> list[str]:
    """What is in no list, in two, or in one though it does not exist."""
    of_channel = {route for channel in channels.values() for route in channel.routes}
    said = _named(NOTHING)
    found = [f"route {name}: which channel, or why none?" for name in sorted(set(operations) - of_channel - set(said))]
    found += [f"route {name} is in two lists" for name in sorted((of_channel & set(said)) | {n for n in said if said.count(n) > 1})]
    found += [f"route {name} does not exist" for name in sorted((of_channel | set(said)) - set(operations))]
    posted = {letter for channel in channels.values() for letter in channel.letters}
    silent = _named(SILENT_LETTERS)
    found += [f"letter {name}: which channel, or why none?" for name in sorted(set(letters) - posted - set(silent))]
    found += [f"letter {name} is in two lists" for name in sorted((posted & set(silent)) | {n for n in silent if silent.count(n) > 1})]
    return found + [f"letter {name} does not exist" for name in sorted((posted | set(silent)) - set(letters))]


def test_every_route_and_letter_belongs_to_a_channel_or_says_why_not():
    assert faults(OPERATIONS, LETTERS, CHANNELS) == []


def test_a_route_or_a_letter_nobody_thought_of_is_noticed():
    assert faults({**OPERATIONS, "SharePreview": None}, LETTERS, CHANNELS) == ["route SharePreview: which channel, or why none?"]
    assert faults(OPERATIONS, {**LETTERS, "saved_search": None}, CHANNELS) == ["letter saved_search: which channel, or why none?"]
    fewer = {name: channel for name, channel in CHANNELS.items() if name != "nda"}
    assert "route OfferNda: which channel, or why none?" in faults(OPERATIONS, LETTERS, fewer)


def _properties(schema, components, seen) -> set[str]:
    """Names of every field an answer can hold, however deep."""
    found: set[str] = set()
    if isinstance(schema, dict):
        if reference := schema.get("$ref"):
            name = reference.rpartition("/")[2]
            return set() if name in seen else _properties(components[name], components, seen | {name})
        found |= set(schema.get("properties", {}))
        for part in schema.values():
            found |= _properties(part, components, seen)
    elif isinstance(schema, list):
        for part in schema:
            found |= _properties(part, components, seen)
    return found


def _answers() -> dict[str, set[str]]:
    document = APP.openapi_schema.to_schema()
    components = document["components"]["schemas"]
    return {
        operation["operationId"]: _properties([answer for status, answer in operation["responses"].items() if status < "300"], components, frozenset())
        for path in document["paths"].values() for operation in path.values() if isinstance(operation, dict) and "operationId" in operation
    }


#: Routes outside a channel whose answers have a telling field that an acquirer or agency may read -> what the field is there.
HARMLESS = {
    "FileBrief": "industries and places of the wishes", "ListBriefs": "the same", "ReadBrief": "the same", "CloseBrief": "the same",
    "KeepAcquirerProfile": "the same, of the reader", "ReadAcquirerProfile": "the same",
    "OpenDisclosureRequest": "the intermediary, null until an NDA names it",
    "ListRepresentations": "the intermediary that acts for the reader", "ConfirmRepresentation": "the same", "EndRepresentation": "the same",
    "ListCleanTeam": "the title of a member of the buyer", "NameCleanTeamMember": "the same", "EndCleanTeamMember": "the same",
    "ReadOwnOrganisation": "the reader's own", "CorrectOrganisation": "the reader's own", "ListOrganisations": "an organisation's",
    "ReadOrganisation": "an organisation's", "ReadScheme": "codes of a scheme",
}  # fmt: skip


def test_answers_with_telling_fields_for_outsiders_are_of_a_channel_or_named():
    of_channel = {route for channel in CHANNELS.values() for route in channel.routes}
    loose = []
    for name, fields in _answers().items():
        permission = OPERATIONS[name].opt.get("permission")
        outsiders = permission is None or OUTSIDERS & PERMISSIONS[permission].kinds
        if outsiders and fields & TELLING and name not in of_channel and name not in HARMLESS:
            loose.append((name, sorted(fields & TELLING)))
    assert loose == []


def test_that_walk_sees_telling_fields():
    answers = _answers()
    assert {"place", "industry"} <= answers["SearchTeasers"] and "text_ja" in answers["ReadNda"] and len(answers) > 80
    assert not answers["ReadLedger"] & TELLING
    assert all(answers[name] & TELLING for name in HARMLESS), "named for nothing"


@pytest.mark.parametrize("channel", CHANNELS)
async def test_the_table_of_every_channel_writes_exposures_by_trigger(as_database_role, channel):
    owner = await as_database_role("owner")
    body = await owner.fetch(
        "SELECT pg_get_functiondef(t.tgfoid) AS body FROM pg_trigger t WHERE t.tgrelid = $1::regclass AND t.tgname LIKE 'exposed%' "
        "AND t.tgenabled = 'O'", CHANNELS[channel].table)
    assert body and all("INSERT INTO vault.exposure" in row["body"] for row in body)
    allowed = await owner.fetchval("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'vault.exposure'::regclass "
                                   "AND contype = 'c' AND conname LIKE '%channel%'")
    assert f"'{channel}'" in allowed


def test_the_channels_of_the_schema_are_those_of_the_table():
    text = resource("db/schema.sql").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if "exposure_channel_check" in line)
    assert {name for name in CHANNELS if f"'{name}'" in line} == set(CHANNELS)
    assert line.count("'") == 2 * len(CHANNELS)
