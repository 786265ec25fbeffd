"""Is the one table of permissions what it says: by kind, role, standing and scope?"""

from uuid import UUID

import pytest

from succession.actor import ANONYMOUS, Actor
from succession.errors import Problem
from succession.permissions import PERMISSIONS, allow, keys_may_hold, permissions_of, refusal

SOMEBODY = UUID(int=1)
KINDS = ("intermediary", "acquirer", "agency", "operator")
PEOPLE = ("account", "api_key", "member", "organisation")


def actor(kind, role="admin", *, verified=True, agency_role="desk", scopes=None):
    return Actor(kind, SOMEBODY, SOMEBODY, role=role, verified=verified, scopes=scopes,
                 agency_role=agency_role if kind == "agency" else None)


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_nobody_known_may_nothing(permission):
    assert refusal(ANONYMOUS, permission) == "unauthenticated"
    assert refusal(Actor("owner"), permission) == "forbidden", "an owner acts by their link alone"


@pytest.mark.parametrize("permission", PERMISSIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_is_not_named_is_refused(permission, kind):
    if kind not in PERMISSIONS[permission].kinds:
        assert refusal(actor(kind), permission) == "forbidden"


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_standing_only_ones_own_account_is_left(kind):
    """And what is said of one: an acquirer that was suspended declares its officers, reads what is held against it and answers."""
    heard = {"acquirer": {"officer:read", "officer:declare", "adverse_event:object", "adverse_event:read"}, "agency": set()}
    left = permissions_of(actor(kind, verified=False))
    assert set(left) - heard.get(kind, {"adverse_event:read"}) == {"account:read", "account:edit", "account:own", "account:sign_out", "member:manage", "member:read",
                         "second_factor:confirm", "second_factor:enrol", "second_factor:reset"}


def test_a_stranger_who_registered_writes_to_nobody():
    assert refusal(actor("acquirer", verified=False), "member:invite") == "organisation_not_verified"


@pytest.mark.parametrize("permission", [p for p in PERMISSIONS if "agency" in PERMISSIONS[p].kinds and PERMISSIONS[p].agency_roles])
def test_a_monitoring_agency_is_no_desk(permission):
    assert refusal(actor("agency"), permission) is None
    assert refusal(actor("agency", agency_role="monitor"), permission) == "forbidden"


def test_an_agency_has_no_way_to_identity():
    held = permissions_of(actor("agency"))
    assert not [p for p in held if p.split(":")[0] in ("dossier", "document", "listing", "name_clear", "ledger", "deal", "nda", "grant")]


def test_nobody_but_the_owner_approves_consents_or_clears():
    words = ("approve", "consent", "clear")
    assert not [p for p in PERMISSIONS if any(word in p.split(":")[1] for word in words)]


@pytest.mark.parametrize("permission", [p for p in PERMISSIONS if p.split(":")[0] in PEOPLE and p != "account:read"])
def test_keys_manage_neither_people_nor_standing(permission):
    assert not keys_may_hold(permission)


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_may_no_more_than_its_scopes_and_no_more_than_its_member(kind):
    everything = tuple(PERMISSIONS)
    assert permissions_of(actor(kind, scopes=everything)) == permissions_of(actor(kind))
    assert permissions_of(actor(kind, scopes=("account:read",))) == ["account:read"]
    assert permissions_of(actor(kind, scopes=())) == []


@pytest.mark.parametrize("permission", [p for p in PERMISSIONS if PERMISSIONS[p].roles])
def test_a_role_that_is_not_named_is_refused(permission):
    kind = next(iter(PERMISSIONS[permission].kinds))
    for role in {"admin", "member", "reviewer"} - PERMISSIONS[permission].roles:
        assert refusal(actor(kind, role), permission) == "forbidden"


def test_a_condition_of_the_row_is_asked_last():
    asked = []
    with pytest.raises(Problem, match="unauthenticated"):
        allow(ANONYMOUS, "listing:write", lambda: asked.append(1) or True)
    assert asked == []
    with pytest.raises(Problem, match="forbidden"):
        allow(actor("intermediary"), "listing:write", lambda: False)
    allow(actor("intermediary"), "listing:write", lambda: True)


def test_an_unknown_permission_is_a_mistake_not_a_refusal():
    with pytest.raises(KeyError):
        refusal(actor("operator"), "no:such")
