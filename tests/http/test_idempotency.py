"""Is a repeated request answered again and done once?"""

import asyncio
import secrets

import pytest

PATH = "/v1/members"


@pytest.fixture(autouse=True)
async def rested(app):
    await app.state.redis.flushdb()


@pytest.fixture
async def admin(world):
    return await world.signed_in(await world.intermediary())


def invitation(email=None):
    return {"email": email or f"i-{secrets.token_hex(5)}@fictitious.example", "name": "Somebody", "role": "member"}


def key(name="a key"):
    return {"Idempotency-Key": name}


async def members(world, admin) -> int:
    return (await world.seed("SELECT count(*) FROM vault.member WHERE organisation_id = $1", admin.organisation_id))[0][0] - 1


async def test_the_same_request_is_answered_byte_for_byte_and_done_once(world, admin):
    body = invitation()
    first, second = [await admin.post(PATH, body, headers=key()) for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 201) and first.content == second.content
    assert first.headers["etag"] == second.headers["etag"] and first.headers["content-type"] == second.headers["content-type"]
    assert "idempotency-replayed" not in first.headers and second.headers["idempotency-replayed"] == "true"
    assert await members(world, admin) == 1 and len(await world.letters(body["email"])) == 1


async def test_without_a_key_every_request_counts(world, admin):
    body = invitation()
    assert [(await admin.post(PATH, body)).status_code for _ in range(2)] == [201, 409]


async def test_a_key_used_for_something_else_is_refused(world, admin):
    await admin.post(PATH, invitation(), headers=key())
    other = await admin.post(PATH, invitation(), headers=key())
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await members(world, admin) == 1


async def test_the_same_body_at_another_address_is_another_request(admin):
    made = (await admin.post(PATH, invitation(), headers=key())).json()
    other = await admin.post("/v1/api-keys", {"name": made["name"]}, headers=key())
    assert other.status_code == 422 and other.json()["code"] in ("validation", "idempotency_key_reused")


async def test_requests_at_once_make_one_row(world, admin):
    body = invitation()
    answers = await asyncio.gather(*(admin.post(PATH, body, headers=key()) for _ in range(6)))
    assert {a.status_code for a in answers} == {201} and len({a.content for a in answers}) == 1
    assert await members(world, admin) == 1 and len(await world.letters(body["email"])) == 1


async def test_a_failure_is_not_remembered(world, admin):
    body = invitation()
    held = (await admin.post(PATH, body)).json()
    assert (await admin.post(PATH, body, headers=key())).json()["code"] == "member_exists"
    await admin.delete(f"{PATH}/{held['id']}")
    retried = await admin.post(PATH, body, headers=key())
    assert retried.status_code == 201 and "idempotency-replayed" not in retried.headers


async def test_another_callers_key_is_another_key(world, admin):
    other = await world.signed_in(await world.intermediary())
    body = invitation()
    first, second = [await who.post(PATH, body, headers=key()) for who in (admin, other)]
    assert (first.status_code, second.status_code) == (201, 201) and first.json()["id"] != second.json()["id"]


async def test_a_replay_is_not_given_to_who_lost_the_right(world, admin):
    body = invitation()
    assert (await admin.post(PATH, body, headers=key())).status_code == 201
    await world.seed("UPDATE vault.member SET role = 'member' WHERE id = $1", admin.member_id)
    assert (await admin.post(PATH, body, headers=key())).status_code == 403


@pytest.mark.parametrize("name", ["", "x" * 201, "a\tb"])
async def test_a_key_has_a_form(world, admin, name):
    answer = await admin.post(PATH, invitation(), headers=key(name))
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "Idempotency-Key"
    assert await members(world, admin) == 0


async def test_answers_are_forgotten_after_a_day(world, admin):
    from succession.jobs import forget_idempotency
    from succession.worker import open_worker_pool

    await admin.post(PATH, invitation(), headers=key("young"))
    await admin.post(PATH, invitation(), headers=key("old"))
    actor = f"member:{admin.member_id}"
    await world.seed("UPDATE ops.idempotency SET created_at = now() - interval '25 hours' WHERE actor = $1 AND key = 'old'", actor)
    settings = world.app.state.settings
    async with await open_worker_pool(settings) as pool, pool.acquire() as connection:
        await forget_idempotency(connection, settings)
    assert [row[0] for row in await world.seed("SELECT key FROM ops.idempotency WHERE actor = $1", actor)] == ["young"]
