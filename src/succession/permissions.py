"""Who may do what? One table: permission -> who, and under what condition of standing.

A route names its permission (`opt={"permission": ...}`) or is public (`opt={"public": True}`); a test walks every
route. This table answers "may this kind of actor ever"; whether *this* row is theirs is row-level security's answer,
and whether the step is open now is the pure rule's of its slice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from succession.actor import Actor
from succession.errors import Problem


@dataclass(frozen=True)
class Rule:
    """`kinds`: organisation kinds. `roles`: member roles, empty for all. `verified`: the operator has verified."""

    kinds: frozenset[str]
    roles: frozenset[str] = frozenset()
    verified: bool = True
    agency_roles: frozenset[str] = frozenset()


def _may(kinds: str, roles: str = "", verified: bool = True, agency: str = "") -> Rule:
    return Rule(frozenset(kinds.split()), frozenset(roles.split()), verified, frozenset(agency.split()))


ANYONE = "intermediary acquirer agency operator"

# An API key is given some of these; see keys_may_hold.
PERMISSIONS: dict[str, Rule] = {
    "account:read": _may(ANYONE, verified=False),
    "account:edit": _may(ANYONE, "admin", verified=False),
    "account:own": _may(ANYONE, verified=False),
    "account:sign_out": _may(ANYONE, verified=False),
    "answer_review:decide": _may("intermediary"),  # a person reads it: no key may
    "acquirer_profile:edit": _may("acquirer"),
    "acquirer_profile:read": _may("acquirer"),
    "adverse_decision:make": _may("operator", "admin reviewer"),  # by name: no key may
    "adverse_event:object": _may("acquirer", "admin", verified=False),  # to be heard, no standing is needed
    "adverse_event:read": _may("operator intermediary acquirer", verified=False),
    "adverse_event:report": _may("operator intermediary"),
    "api_key:manage": _may(ANYONE, "admin"),
    "audit:read": _may("operator"),
    "brief:file": _may("acquirer"),
    "brief:read": _may("acquirer agency intermediary", agency="desk"),
    "candidate:read": _may("agency", agency="desk"),
    "case_file:export": _may("intermediary", "admin"),  # leaves the house: no key may
    "case_file:read": _may("intermediary"),
    "clean_team:end": _may("intermediary acquirer"),
    "clean_team:name": _may("acquirer intermediary"),
    "clean_team:read": _may("acquirer intermediary"),
    "clean_team_review:accept": _may("intermediary"),  # by name: no key may
    "competition:declare": _may("acquirer intermediary"),
    "competition_review:confirm": _may("intermediary"),
    "checkpoint:read": _may("intermediary acquirer"),
    "deal:advance": _may("intermediary acquirer"),
    "deal:read": _may("intermediary acquirer"),
    "directory:read": _may("acquirer intermediary agency operator"),
    "document_erasure:decide": _may("intermediary"),  # two persons of the holder: no key may
    "document:read": _may("intermediary acquirer"),
    "document:write": _may("intermediary"),
    "dossier:read": _may("acquirer intermediary"),
    "exclusivity:grant": _may("intermediary"),
    "filing:edit": _may("intermediary acquirer"),
    "folder_permission:ask": _may("intermediary"),
    "grant:revoke": _may("intermediary"),
    "grant:release": _may("intermediary"),
    "hold:decide": _may("operator", "admin reviewer"),  # by name: no key may
    "hold:read": _may("operator"),
    "introduction:decide": _may("intermediary"),
    "introduction:propose": _may("agency", agency="desk"),
    "introduction:read": _may("agency intermediary acquirer", agency="desk"),
    "ledger:read": _may("intermediary operator"),
    "list_licence:confirm": _may("operator", "admin reviewer"),
    "listing:import": _may("intermediary"),
    "listing:read": _may("intermediary"),
    "listing:write": _may("intermediary"),
    "mandate:write": _may("intermediary"),
    "match:read": _may("acquirer"),
    "member:invite": _may(ANYONE, "admin"),  # a stranger who registered must not send letters to anybody
    "member:manage": _may(ANYONE, "admin", verified=False),
    "member:read": _may(ANYONE, verified=False),
    "metrics:read": _may("agency operator"),
    "name_clear:ask": _may("intermediary"),
    "nda:acknowledge": _may("intermediary acquirer"),
    "nda:code": _may("intermediary acquirer"),
    "nda:countersign": _may("intermediary"),
    "nda:offer": _may("intermediary"),
    "nda:paper": _may("intermediary acquirer"),
    "nda:read": _may("intermediary acquirer"),
    "nda:sign": _may("acquirer"),
    "obligation:edit": _may("intermediary acquirer"),
    "officer:declare": _may("acquirer", "admin", verified=False),
    "officer:read": _may("acquirer", verified=False),
    "owner_code:speak": _may("intermediary operator"),  # read out by a person: no key may
    "organisation:verify": _may("operator", "admin reviewer"),
    "paper:confirm": _may("intermediary operator"),
    "personal_data:declare": _may("acquirer"),
    "personal_data:note": _may("operator"),
    "personal_data:read": _may("acquirer intermediary operator"),
    "prose:write": _may("intermediary"),
    "prose_review:decide": _may("intermediary"),  # a person reads it: no key may
    "publication:request": _may("intermediary"),
    "question:answer": _may("intermediary"),
    "question:ask": _may("acquirer intermediary"),
    "question:read": _may("acquirer intermediary"),
    "recipient_check:confirm": _may("intermediary"),
    "representation:confirm": _may("acquirer", "admin"),
    "representation:end": _may("intermediary acquirer"),
    "representation:record": _may("intermediary"),
    "representation:read": _may("intermediary acquirer"),
    "request:open": _may("acquirer intermediary"),
    "retention:read": _may("operator"),
    "saved_search:read": _may("acquirer intermediary agency", agency="desk"),
    "saved_search:write": _may("acquirer intermediary agency", agency="desk"),
    "screening:confirm": _may("intermediary operator"),
    "screening:decide": _may("intermediary"),
    "screening_list:edit": _may("operator"),
    "screening_list:read": _may("operator intermediary"),
    "second_factor:confirm": _may(ANYONE, verified=False),  # a key's member too, before a release
    "second_factor:enrol": _may(ANYONE, verified=False),
    "second_factor:reset": _may(ANYONE, "admin", verified=False),
    "second_factor:reset_any": _may("operator", "admin reviewer"),
    "third_person:confirm": _may("intermediary operator"),
    "third_person:record": _may("intermediary"),
    "teaser:preview": _may("intermediary"),
}
# No permission exists for approving a teaser, consenting to an audience or clearing a name: only the owner does that.


# What a session may that has not given its second factor yet: set one up, give the code, or sign out.
WITHOUT_SECOND_FACTOR = frozenset({"account:sign_out", "second_factor:confirm", "second_factor:enrol"})
# What asks for a code of its own, not older than ten minutes, whoever calls: session or key. The database asks again (0022).
CONFIRMED_ANEW = frozenset({"case_file:export", "document_erasure:decide", "grant:release", "hold:decide", "second_factor:reset_any"})


def refusal(actor: Actor, permission: str) -> str | None:
    """The problem code that refuses this actor, or None."""
    rule = PERMISSIONS[permission]
    if actor.kind == "anonymous":
        return "unauthenticated"
    if actor.half and permission not in WITHOUT_SECOND_FACTOR:
        return "second_factor_needed"
    if actor.kind not in rule.kinds or (rule.roles and actor.role not in rule.roles):
        return "forbidden"
    if actor.kind == "agency" and rule.agency_roles and actor.agency_role not in rule.agency_roles:
        return "forbidden"
    if rule.verified and not actor.verified:
        return "organisation_not_verified"
    if actor.scopes is not None and permission not in actor.scopes:
        return "forbidden"
    return None


def allow(actor: Actor, permission: str, when: Callable[[], bool] = lambda: True) -> None:
    """Raises Problem unauthenticated, second_factor_needed, forbidden or organisation_not_verified."""
    code = refusal(actor, permission) or (None if when() else "forbidden")
    if code:
        raise Problem(code)


_FOR_PEOPLE = ("account", "adverse_decision", "answer_review", "api_key", "case_file", "clean_team_review", "competition_review", "document_erasure", "hold",
               "list_licence", "member", "organisation", "owner_code", "prose_review", "recipient_check", "second_factor")
_OF_PEOPLE_BUT_FOR_KEYS = ("account:read", "second_factor:confirm")


def keys_may_hold(permission: str) -> bool:
    """Whether an API key may be given this permission: never those that manage people, keys or standing."""
    return permission in _OF_PEOPLE_BUT_FOR_KEYS or permission.partition(":")[0] not in _FOR_PEOPLE


def permissions_of(actor: Actor) -> list[str]:
    """What this actor may do at all, sorted; what is open now depends on the row and the step."""
    return sorted(permission for permission in PERMISSIONS if refusal(actor, permission) is None)
