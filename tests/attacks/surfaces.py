"""Which routes show a stranger, a buyer, a rival or an agency nothing that could depend on a company, and why?

Every other route is attacked. A new route belongs into an attack's `routes`, or here with its reason.
"""

from __future__ import annotations

from attacks.harness import ATTACKS

NO_SURFACE: dict[str, tuple[str, ...]] = {
    "the caller's own account: it reads and writes rows of the caller's organisation, which no listing touches": (
        "GET /v1/members/me", "DELETE /v1/members/me", "PUT /v1/members/me/password", "POST /v1/members",
        "PATCH /v1/organisations/me",
        "GET /v1/api-keys", "POST /v1/api-keys", "GET /v1/sessions/current", "DELETE /v1/sessions",
        "DELETE /v1/sessions/current", "GET /v1/organisations/me/officers", "PUT /v1/organisations/me/officers",
        "POST /v1/members/me/second-factor", "POST /v1/members/me/second-factor/confirmation", "POST /v1/sessions/current/second-factor",
        "DELETE /v1/members/{member_id}/second-factor", "POST /v1/organisations/{organisation_id}/second-factor-reset",
        "GET /second-factor", "POST /second-factor", "GET /sign-in", "POST /sign-in", "GET /v1/acquirer-profile",
        "POST /v1/saved-searches", "GET /v1/saved-searches", "GET /unsubscribe/{token}", "POST /unsubscribe/{token}",
    ),
    "what the operator says of countries and buyers of themselves: published to every member alike, or the caller's own row": (
        "GET /v1/personal-data-countries", "POST /v1/personal-data-countries", "GET /v1/personal-data-measures",
        "POST /v1/personal-data-measures",
    ),
    "the operator's own list of names: it is written by the operator and concerns buyers, not companies for sale": (
        "POST /v1/screening-lists/entries", "GET /v1/screening-lists", "POST /v1/screening-lists", "DELETE /v1/screening-lists/{code}",
        "GET /v1/screening-lists/{code}/versions", "POST /v1/screening-lists/{code}/versions",
        "GET /v1/list-licences", "POST /v1/list-licences", "POST /v1/list-licences/{licence_id}/termination",
    ),
    "what is held against a buyer: written about buyers by intermediaries and the operator, no listing is in it": (
        "POST /v1/adverse-events",
    ),
    "the operator's table of how long records are kept: counts over everything, and no outsider reads it": ("GET /v1/retention",),
}  # fmt: skip


def attacked() -> set[str]:
    """Every route that some attack declares."""
    return {route for attack in ATTACKS.values() for route in attack.routes}


def argued() -> set[str]:
    return {route for routes in NO_SURFACE.values() for route in routes}
