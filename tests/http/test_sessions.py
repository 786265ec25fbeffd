"""Who gets in, how long they stay, and what ends it: sign-in, cookies, rotation, expiry, throttles, Origin."""

import time

import pytest
from argon2 import PasswordHasher

from succession import actor as actor_module
from succession.accounts import passwords, sign_in
from succession.actor import COOKIE, ROTATE_AFTER_S, Sessions
from world import ORIGIN, PASSWORD, PASSWORD_HASH


@pytest.fixture
async def member(world):
    """Somebody with a password."""
    made = await world.acquirer()
    await world.seed("UPDATE vault.member SET password_hash = $2 WHERE id = $1", made.member_id, PASSWORD_HASH)
    return made


@pytest.fixture(autouse=True)
async def rested(app):
    """Nobody has tried anything yet: all tests come from one network."""
    await app.state.redis.flushdb()


def sign(client, email, password=PASSWORD, **headers):
    return client.post("/v1/sessions", json={"email": email, "password": password}, headers=headers)


def cookie_of(answer) -> str:
    return answer.headers["set-cookie"].split(";")[0].removeprefix(f"{COOKIE}=")


# ---------------------------------------------------------------- signing in


async def test_a_member_signs_in_and_is_known(http, member):
    assert (await http.get("/v1/sessions/current")).status_code == 401
    assert (await sign(http, member.email.upper())).status_code == 204
    who = (await http.get("/v1/sessions/current")).json()
    assert (who["via"], who["kind"], who["member_id"]) == ("session", "acquirer", str(member.member_id))
    assert "brief:file" in who["permissions"] and "listing:write" not in who["permissions"]


async def test_an_api_key_says_who_it_is_and_cannot_sign_out(member):
    who = (await member.get("/v1/sessions/current")).json()
    assert who["via"] == "api_key" and "account:edit" not in who["permissions"]
    assert (await member.delete("/v1/sessions/current")).status_code == 403


async def test_the_cookie_cannot_be_read_by_scripts_or_sent_by_other_pages(http, member, settings, monkeypatch):
    flags = [part.strip().lower() for part in (await sign(http, member.email)).headers["set-cookie"].split(";")[1:]]
    assert {"httponly", "samesite=lax", "path=/"} == set(flags)
    monkeypatch.setattr(type(settings), "secure_cookies", True)
    assert "secure" in (await sign(http, member.email)).headers["set-cookie"].lower()


async def test_wrong_password_unknown_address_and_departed_member_read_the_same(http, world, member):
    left = await world.acquirer()
    await world.seed("UPDATE vault.member SET password_hash = $2, status = 'left' WHERE id = $1", left.member_id, PASSWORD_HASH)
    invited = await world.acquirer()
    await world.seed("UPDATE vault.member SET status = 'invited' WHERE id = $1", invited.member_id)
    answers = [await sign(http, member.email, "another long sentence"), await sign(http, "nobody@fictitious.example"),
               await sign(http, left.email), await sign(http, invited.email), await sign(http, "no address"), await sign(http, "nul\0@x.example")]
    assert {(a.status_code, a.text) for a in answers} == {(401, answers[0].text)}
    assert answers[0].json()["code"] == "sign_in_failed"
    assert not any("set-cookie" in a.headers for a in answers)


async def test_every_try_costs_one_hash_known_or_not(http, member, monkeypatch):
    verified = []
    monkeypatch.setattr(passwords, "_verify", lambda stored, password: verified.append(stored) or False)
    await sign(http, member.email, "wrong wrong wrong")
    await sign(http, "nobody@fictitious.example")
    assert verified == [PASSWORD_HASH, passwords.NOBODY]
    assert not passwords.needs_rehash(passwords.NOBODY), "nobody's hash costs what everybody's does"


async def test_an_old_hash_is_renewed_when_its_password_is_known(http, world, member):
    old = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    await world.seed("UPDATE vault.member SET password_hash = $2 WHERE id = $1", member.member_id, old)
    assert (await sign(http, member.email)).status_code == 204
    kept = (await world.seed("SELECT password_hash FROM vault.member WHERE id = $1", member.member_id))[0][0]
    assert not passwords.needs_rehash(kept)
    assert (await sign(http, member.email)).status_code == 204


async def test_full_width_letters_are_the_same_password(http, member):
    assert (await sign(http, member.email, "ａ ｌｏｎｇ and fictitious sentence")).status_code == 204


async def test_tries_run_out_for_an_address_whether_or_not_it_is_known(http, member, monkeypatch):
    monkeypatch.setitem(sign_in.LIMITS, "sign_in_pair", sign_in.Limit(3, 900))
    for address in (member.email, "nobody@fictitious.example"):
        for _try in range(sign_in.LIMITS["sign_in_pair"].tries):
            assert (await sign(http, address, "wrong wrong wrong")).status_code == 401
        refused = await sign(http, address)
        assert refused.status_code == 429 and refused.json()["code"] == "rate_limited"
        assert 0 < int(refused.headers["retry-after"]) <= sign_in.LIMITS["sign_in_pair"].window_s


async def test_tries_run_out_for_a_network_over_all_addresses(http, monkeypatch):
    monkeypatch.setitem(sign_in.LIMITS, "sign_in_network", sign_in.Limit(3, 900))
    answers = [await sign(http, f"nobody{number}@fictitious.example") for number in range(4)]
    assert [a.status_code for a in answers] == [401, 401, 401, 429]


async def test_a_success_forgives_the_tries_before_it(http, member, monkeypatch):
    monkeypatch.setitem(sign_in.LIMITS, "sign_in_pair", sign_in.Limit(3, 900))
    for _round in range(2):
        for _try in range(sign_in.LIMITS["sign_in_pair"].tries - 1):
            assert (await sign(http, member.email, "wrong wrong wrong")).status_code == 401
        assert (await sign(http, member.email)).status_code == 204
        await http.delete("/v1/sessions/current")


async def test_no_address_is_written_into_redis(http, app, member):
    await sign(http, member.email, "wrong wrong wrong")
    assert member.email.encode() not in b" ".join(await app.state.redis.keys("*"))


# ---------------------------------------------------------------- sessions


async def test_a_cookie_planted_before_signing_in_is_never_the_session(http, member, app):
    http.cookies.set(COOKIE, "planted")
    answer = await sign(http, member.email)
    assert answer.status_code == 204 and cookie_of(answer) != "planted"
    assert await app.state.sessions.find("planted") is None


async def test_signing_in_again_ends_the_session_before(http, member, app):
    first = cookie_of(await sign(http, member.email))
    second = cookie_of(await sign(http, member.email))
    assert await app.state.sessions.find(first) is None and await app.state.sessions.find(second) is not None


async def test_signing_out_ends_the_session_and_takes_the_cookie_away(http, member, app):
    token = cookie_of(await sign(http, member.email))
    answer = await http.delete("/v1/sessions/current")
    assert answer.status_code == 204 and "Max-Age=0" in answer.headers["set-cookie"]
    assert await app.state.sessions.find(token) is None


async def test_signing_out_everywhere_ends_the_other_browser_too(world, member):
    here, there = await world.signed_in(member), await world.signed_in(member)
    assert (await there.get("/v1/sessions/current")).status_code == 200
    assert (await here.delete("/v1/sessions")).status_code == 204
    assert (await there.get("/v1/sessions/current")).status_code == 401
    assert (await here.get("/v1/sessions/current")).status_code == 401


async def test_a_session_ends_after_its_longest_life_however_busy(app, settings, member, monkeypatch):
    token = await app.state.sessions.start(member.member_id, 1)
    now = time.time()
    monkeypatch.setattr(actor_module.time, "time", lambda: now + settings.session_absolute_s - 5)
    assert await app.state.sessions.find(token) is not None
    left_ms = await app.state.redis.pttl(actor_module._session_key(token))
    assert left_ms <= 5_000, "it is not kept longer than it may live"
    monkeypatch.setattr(actor_module.time, "time", lambda: now + settings.session_absolute_s + 1)
    assert await app.state.sessions.find(token) is None


async def test_a_session_nobody_uses_expires_and_one_in_use_lives_on(app, settings, member):
    token = await app.state.sessions.start(member.member_id, 1)
    key = actor_module._session_key(token)
    assert 0 < await app.state.redis.pttl(key) <= settings.session_idle_s * 1000
    await app.state.redis.pexpire(key, 2_000)
    assert await app.state.sessions.find(token) is not None
    assert await app.state.redis.pttl(key) > 2_000
    await app.state.redis.pexpire(key, 1)
    time.sleep(0.01)
    assert await app.state.sessions.find(token) is None


async def test_an_old_session_gets_a_new_token_without_losing_requests_under_way(http, app, member, monkeypatch):
    old = cookie_of(await sign(http, member.email))
    later = time.time() + ROTATE_AFTER_S + 1
    monkeypatch.setattr(actor_module.time, "time", lambda: later)
    answer = await http.get("/v1/sessions/current")
    fresh = cookie_of(answer)
    assert answer.status_code == 200 and fresh != old
    assert "httponly" in answer.headers["set-cookie"].lower()
    http.cookies.clear()
    under_way = await http.get("/v1/sessions/current", headers={"Cookie": f"{COOKIE}={old}"})
    assert under_way.status_code == 200 and "set-cookie" not in under_way.headers
    assert await app.state.redis.ttl(actor_module._session_key(old)) <= actor_module.ROTATION_GRACE_S
    assert (await http.get("/v1/sessions/current", headers={"Cookie": f"{COOKIE}={fresh}"})).status_code == 200


async def test_signing_out_with_either_side_of_a_rotation_ends_both(app, settings, member, monkeypatch):
    sessions: Sessions = app.state.sessions
    for ending in ("old", "fresh"):
        old = await sessions.start(member.member_id, 1)
        later = time.time() + ROTATE_AFTER_S + 1
        with monkeypatch.context() as patched:
            patched.setattr(actor_module.time, "time", lambda: later)
            fresh = await sessions.rotate_if_due(old)
            assert fresh and await sessions.rotate_if_due(old) is None
        await sessions.end({"old": old, "fresh": fresh}[ending])
        assert await sessions.find(old) is None and await sessions.find(fresh) is None


async def test_a_write_on_a_cookie_needs_our_origin(world, member):
    browser = await world.signed_in(member)
    for origin in ("https://elsewhere.example", "null", ORIGIN + ".elsewhere.example"):
        refused = await browser.client.delete("/v1/sessions", headers={"Origin": origin})
        assert refused.status_code == 403 and refused.json()["code"] == "origin_refused"
    without = world.client()
    without.cookies = browser.client.cookies
    assert (await without.delete("/v1/sessions")).json()["code"] == "origin_refused"
    assert (await browser.get("/v1/sessions/current", headers={"Origin": "https://elsewhere.example"})).status_code == 200
    assert (await browser.delete("/v1/sessions")).status_code == 204


async def test_a_foreign_page_cannot_sign_a_visitor_in(http, member):
    refused = await sign(http, member.email, Origin="https://elsewhere.example")
    assert refused.status_code == 403 and refused.json()["code"] == "origin_refused"


async def test_who_leaves_is_out_at_once_by_cookie_and_by_key(world, member):
    colleague = await world.member(member.organisation_id, "acquirer")
    browser = await world.signed_in(colleague)
    admin = await world.signed_in(member)
    assert (await admin.delete(f"/v1/members/{colleague.member_id}")).status_code == 204
    assert (await browser.get("/v1/sessions/current")).status_code == 401
    assert (await colleague.get("/v1/sessions/current")).status_code == 401
    revoked = await world.seed("SELECT revoked_at FROM vault.api_key WHERE member_id = $1", colleague.member_id)
    assert all(row[0] for row in revoked)


async def test_signing_in_is_in_the_audit_without_an_address(http, world, member):
    await sign(http, member.email)
    rows = await world.seed("SELECT action, detail::text FROM vault.audit_event WHERE member_id = $1", member.member_id)
    assert ("signed_in", "{}") in [tuple(row) for row in rows]
