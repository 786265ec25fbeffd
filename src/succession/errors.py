"""What can go wrong, and what does the caller read about it?

One table of problems (RFC 9457). Code raises `Problem(code)`; the database's refusals are mapped by constraint name;
`render` turns both into an `application/problem+json` body in the reader's language. Errors are raised, never
returned: a returned error response would commit the unit of work.
"""

from __future__ import annotations

from typing import Any

import msgspec

from succession.i18n import Message, _, translate

FIELD_SHOWN_MOST = 100  # characters; a field that does not exist may be called anything, at any length


class FieldError(msgspec.Struct, frozen=True):
    """`field`: path such as "identity.corporate_number"; `allowed`: the values that would have been accepted."""

    field: str
    message: Message
    allowed: tuple[str, ...] = ()


# code: (status, title). The code never changes once published; the sentence may.
PROBLEMS: dict[str, tuple[int, str]] = {
    "validation": (422, _("Some fields cannot be accepted.")),
    "malformed_body": (400, _("The body is not valid JSON.")),
    "body_too_large": (413, _("The body is too large.")),
    "body_too_slow": (408, _("The body came too slowly to be waited for. Please send it again.")),
    "unsupported_media_type": (415, _("This media type is not accepted here.")),
    "not_acceptable": (406, _("No representation of this kind exists.")),
    "method_not_allowed": (405, _("This method is not allowed here.")),
    "not_found": (404, _("There is nothing here for you.")),
    "unauthenticated": (401, _("Please sign in.")),
    "sign_in_failed": (401, _("The address or the password is not right.")),
    "second_factor_needed": (403, _("Confirm with the code of your authenticator app first.")),
    "second_factor_not_enrolled": (409, _("No authenticator app has been set up.")),
    "second_factor_wrong": (422, _("This code is not right.")),
    "second_factor_used": (409, _("This code was used already. Wait for the next one.")),
    "second_factor_reset_by_another": (403, _("Another administrator of your organisation, or the operator, does this.")),
    "forbidden": (403, _("You may see this but not do that.")),
    "organisation_not_verified": (403, _("Your organisation has not been verified by the operator yet.")),
    "origin_refused": (403, _("This request did not come from our own pages.")),
    "rate_limited": (429, _("Too many requests. Please wait.")),
    "overloaded": (503, _("There are more requests than can be answered at this moment. Please try again shortly.")),
    "unavailable": (503, _("The service is not available for the moment. Please try again.")),
    "unexpected": (500, _("Something went wrong on our side. Nothing was changed.")),
    "conflict": (409, _("This conflicts with the present state.")),
    "stale": (412, _("This was changed by somebody else meanwhile. Read it again.")),
    "precondition_required": (428, _("State the version you are changing in If-Match.")),
    "idempotency_key_reused": (422, _("This Idempotency-Key was used for a different request.")),
    "cursor_invalid": (422, _("This cursor does not belong to this query.")),
    "evidence_immutable": (409, _("This record is evidence and is never changed.")),
    "link_invalid": (404, _("This link is not valid, was used already, or has expired.")),
    "code_invalid": (409, _("This code is not right. Look at the newest one.")),
    "code_expired": (409, _("This code has expired. Ask for a new one.")),
    # accounts
    "email_taken": (409, _("This address cannot be used.")),
    "organisation_taken": (409, _("This organisation is registered already.")),
    "member_exists": (409, _("This address belongs to a member of your organisation already.")),
    "limit_reached": (409, _("No more of these can be kept. Remove one first.")),
    "last_admin": (409, _("An organisation keeps at least one administrator.")),
    # listings and teasers
    "listing_duplicate": (409, _("You hold a listing of this company already.")),
    "listing_closed": (409, _("This listing was withdrawn or has ended; it can be read, not changed.")),
    "not_publishable": (422, _("This listing cannot be published yet.")),
    "guideline_violation": (422, _("The mandate is outside the SME M&A Guidelines.")),
    "mandate_active": (409, _("There is an active mandate already.")),
    "mandate_needed": (409, _("This needs an active mandate for the company.")),
    "mandate_unconfirmed": (409, _("Somebody other than the person who entered the mandate has to confirm it first.")),
    "owner_decides": (409, _("Only the owner can decide this.")),
    "owner_approval_needed": (409, _("The owner has not approved this teaser for these audiences.")),
    "excluded_never_public": (409, _("A listing that excludes anybody cannot be public.")),
    "second_confirmation_needed": (409, _("Somebody other than the person who entered it has to confirm.")),
    "population_needed": (409, _("Nothing is published until a reference population has been imported.")),
    "not_anonymous": (409, _("No cell of the codebook keeps this company anonymous. It cannot be published.")),
    "facts_settled": (409, _("Whether facts are shown was chosen before the first publication, and stays.")),
    "prose_not_clean": (409, _("The text of the teaser may say who the company is.")),
    "held_for_person": (409, _("A person at the operator looks at this before it goes out.")),
    "hold_decided": (409, _("This has been decided already.")),
    "preview_quota": (429, _("The quota of previews is used up.")),
    "import_broken": (422, _("This file cannot be read.")),
    "already_published": (409, _("This listing is published or waiting for the next batch.")),
    # the desk and representation
    "profile_needed": (409, _("Say first what you look for: keep a profile, or name a brief of yours.")),
    "brief_closed": (409, _("This brief has been closed.")),
    "introduced_already": (409, _("This teaser has been introduced under this brief already.")),
    "introduction_decided": (409, _("This introduction has been decided already.")),
    "representation_needed": (403, _("You have no confirmed representation of this acquirer in force.")),
    "representation_settled": (409, _("This representation has been confirmed or has ended already.")),
    # disclosure and deals
    "request_exists": (409, _("There is an open request for this teaser already.")),
    "request_too_soon": (409, _("A request on this teaser was concluded not long ago.")),
    "request_concluded": (409, _("This request has been concluded.")),
    "screening_unread": (409, _("Similar names were found. Read the findings and state their fingerprint.")),
    "screening_superseded": (409, _("A newer decision or a newer finding stands in its place. Read the findings again.")),
    "list_known": (409, _("This file is the newest version of the list already.")),
    "list_exists": (409, _("There is a list of this code already.")),
    "list_shrinks": (409, _("More than half of the list would be gone. Say that this is meant.")),
    "screening_needed": (409, _("The buyer has not been screened, or the screening is out of date.")),
    "nda_needed": (409, _("A signed non-disclosure agreement in force is needed first.")),
    "name_clear_needed": (409, _("The owner has not consented to disclosing the name to this buyer.")),
    "consent_used": (409, _("The owner's consent has been used for this already. Ask again.")),
    "question_closed": (409, _("This question is no longer open.")),
    "deciders_missing": (409, _("A person whom the mandate names as deciding is not among the contacts of the owner.")),
    "code_needed": (409, _("A yes needs the code.")),
    "owner_unreachable": (409, _("No contact of the owner has a mail address. Ask on paper.")),
    "dossier_incomplete": (409, _("The company's registered name is missing.")),
    "parked": (409, _("Another buyer holds exclusive negotiation for this company; this request is parked until that ends.")),
    "disclosure_causes": (409, _("Screening, non-disclosure agreement, the owner's consent or absence of a block is missing.")),
    "nda_text_changed": (409, _("The text differs from the one that was shown. Read it again before signing.")),
    "answer_reach": (409, _("Before the name clear an answer reaches the asker alone.")),
    # the data room
    "room_needed": (409, _("The dossier and the data room have to be open to this buyer first.")),
    "folder_exists": (409, _("There is a folder of this name already.")),
    "folder_settled": (409, _("An owner was asked about this folder as it is. Make another folder.")),
    "folder_permission_needed": (409, _("The owner has not allowed this folder to be shown to this buyer.")),
    "know_how_stage": (409, _("The talks have not come as far as this step of know-how asks.")),
    "know_how_order": (409, _("The step of know-how before this one has to be open to this buyer first.")),
    "competitor_undeclared": (409, _("State first whether this buyer competes with the company, and have it confirmed by name.")),
    "clean_team_needed": (409, _("Only a clean team may read this, and none has been accepted for this buyer.")),
    "member_unknown": (422, _("This is no active member of the buyer or of who represents it.")),
    "recipient_check_needed": (409, _("A named person has to look at where these documents would go.")),
    "document_undeclared": (409, _("The document has to declare more, or something else, before it may go there.")),
    "hints_changed": (409, _("The hints differ from the ones that were read. Read them again.")),
    "view_only": (403, _("This may be looked at page by page, and not be taken along.")),
    "document_refused": (422, _("This file cannot be taken.")),
    "download_only": (406, _("A file of this kind is not shown page by page. It can only be downloaded, where its holder allows that.")),
    "not_downloadable": (403, _("This document can be looked at here, but not downloaded.")),
    "documents_erased": (409, _("The documents of this listing were erased for good.")),
    "step_refused": (409, _("This step is not open now.")),
}

# The database refuses a second time; its constraint names become the same problems.
CONSTRAINTS: dict[str, str] = {
    "second_factor_needed": "second_factor_needed",
    "second_factor_code_used": "second_factor_used",
    "recovery_code_used": "second_factor_used",
    "second_factor_unknown": "second_factor_not_enrolled",
    "second_factor_being_set_up": "conflict",
    "second_factor_in_use": "conflict",
    "second_factor_reset_by_another": "second_factor_reset_by_another",
    "member_email_unique": "email_taken",
    "organisation_corporate_number_key": "organisation_taken",
    "organisation_lei_key": "organisation_taken",
    "organisation_registry_unique": "organisation_taken",
    "member_once": "member_exists",
    "listing_corporate_number_unique": "listing_duplicate",
    "listing_internal_key_unique": "listing_duplicate",
    "mandate_one_active": "mandate_active",
    "facts_settled": "facts_settled",
    "mandate_second_confirmation": "second_confirmation_needed",
    "owner_decides": "owner_decides",
    "owner_decision_stands": "owner_decides",
    "proposal_superseded": "owner_decides",
    "consent_needs_approval": "owner_approval_needed",
    "publication_needs_succession_status": "not_publishable",
    "publication_needs_mandate": "mandate_needed",
    "publication_needs_approval": "owner_approval_needed",
    "publication_needs_consent": "owner_approval_needed",
    "publication_one_live": "already_published",
    "publication_needs_population": "population_needed",
    "excluded_never_public": "excluded_never_public",
    "paper_second_confirmation": "second_confirmation_needed",
    "prose_needs_second_person": "second_confirmation_needed",
    "prose_not_clean": "prose_not_clean",
    "prose_review_stands": "conflict",
    "teaser_prose_current": "conflict",
    "held_for_person": "held_for_person",
    "hold_second_confirmation": "second_confirmation_needed",
    "hold_by_operator": "forbidden",
    "answer_reach": "answer_reach",
    "answer_reach_words": "validation",
    "answer_reply_fits": "validation",
    "answer_not_clean": "prose_not_clean",
    "answer_second_person": "second_confirmation_needed",
    "saved_searches_most": "limit_reached",
    "deal_one_open": "request_exists",
    "brief_needs_desk": "not_found",
    "introduction_once": "introduced_already",
    "introduction_causes": "not_found",
    "introduction_brief_open": "brief_closed",
    "acceptance_opens_deal": "step_refused",
    "deal_origin_causes": "step_refused",
    "representation_needs_acquirer": "not_found",
    "acquirer_confirms": "representation_settled",
    "representation_ended": "representation_settled",
    "deal_causes": "not_found",
    "nda_causes": "screening_needed",
    "nda_signed_by_buyer": "forbidden",
    "nda_ended_by_seller": "forbidden",
    "screening_needs_run": "conflict",
    "screening_second_confirmation": "second_confirmation_needed",
    "screening_superseded": "screening_superseded",
    "screening_fresh": "screening_needed",
    "screening_list_pkey": "list_exists",
    "screening_list_licensed": "validation",
    "licence_causes": "not_found",
    "adverse_event_road": "step_refused",
    "adverse_event_period": "validation",
    "adverse_event_second_confirmation": "second_confirmation_needed",
    "nda_not_open": "step_refused",
    "nda_signed_once": "step_refused",
    "nda_paper_one_open": "conflict",
    "nda_paper_over": "step_refused",
    "nda_member_causes": "forbidden",
    "nda_member_once": "conflict",
    "name_clear_closed": "question_closed",
    "name_clear_persons": "deciders_missing",
    "name_clear_code": "code_needed",
    "name_clear_answer_once": "question_closed",
    "name_clear_withdrawn_once": "question_closed",
    "link_handed_by_actor": "forbidden",
    "third_person_second_confirmation": "second_confirmation_needed",
    "grant_needs_entry": "disclosure_causes",
    "disclosed_needs_entry": "disclosure_causes",
    "disclosed_once": "conflict",
    "access_needs_entry": "conflict",
    "checkpoint_follows": "conflict",
    "erasure_second_person": "second_confirmation_needed",
    "grant_consent_used": "consent_used",
    "nda_one_open": "conflict",
    "name_clear_one_open": "conflict",
    "grant_one_live": "conflict",
    "name_clear_causes": "nda_needed",
    "grant_causes": "disclosure_causes",
    "grant_consent_expired": "name_clear_needed",
    "stage_needs_dossier": "step_refused",
    "stage_follows_events": "step_refused",
    "deal_event_on_the_road": "step_refused",
    "exclusivity_one_open": "conflict",
    "status_by_operator": "forbidden",
    "folder_name_once": "folder_exists",
    "folder_settled": "folder_settled",
    "folder_permission_closed": "question_closed",
    "deciders_missing": "deciders_missing",
    "deciders_closed": "question_closed",
    "decider_code": "code_needed",
    "decider_answer_once": "question_closed",
    "decider_withdrawn_once": "question_closed",
    "folder_needs_room": "room_needed",
    "folder_needs_permission": "folder_permission_needed",
    "folder_needs_entry": "disclosure_causes",
    "folder_documents": "conflict",
    "folder_grant_one_live": "conflict",
    "know_how_stage": "know_how_stage",
    "know_how_order": "know_how_order",
    "competitor_undeclared": "competitor_undeclared",
    "competitor_superseded": "step_refused",
    "clean_team_needed": "clean_team_needed",
    "clean_team_of_buyer": "member_unknown",
    "clean_team_once": "conflict",
    "clean_team_accepted_by_seller": "forbidden",
    "case_file_causes": "not_found",
    "case_file_one_waiting": "conflict",
    "recipient_check_open": "recipient_check_needed",
    "recipient_hints_stand": "hints_changed",
    "document_upload_steps": "conflict",
    "document_link_expiry": "validation",
    "listing_key_second_person": "second_confirmation_needed",
}


class Problem(Exception):
    """A refusal the caller can act on. `code` is a key of PROBLEMS."""

    def __init__(self, code: str, detail: Message | None = None, errors: tuple[FieldError, ...] = (),
                 headers: dict[str, str] | None = None, extra: dict[str, Any] | None = None) -> None:
        self.code = code
        self.status = PROBLEMS[code][0]
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}
        self.extra = extra or {}
        super().__init__(code)


def field_problem(field: str, message: Message, allowed: tuple[str, ...] = ()) -> Problem:
    """A validation problem about one field."""
    return Problem("validation", errors=(FieldError(field, message, allowed),))


def found_or_404(found: Any) -> Any:
    """What a query found, or Problem not_found."""
    if found is None:
        raise Problem("not_found")
    return found


def render(problem: Problem, locale: str, instance: str) -> dict[str, Any]:
    """The members of RFC 9457 plus `code` and, for fields, `errors: [{field, message, allowed}]`."""
    body: dict[str, Any] = {
        "type": f"/v1/problems/{problem.code}",
        "title": translate(PROBLEMS[problem.code][1], locale),
        "status": problem.status,
        "code": problem.code,
        "instance": instance,
    }
    if problem.detail:
        body["detail"] = translate(problem.detail, locale)
    if problem.errors:
        body["errors"] = [
            {"field": e.field[:FIELD_SHOWN_MOST], "message": translate(e.message, locale), "allowed": list(e.allowed)}
            for e in problem.errors
        ]
    return body | problem.extra
