"""What may a program do for a member, and when does its key end?"""

from datetime import UTC, datetime, timedelta

import pytest

from succession.accounts import api_keys

PATH = "/v1/api-keys"


@pytest.fixture(autouse=True)
async def rested(app):
    await app.state.redis.flushdb()


@pytest.fixture
async def admin(world):
    return await world.signed_in(await world.acquirer())


def wanted(**changes):
    return {"name": "nightly import", "scopes": ["brief:read", "account:read"],
            "expires_at": (datetime.now(UTC) + timedelta(days=30)).isoformat()} | changes


async def listed(admin):
    """The keys made here; `test` is the one by which a test's world acts."""
    return [key for key in (await admin.get(PATH)).json()["api_keys"] if key["name"] != "test"]


async def test_a_key_works_with_its_scopes_and_nothing_else(world, admin):
    made = await admin.post(PATH, wanted())
    assert made.status_code == 201
    secret = made.json()["secret"]
    assert secret.startswith("sx_") and len(secret) > 40
    program = world.client(Authorization=f"Bearer {secret}")
    who = (await program.get("/v1/sessions/current")).json()
    assert (who["via"], who["permissions"]) == ("api_key", ["account:read", "brief:read"])
    assert (await program.get("/v1/organisations")).status_code == 403, "a member may, this key may not"
    assert (await program.get("/v1/members")).status_code == 403


async def test_the_secret_is_shown_once_and_kept_nowhere(world, admin):
    made = (await admin.post(PATH, wanted())).json()
    (shown,) = await listed(admin)
    assert shown["id"] == made["id"] and shown["prefix"] == made["secret"][:9] and "secret" not in shown
    for table in ("vault.api_key", "vault.audit_event", "ops.outbox", "ops.idempotency"):
        rows = await world.seed(f"SELECT to_jsonb(t)::text FROM {table} t")
        assert not [row for row in rows if made["secret"] in row[0]], table


async def test_a_repeated_request_gives_the_same_key_and_the_database_holds_it_sealed(world, admin):
    body = wanted()
    first, second = [await admin.post(PATH, body, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert first.content == second.content and second.headers["idempotency-replayed"] == "true"
    assert len(await listed(admin)) == 1
    rows = await world.seed("SELECT body FROM ops.idempotency WHERE actor = $1", f"member:{admin.member_id}")
    assert rows and first.json()["secret"].encode() not in bytes(rows[0][0])


@pytest.mark.parametrize(("change", "field"), [
    ({"scopes": ["listing:write"]}, "scopes"), ({"scopes": []}, "scopes"), ({"scopes": ["member:manage"]}, "scopes"),
    ({"scopes": ["no:such"]}, "scopes"), ({"name": ""}, "name"), ({"name": "a\nb"}, "name"),
    ({"expires_at": (datetime.now(UTC) + timedelta(days=400)).isoformat()}, "expires_at"),
    ({"expires_at": (datetime.now(UTC) - timedelta(days=1)).isoformat()}, "expires_at"),
    ({"expires_at": "2030-01-01T00:00:00"}, "expires_at"), ({"secret": "mine"}, "secret"),
])
async def test_what_a_key_cannot_be(admin, change, field):
    answer = await admin.post(PATH, wanted(**change))
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"].split("[")[0] == field
    if change == {"scopes": ["listing:write"]}:
        assert "brief:read" in answer.json()["errors"][0]["allowed"]
    assert await listed(admin) == []


async def test_only_administrators_at_a_browser_make_keys(world, http, admin):
    clerk = await world.signed_in(await world.member(admin.organisation_id, "acquirer", role="member"))
    pending = await world.signed_in(await world.acquirer(status="pending"))
    for client, status in ((http, 401), (clerk.client, 403), (pending.client, 403), ((await world.acquirer()).client, 403)):
        assert (await client.post(PATH, json=wanted())).status_code == status
        assert (await client.get(PATH)).status_code == status
    assert await listed(admin) == []


async def test_a_revoked_or_expired_key_is_refused_at_once(world, admin):
    for ending in ("revoke", "expire"):
        made = (await admin.post(PATH, wanted())).json()
        program = world.client(Authorization=f"Bearer {made['secret']}")
        assert (await program.get("/v1/sessions/current")).status_code == 200
        if ending == "revoke":
            assert (await admin.delete(f"{PATH}/{made['id']}")).status_code == 204
            assert (await admin.delete(f"{PATH}/{made['id']}")).status_code == 204
        else:
            await world.seed("UPDATE vault.api_key SET expires_at = now() WHERE id = $1", made["id"])
        refused = await program.get("/v1/sessions/current")
        assert refused.status_code == 401 and refused.headers["www-authenticate"] == "Bearer"


async def test_a_key_loses_what_its_member_loses(world, admin):
    made = (await admin.post(PATH, wanted())).json()
    program = world.client(Authorization=f"Bearer {made['secret']}")
    await world.seed("WITH k AS MATERIALIZED (SELECT set_config('succession.kind', 'operator', true)) "
                     "UPDATE vault.organisation SET status = 'suspended' FROM k WHERE id = $1", admin.organisation_id)
    assert (await program.get("/v1/sessions/current")).json()["permissions"] == ["account:read"]


async def test_another_organisations_key_does_not_exist(world, admin):
    other = await world.signed_in(await world.acquirer())
    made = (await other.post(PATH, wanted())).json()
    assert (await admin.delete(f"{PATH}/{made['id']}")).status_code == 404
    assert await listed(admin) == []
    assert (await world.client(Authorization=f"Bearer {made['secret']}").get("/v1/sessions/current")).status_code == 200


async def test_when_a_key_was_last_used_is_known(world, admin):
    made = (await admin.post(PATH, wanted())).json()
    assert (await listed(admin))[0]["last_used_at"] is None
    await world.client(Authorization=f"Bearer {made['secret']}").get("/v1/sessions/current")
    assert (await listed(admin))[0]["last_used_at"] is not None


async def test_keys_have_a_limit_and_dead_ones_do_not_count(world, admin, monkeypatch):
    monkeypatch.setattr(api_keys, "KEYS_MOST", 3)  # the world made one
    first, _second = [(await admin.post(PATH, wanted())).json() for _ in range(2)]
    assert (await admin.post(PATH, wanted())).json()["code"] == "limit_reached"
    await admin.delete(f"{PATH}/{first['id']}")
    assert (await admin.post(PATH, wanted())).status_code == 201


@pytest.mark.parametrize("header", ["Bearer ", "Bearer x", "Basic eDp5", "sx_nothing", "Bearer " + "x" * 5000, "Bearer \xe9"])
async def test_whatever_is_not_a_key_is_refused_alike(http, header):
    answer = await http.get("/v1/sessions/current", headers={"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401 and answer.json()["code"] == "unauthenticated"
