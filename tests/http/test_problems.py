"""Is every refusal a problem document that says what to do, whatever was sent?"""

import asyncio
import dataclasses
import secrets

import httpx
import pytest

from succession.app import create_app
from succession.http import documented
from world import ORIGIN

PROBLEM = "application/problem+json"


@pytest.fixture(autouse=True)
async def rested(app):
    await app.state.redis.flushdb()


@pytest.fixture
async def admin(world):
    return await world.signed_in(await world.intermediary())


# A route of each sort: public, of an administrator, with a version, of the operator.
ROUTES = [("POST", "/v1/organisations"), ("POST", "/v1/sessions"), ("POST", "/v1/members"), ("PATCH", "/v1/organisations/me"),
          ("POST", "/v1/api-keys"), ("PUT", "/v1/members/me/password"), ("POST", "/v1/passwords")]
BODIES = [
    (b"", (400, 422)), (b"{", (400,)), (b"not json", (400,)), (b"null", (422,)), (b"[]", (422,)), (b"1", (422,)), (b'"text"', (422,)),
    (b"\xff\xfe", (400,)), (b'{"email": "\xe9"}', (400, 422)), (b'{"email": "\\ud800"}', (400, 422)), (b'{"email": NaN}', (400,)),
    (b'{"a": ' * 5000 + b"1" + b"}" * 5000, (400, 422)), (b"[" * 100_000, (400, 413, 422)), (b'{"no_such_field": 1}', (422,)),
    (b'{"email": 1e999, "name": 1e999}', (422, 400)),
]


async def refused(answer, *statuses):
    assert answer.status_code in statuses, (answer.status_code, answer.text[:300])
    assert answer.headers["content-type"].startswith(PROBLEM)
    body = answer.json()
    assert {"type", "title", "status", "code", "instance"} <= set(body)
    assert body["status"] == answer.status_code and body["type"] == f"/v1/problems/{body['code']}"
    return body


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_no_body_breaks_a_route(admin, world, method, path):
    before = await world.seed("SELECT (SELECT count(*) FROM ops.outbox), (SELECT count(*) FROM vault.member)")
    for content, statuses in BODIES:
        answer = await admin.client.request(method, path, content=content,
                                            headers={"Content-Type": "application/json", "If-Match": '"1"'})
        body = await refused(answer, *statuses)
        assert body["code"] in ("malformed_body", "validation", "body_too_large"), content[:40]
    assert await world.seed("SELECT (SELECT count(*) FROM ops.outbox), (SELECT count(*) FROM vault.member)") == before


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_huge_body_is_refused_while_it_arrives(admin, method, path):
    async def endless():
        for _ in range(200):
            yield b" " * 65536

    answer = await admin.client.request(method, path, content=endless(), headers={"Content-Type": "application/json", "If-Match": '"1"'})
    assert (await refused(answer, 413))["code"] == "body_too_large"
    stated = await admin.client.request(method, path, content=b" " * (70 * 1024), headers={"Content-Type": "application/json", "If-Match": '"1"'})
    await refused(stated, 413)


@pytest.mark.parametrize(("body", "field", "allowed"), [
    ({"email": "a@b.example", "name": "A", "role": "king"}, "role", ["admin", "member", "reviewer"]),
    ({"email": "a@b.example", "name": "A"}, "role", ["admin", "member", "reviewer"]),
    ({"email": 5, "name": "A", "role": "member"}, "email", []),
    ({"email": "a@b.example", "name": "A", "role": "member", "status": "active"}, "status", ["email", "name", "role", "locale"]),
    ({"email": "a@b.example", "name": "A" * 121, "role": "member"}, "name", []),
    ({"email": "a@b.example", "name": "A\u0000B", "role": "member"}, "name", []),
    ({"email": "a@b.example", "name": "A", "role": "member", "locale": "fr"}, "locale", ["ja", "en"]),
])
async def test_the_field_is_named_and_what_it_may_hold(admin, body, field, allowed):
    problem = await refused(await admin.post("/v1/members", body), 422)
    assert [(error["field"], error["allowed"]) for error in problem["errors"]] == [(field, allowed)]
    assert problem["errors"][0]["message"]


async def test_a_field_inside_a_list_is_named(admin):
    body = {"kind": "acquirer", "legal_name": "X", "country": "GB", "administrator": {"email": "a@b.example", "name": "A"},
            "beneficial_owners": [{"name": "A", "country": "GB", "share_percent": "most"}]}
    (error,) = (await refused(await admin.post("/v1/organisations", body), 422))["errors"]
    assert error["field"].startswith("beneficial_owners") and error["field"].endswith("share_percent")


async def test_a_null_character_is_the_senders_mistake_wherever_it_arrives(world, admin):
    operator = await world.operator()
    for path, params in (("/v1/audit-events", {"action": "a\0b"}), ("/v1/organisations", {"cursor": "a\0b"})):
        await refused(await operator.get(path, params=params), 422)
    await refused(await admin.patch("/v1/organisations/me", {"business": "a\0b"}, headers={"If-Match": '"1"'}), 422)


@pytest.mark.parametrize(("params", "field"), [
    ({"limit": "x"}, "limit"), ({"limit": "101"}, "limit"), ({"limit": "99999999999999999999"}, "limit"), ({"status": "good"}, "status"),
])
async def test_a_query_parameter_is_named_and_what_it_may_hold(world, params, field):
    (error,) = (await refused(await (await world.operator()).get("/v1/organisations", params=params), 422))["errors"]
    assert error["field"] == field
    if field == "status":
        assert error["allowed"] == ["pending", "verified", "refused", "suspended"]


@pytest.mark.parametrize(("method", "path", "status", "code"), [
    ("GET", "/v1/no-such-thing", 404, "not_found"), ("GET", "/nowhere", 404, "not_found"), ("POST", "/v1/audit-events", 405, "method_not_allowed"),
    ("DELETE", "/v1/organisations/me", 405, "method_not_allowed"), ("GET", "/v1/organisations/not-a-reference", 404, "not_found"),
    ("GET", "/v1/audit-events", 401, "unauthenticated"),
])
async def test_routing_speaks_the_same_language(http, method, path, status, code):
    for locale in ("ja", "en"):
        answer = await http.request(method, path, headers={"Accept-Language": locale})
        assert (await refused(answer, status))["code"] == code and answer.headers["content-language"] == locale
        if status == 405:
            assert answer.headers["allow"]


async def test_a_body_of_another_media_type_is_refused(admin):
    answer = await admin.client.post("/v1/members", content=b'{"email":"a@b.example","name":"A","role":"member"}', headers={"Content-Type": "text/plain"})
    assert (await refused(answer, 415))["code"] == "unsupported_media_type"


async def test_every_refusal_of_an_account_is_documented(app, http):
    paths = (await http.get("/v1/openapi.json")).json()["paths"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            if path.startswith("/v1/") and path != "/v1/openapi.json" and "organisation" in path:
                for status, response in operation["responses"].items():
                    assert int(status) < 400 or list(response["content"]) == [PROBLEM], (path, method, status)
    with pytest.raises(KeyError):
        documented("no_such_problem")


async def test_without_redis_the_answer_is_not_now_and_keys_still_work(settings, world, database_url):
    """An application of its own whose Redis is a port where nobody listens."""
    buyer = await world.acquirer()
    alone = create_app(dataclasses.replace(settings, redis_url="redis://127.0.0.1:1/0"))
    async with alone.lifespan():
        transport = httpx.ASGITransport(app=alone, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            for attempt in (client.post("/v1/sessions", json={"email": "a@b.example", "password": "x"}),
                            client.get("/v1/sessions/current", headers={"Cookie": "succession_session=x"}),
                            client.post("/v1/password-resets", json={"email": "a@b.example"}), client.get("/readyz")):
                answer = await attempt
                assert (await refused(answer, 503))["code"] == "unavailable" and int(answer.headers["retry-after"]) > 0
            by_key = await client.get("/v1/sessions/current", headers={"Authorization": buyer.client.headers["Authorization"]})
            assert by_key.status_code == 200
            assert (await client.get("/healthz")).status_code == 200


async def test_a_request_that_is_cut_off_leaves_nothing_half_done(app, world, admin):
    """The client goes away in the middle of a write: the whole write or none of it."""
    body = {"email": f"cut-{secrets.token_hex(4)}@fictitious.example", "name": "Cut", "role": "member"}
    for delay_s in (0.0, 0.002, 0.005, 0.01, 0.02):
        task = asyncio.create_task(admin.post("/v1/members", body | {"email": f"{delay_s}-{body['email']}"}))
        await asyncio.sleep(delay_s)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0.1)
    rows = await world.seed("SELECT m.email, EXISTS (SELECT FROM vault.member_token t WHERE t.member_id = m.id) AS token, "
                            "EXISTS (SELECT FROM ops.outbox x WHERE x.payload -> 'to' ->> 'address' = m.email) AS letter "
                            "FROM vault.member m WHERE m.email LIKE '%' || $1", body["email"])
    assert all(row["token"] and row["letter"] for row in rows)
    assert (await admin.get("/v1/members")).status_code == 200
