"""What does a stolen password or key open without the telephone, and what does a stolen code?"""

from __future__ import annotations

import re
import time

import pyotp
import pytest

from succession.accounts import sign_in
from succession.accounts.second_factor import RECOVERY_CODES, matching_step, present_step
from succession.actor import COOKIE
from succession.permissions import CONFIRMED_ANEW
from world import ORIGIN, PASSWORD, PASSWORD_HASH, Authenticator

SET_UP, CONFIRM = "/v1/members/me/second-factor", "/v1/sessions/current/second-factor"


@pytest.fixture(autouse=True)
async def rested(app):
    await app.state.redis.flushdb()


@pytest.fixture
async def newcomer(world):
    """A member of an intermediary who has a password and has set nothing up yet, in a browser after the first step."""
    member = await world.intermediary()
    await world.seed("DELETE FROM vault.second_factor WHERE member_id = $1", member.member_id)
    return member, await first_step(world, member)


async def first_step(world, member):
    await world.seed("UPDATE vault.member SET password_hash = $2 WHERE id = $1", member.member_id, PASSWORD_HASH)
    browser = world.client(Origin=ORIGIN)
    answer = await browser.post("/v1/sessions", json={"email": member.email, "password": PASSWORD})
    assert answer.status_code == 204
    return browser


async def typed(browser, code, path=CONFIRM):
    return await browser.post(path, json={"code": code})


def code_of(answer):
    return answer.json()["code"]


# ---------------------------------------------------------------- signing in


async def test_a_password_alone_can_only_set_up_a_factor_or_sign_out(newcomer, world):
    member, browser = newcomer
    who = (await browser.get("/v1/sessions/current")).json()
    assert who["second_factor"] == "to_set_up"
    assert set(who["permissions"]) == {"account:sign_out", "second_factor:confirm", "second_factor:enrol"}
    for path in ("/v1/listings", "/v1/organisations/me", "/v1/members/me", "/v1/api-keys", "/v1/grants"):
        assert code_of(await browser.get(path)) == "second_factor_needed", path
    assert code_of(await browser.put("/v1/members/me/password", json={"present_password": PASSWORD, "new_password": PASSWORD + "!"})) == "second_factor_needed"
    assert (await browser.delete("/v1/sessions/current")).status_code == 204
    assert (await browser.get("/v1/sessions/current")).status_code == 401


@pytest.mark.parametrize("kind", ["operator", "intermediary"])
async def test_intermediaries_and_the_operator_give_a_code_after_the_password(world, kind):
    member = await getattr(world, kind)()
    browser = await first_step(world, member)
    assert (await browser.get("/v1/sessions/current")).json()["second_factor"] == "to_give"
    assert code_of(await browser.get("/v1/members")) == "second_factor_needed"
    half = browser.cookies[COOKIE]
    confirmed = await typed(browser, await member.app.code())
    assert confirmed.status_code == 201 and browser.cookies[COOKIE] != half, "a session that may more has another cookie"
    assert (await browser.get("/v1/sessions/current")).json()["second_factor"] == "given"
    assert (await browser.get("/v1/members")).status_code == 200
    before = world.client(Cookie=f"{COOKIE}={half}")
    assert (await before.get("/v1/sessions/current")).status_code == 401, "the half session has ended"


async def test_who_need_not_may_set_one_up_and_is_asked_from_then_on(world):
    buyer = await world.signed_in(await world.acquirer())
    assert (await buyer.get("/v1/sessions/current")).json()["second_factor"] == "not_asked"
    app, _codes = await world.set_up_app(buyer.client)
    browser = await first_step(world, buyer)
    assert code_of(await browser.get("/v1/members")) == "second_factor_needed"
    assert (await typed(browser, await app.code())).status_code == 201
    assert (await browser.get("/v1/members")).status_code == 200


async def test_a_password_changed_in_a_full_session_leaves_it_full(world):
    browser = await world.signed_in(await world.intermediary())
    changed = await browser.put("/v1/members/me/password", {"present_password": PASSWORD, "new_password": "quite another long sentence"})
    assert changed.status_code == 204
    assert (await browser.get("/v1/sessions/current")).json()["second_factor"] == "given"


# ---------------------------------------------------------------- setting up


async def test_the_secret_is_shown_once_as_uri_and_pictures_and_lies_sealed(newcomer, world):
    member, browser = newcomer
    begun = (await browser.post(SET_UP, json={}, headers={"Idempotency-Key": "once"})).json()
    assert begun["uri"].startswith("otpauth://totp/") and f"secret={begun['secret']}" in begun["uri"]
    assert begun["qr_svg"].startswith("data:image/svg+xml") and begun["qr_png"].startswith("data:image/png;base64,")
    for table in ("vault.second_factor", "vault.audit_event", "ops.outbox", "ops.idempotency"):
        rows = await world.seed(f"SELECT to_jsonb(t)::text FROM {table} t")
        assert not [row for row in rows if begun["secret"] in row[0] or begun["secret"].encode().hex() in row[0]], table
    (row,) = await world.seed("SELECT key_id, confirmed_at FROM vault.second_factor WHERE member_id = $1", member.member_id)
    assert row["key_id"] and row["confirmed_at"] is None, "not in use before a code of it was seen"
    assert code_of(await typed(browser, "123456", CONFIRM)) == "second_factor_not_enrolled"


async def test_recovery_codes_work_once_each_and_are_kept_as_hashes(newcomer, world):
    member, browser = newcomer
    _app, codes = await world.set_up_app(browser)
    assert len(set(codes)) == RECOVERY_CODES and all(re.fullmatch(r"(?:[A-Z2-9]{4}-){3}[A-Z2-9]{4}", code) for code in codes)
    rows = await world.seed("SELECT to_jsonb(r)::text FROM vault.recovery_code r WHERE member_id = $1", member.member_id)
    assert len(rows) == RECOVERY_CODES and not [row for row in rows for code in codes if code in row[0] or code.replace("-", "") in row[0]]
    again = await first_step(world, member)
    used = await typed(again, codes[0].lower().replace("-", " "))
    assert (used.status_code, used.json()["method"], used.json()["recovery_codes_left"]) == (201, "recovery_code", RECOVERY_CODES - 1)
    assert "recovery_code_used" in {letter["template"] for letter in await world.letters(member=member.member_id)}
    assert code_of(await typed(await first_step(world, member), codes[0])) == "second_factor_wrong"


async def test_another_app_takes_its_place_only_after_a_confirmation_with_the_present_one(world):
    member = await world.intermediary()
    half = await first_step(world, member)
    assert code_of(await half.post(SET_UP, json={})) == "second_factor_needed", "a stolen password replaces nothing"
    assert (await typed(half, await member.app.code())).status_code == 201
    assert code_of(await half.post(SET_UP, json={})) == "second_factor_needed", "nor a stolen cookie"
    assert (await typed(half, await member.app.code())).status_code == 201
    begun = (await half.post(SET_UP, json={})).json()
    assert (await world.seed("SELECT count(*) FROM vault.second_factor WHERE member_id = $1", member.member_id))[0][0] == 2
    other = Authenticator(begun["secret"], last_step=member.app.last_step)
    assert code_of(await typed(half, "000000", f"{SET_UP}/confirmation")) == "second_factor_wrong"
    assert (await typed(half, await other.code(), f"{SET_UP}/confirmation")).status_code == 201
    (row,) = await world.seed("SELECT confirmed_at FROM vault.second_factor WHERE member_id = $1", member.member_id)
    assert row["confirmed_at"]


# ---------------------------------------------------------------- codes


def test_a_code_counts_in_its_own_half_minute_and_the_ones_beside_it():
    secret, now = pyotp.random_base32(), time.time()
    for off in (-1, 0, 1):
        assert matching_step(secret, pyotp.TOTP(secret).generate_otp(present_step(now) + off), now) == present_step(now) + off
    for off in (-2, 2):
        assert matching_step(secret, pyotp.TOTP(secret).generate_otp(present_step(now) + off), now) is None
    assert pyotp.TOTP("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", digits=8).generate_otp(1) == "94287082", "RFC 6238, appendix B, at 59 s"


async def test_a_code_is_taken_once_whatever_for_and_none_before_it_after(world):
    member = await world.intermediary()
    step = present_step(time.time())
    code, earlier = (pyotp.TOTP(member.app.secret).generate_otp(at) for at in (step, step - 1))
    browser = await first_step(world, member)
    assert (await typed(browser, code)).status_code == 201
    assert code_of(await typed(browser, code)) == "second_factor_used", "seen over a shoulder, it opens no release"
    assert code_of(await typed(member.client, code)) == "second_factor_used"
    assert code_of(await typed(member.client, earlier)) == "second_factor_used"
    assert code_of(await typed(await first_step(world, member), code)) == "second_factor_used"


async def test_tries_run_out_for_a_member_from_wherever_and_however_they_come(world, monkeypatch):
    monkeypatch.setitem(sign_in.LIMITS, "second_factor_member", sign_in.Limit(3, 900))
    member = await world.intermediary()
    browser = await first_step(world, member)
    answers = [await typed(browser, "not-a-code-at-all"), await typed(member.client, "0000000"), await typed(browser, "AAAA-AAAA-AAAA-AAAA")]
    assert {code_of(answer) for answer in answers} == {"second_factor_wrong"}
    refused = await typed(browser, await member.app.code())
    assert refused.status_code == 429 and int(refused.headers["retry-after"]) > 0
    assert (await typed((await world.intermediary()).client, "00000000")).status_code == 422, "somebody else has tries of their own"


# ---------------------------------------------------------------- before a release


async def test_a_release_asks_again_of_a_key_and_of_a_session_and_nothing_is_left_behind(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.name_cleared(published, buyer)
    seller, path = published.seller, f"/v1/disclosure-requests/{deal}/dossier-release"
    browser = await world.signed_in(seller)
    for client in (seller.client, browser.client):
        refused = await client.post(path, json={})
        assert (refused.status_code, code_of(refused)) == (403, "second_factor_needed")
        assert CONFIRM in refused.json()["detail"]
    assert await world.seed("SELECT 1 FROM vault.disclosure_grant WHERE listing_id = $1", published.listing_id) == []
    confirmed = await typed(browser.client, await seller.app.code())
    assert confirmed.json()["valid_until"] > confirmed.json()["confirmed_at"]
    assert (await seller.client.post(path, json={})).status_code == 201, "confirmed by the member in a browser: their program may release"
    (row,) = await world.seed("SELECT method, purpose FROM vault.second_factor_confirmation WHERE member_id = $1", seller.member_id)
    assert tuple(row) == ("totp", "step_up")


async def test_the_code_of_the_sign_in_is_not_the_one_asked_again(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.name_cleared(published, buyer)
    browser = await first_step(world, published.seller)
    assert (await typed(browser, await published.seller.app.code())).status_code == 201
    assert code_of(await browser.post(f"/v1/disclosure-requests/{deal}/dossier-release", json={})) == "second_factor_needed"


async def test_a_confirmation_ends_after_ten_minutes_and_with_the_factor(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.name_cleared(published, buyer)
    seller, path = published.seller, f"/v1/disclosure-requests/{deal}/dossier-release"
    await seller.confirm()
    await world.overrule("UPDATE vault.second_factor_confirmation SET at = at - interval '10 minutes' WHERE member_id = $1", seller.member_id)
    assert code_of(await seller.client.post(path, json={})) == "second_factor_needed"
    await world.overrule("UPDATE vault.second_factor_confirmation SET at = now() WHERE member_id = $1", seller.member_id)
    await world.seed("DELETE FROM vault.second_factor WHERE member_id = $1", seller.member_id)
    refused = await seller.client.post(path, json={})
    assert code_of(refused) == "second_factor_needed" and SET_UP in refused.json()["detail"]


async def test_what_leaves_the_house_by_somebodys_hand_is_in_the_table():
    assert {"grant:release", "hold:decide", "second_factor:reset_any"} <= CONFIRMED_ANEW


# ---------------------------------------------------------------- reset


async def test_another_administrator_resets_and_nobody_resets_their_own(world):
    admin = await world.intermediary()
    clerk = await world.member(admin.organisation_id, "intermediary")
    boss, desk = await world.signed_in(admin), await world.signed_in(clerk)
    assert code_of(await boss.delete(f"/v1/members/{admin.member_id}/second-factor")) == "second_factor_reset_by_another"
    assert (await desk.delete(f"/v1/members/{admin.member_id}/second-factor")).status_code == 403
    stranger = await world.signed_in(await world.intermediary())
    assert code_of(await stranger.delete(f"/v1/members/{clerk.member_id}/second-factor")) == "second_factor_reset_by_another"
    assert (await boss.delete(f"/v1/members/{clerk.member_id}/second-factor")).status_code == 204
    assert (await desk.get("/v1/sessions/current")).status_code == 401, "every session ended"
    assert [letter["template"] for letter in await world.letters(member=clerk.member_id)] == ["second_factor_reset"]
    audited = await world.seed("SELECT member_id FROM vault.audit_event WHERE action = 'second_factor_reset' AND object_id = $1", str(clerk.member_id))
    assert [row[0] for row in audited] == [admin.member_id]
    again = await first_step(world, clerk)
    assert (await again.get("/v1/sessions/current")).json()["second_factor"] == "to_set_up"
    assert (await boss.delete(f"/v1/members/{clerk.member_id}/second-factor")).status_code == 409


async def test_the_operator_resets_for_who_has_no_colleague_after_confirming(world):
    alone, operator = await world.intermediary(), await world.signed_in(await world.operator())
    path = f"/v1/organisations/{alone.organisation_id}/second-factor-reset"
    assert code_of(await operator.client.post(path, json={"email": alone.email, "reason": "lost"})) == "second_factor_needed"
    assert (await operator.post(path, {"email": "nobody@fictitious.example", "reason": "lost"})).status_code == 404
    assert (await operator.post(path, {"email": alone.email, "reason": "lost"})).status_code == 204
    assert await world.seed("SELECT 1 FROM vault.second_factor WHERE member_id = $1", alone.member_id) == []
    own = f"/v1/organisations/{operator.organisation_id}/second-factor-reset"
    assert code_of(await operator.post(own, {"email": operator.email, "reason": "lost"})) == "second_factor_reset_by_another"
    assert (await alone.client.post(path, json={"email": alone.email, "reason": "lost"})).status_code == 403


# ---------------------------------------------------------------- the page


async def test_the_page_sets_up_and_confirms_with_nothing_but_a_browser(newcomer, world):
    member, browser = newcomer
    shown = await browser.get("/second-factor")
    assert shown.status_code == 200 and "<script" not in shown.text and "style=" not in shown.text
    begun = await browser.post("/second-factor", data={"step": "begin"})
    app = Authenticator(re.search(r'class="secret">([A-Z2-7]+)<', begun.text)[1])
    assert "data:image/svg+xml" in begun.text
    wrong = await browser.post("/second-factor", data={"step": "set_up", "code": "000000"})
    assert wrong.status_code == 422 and 'role="alert"' in wrong.text and 'value="set_up"' in wrong.text
    done = await browser.post("/second-factor", data={"step": "set_up", "code": await app.code()})
    codes = re.findall(r"<code>([A-Z2-9-]{19})</code>", done.text)
    assert len(codes) == RECOVERY_CODES
    assert (await browser.get("/v1/members")).status_code == 200, "the session is a full one"
    confirmed = await browser.post("/second-factor", data={"code": await app.code()})
    assert confirmed.status_code == 200 and "ten minutes" in confirmed.text
    assert (await browser.post("/second-factor", data={"code": "1"})).status_code == 422
    again = await first_step(world, member)
    assert "Set up another app" not in (await again.get("/second-factor")).text
    assert (await again.post("/second-factor", data={"step": "begin"})).status_code == 403
    assert (await again.post("/second-factor", data={"code": codes[0]})).status_code == 200
    assert (await again.get("/v1/members")).status_code == 200


async def test_the_last_operators_factor_is_ended_on_the_command_line(world, settings, monkeypatch, capsys):
    import asyncio

    from succession.commands import operator as command

    for name, value in {"DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url, "SUCCESSION_DEMO": "1",
                        "SUCCESSION_DATA_DIR": str(settings.data_dir)}.items():
        monkeypatch.setenv(name, value)
    alone, seller = await world.operator(), await world.intermediary()
    browser = await world.signed_in(alone)
    assert await asyncio.to_thread(command.run, ["reset-second-factor", "--email", seller.email]) == 1, "operators only"
    assert await asyncio.to_thread(command.run, ["reset-second-factor", "--email", alone.email]) == 0
    assert (await browser.get("/v1/sessions/current")).status_code == 401
    assert await world.seed("SELECT 1 FROM vault.second_factor WHERE member_id = $1", alone.member_id) == []
    assert [letter["template"] for letter in await world.letters(member=alone.member_id)] == ["second_factor_reset"]
