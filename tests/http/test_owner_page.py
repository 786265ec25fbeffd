"""Does only the owner's confirmed answer count, once, for the text that was shown?"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from listing_scene import TEXT_JA, approved, counts, form_of, is_up, last_token, prepared, proposed, published
from world import ORIGIN


@pytest.fixture
async def browser(world):
    return world.client(Origin=ORIGIN)


async def consents(listing) -> list[dict]:
    return (await listing.holder.get(f"{listing.path}/consents")).json()["consents"]


async def test_the_token_is_in_the_letter_and_nowhere_else(world, database_url, as_database_role):
    listing = await prepared(world, await world.intermediary())
    await proposed(world, listing)
    letters = await world.letters(listing.email)
    token = await last_token(world, listing)
    assert [letter["template"] for letter in letters] == ["owner_teaser"] and len(token) >= 43
    assert listing.name not in str(letters)
    owner = await as_database_role("owner")
    tables = await owner.fetch("SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables "
                               "WHERE schemaname IN ('vault', 'market', 'ops') AND tablename <> 'outbox'")
    for table in tables:
        found = await owner.fetchval(f"SELECT count(*) FROM {table['name']} t WHERE t::text LIKE $1", f"%{token}%")
        assert found == 0, table["name"]


async def test_opening_changes_nothing_and_shows_the_text_verbatim_with_nothing_ticked(world, browser):
    listing = await prepared(world, await world.intermediary())
    await proposed(world, listing)
    token, before = await last_token(world, listing), await counts(world, listing)
    for lang in ("", "?lang=en", "?lang=ja"):
        answer = await browser.get(f"/owner/{token}{lang}")
        html = answer.text
        assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")
        assert TEXT_JA in html and listing.owner in html and listing.name not in html
        assert len(re.findall(r'type="checkbox" name="box"', html)) == 4 and "checked" not in html
        assert "<script" not in html and "style=" not in html and 'href="/static/owner.css"' in html
        assert f'<html lang="{"en" if "en" in lang else "ja"}">' in html
    assert answer.headers["content-language"] == "ja" and answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "same-origin"  # with no-referrer a browser would send Origin: null
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert await counts(world, listing) == before
    assert (await browser.get("/static/owner.css")).status_code == 200


async def test_an_approval_grants_what_was_ticked_for_a_year_and_mails_a_way_back(world, browser):
    listing = await prepared(world, await world.intermediary())
    made = await proposed(world, listing)
    token = await last_token(world, listing)
    html = (await browser.get(f"/owner/{token}")).text
    form = form_of(html, decision="approved", read="yes", box=["agency_desk", "verified_buyers"])
    asked = await browser.post(f"/owner/{token}", data=form)
    assert asked.status_code == 200 and 'name="code"' in asked.text and await consents(listing) == [], "a yes needs the number from the mailbox"
    answer = await browser.post(f"/owner/{token}", data=form | {"code": await world.owner_code(listing.email)})
    assert answer.status_code == 200 and listing.name not in answer.text
    view = (await listing.holder.get(f"{listing.path}/consents")).json()
    assert {c["audience"] for c in view["consents"] if c["live"]} == {"agency_desk", "verified_buyers"}
    lasts = datetime.fromisoformat(view["consents"][0]["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=364) < lasts < timedelta(days=367)
    proposal = view["proposals"][0]
    assert proposal["id"] == str(made.id) and proposal["decision"] == "approved" and proposal["method"] == "link"
    assert proposal["decided_by"] == listing.owner and proposal["rendering_ja"] == TEXT_JA
    row = (await world.seed("SELECT a.evidence::text, encode(p.canonical_hash, 'hex') AS hash FROM vault.teaser_proposal p "
                            "JOIN vault.decider_answer a ON a.subject_id = p.id WHERE p.id = $1", made.id))[0]
    assert row["hash"] in row["evidence"] and '"locale"' in row["evidence"] and '"agent"' in row["evidence"]
    assert [each["template"] for each in await world.letters(listing.email)] == ["owner_teaser", "owner_code", "owner_approved"]
    assert [each["template"] for each in await world.letters(organisation=listing.holder.organisation_id)] == ["owner_decided"]


async def test_a_link_works_once_and_then_tells_nothing(world, browser):
    listing = await prepared(world, await world.intermediary())
    await proposed(world, listing)
    token = await last_token(world, listing)
    form = form_of((await browser.get(f"/owner/{token}")).text, decision="refused")
    assert (await browser.post(f"/owner/{token}", data=form)).status_code == 200
    before = await counts(world, listing)
    for answer in (await browser.get(f"/owner/{token}"), await browser.post(f"/owner/{token}", data=form),
                   await browser.post(f"/owner/{token}", data=form | {"decision": "approved", "read": "yes", "box": ["public"]})):
        assert answer.status_code == 410
        assert TEXT_JA not in answer.text and listing.owner not in answer.text and listing.name not in answer.text
    assert await counts(world, listing) == before and await consents(listing) == []
    unknown = await browser.get("/owner/" + "x" * 43)
    assert unknown.status_code == 404 and "renewal" not in unknown.text


async def test_an_expired_link_changes_nothing_and_a_new_one_goes_only_to_the_address_on_record(world, browser):
    listing = await prepared(world, await world.intermediary())
    await proposed(world, listing)
    token = await last_token(world, listing)
    form = form_of((await browser.get(f"/owner/{token}")).text, decision="approved", read="yes", box=["public"])
    await world.seed("UPDATE vault.owner_link SET expires_at = now() - interval '1 second' WHERE listing_id = $1", listing.id)
    gone = await browser.post(f"/owner/{token}", data=form)
    assert gone.status_code == 410 and f"/owner/{token}/renewal" in gone.text and await consents(listing) == []
    renewed = await browser.post(f"/owner/{token}/renewal")
    assert renewed.status_code == 200 and "/owner/" not in renewed.text
    fresh = await last_token(world, listing)
    assert fresh != token and fresh not in renewed.text
    assert (await browser.get(f"/owner/{fresh}")).status_code == 200
    for _ in range(3):
        last = await browser.post(f"/owner/{token}/renewal")
    assert last.status_code == 429 and "<h1>" in last.text
    assert (await browser.post("/owner/nothing/renewal")).status_code == 404


@pytest.mark.parametrize(("fields", "status"), [
    ({"decision": "approved", "read": "yes"}, 422),  # nothing ticked
    ({"decision": "approved", "box": ["public"]}, 422),  # not read
    ({"decision": "approved", "read": "yes", "box": ["everybody"]}, 422),
    ({"decision": "yes", "read": "yes", "box": ["public"]}, 422),
    ({"read": "yes", "box": ["public"]}, 422),  # no decision at all
    ({"decision": "refused", "form_key": "0" * 64}, 409),
])
async def test_an_incomplete_answer_is_asked_again_and_spends_nothing(world, browser, fields, status):
    listing = await prepared(world, await world.intermediary())
    await proposed(world, listing)
    token, before = await last_token(world, listing), await counts(world, listing)
    html = (await browser.get(f"/owner/{token}")).text
    answer = await browser.post(f"/owner/{token}", data=form_of(html) | fields)
    assert answer.status_code == status and 'role="alert"' in answer.text and TEXT_JA in answer.text
    assert await counts(world, listing) == before
    again = await browser.post(f"/owner/{token}", data=form_of(html, decision="refused"))
    assert again.status_code == 200


async def test_a_foreign_page_cannot_answer(world):
    listing = await prepared(world, await world.intermediary())
    await proposed(world, listing)
    token, before = await last_token(world, listing), await counts(world, listing)
    stranger = world.client(Origin="https://elsewhere.example")
    form = form_of((await stranger.get(f"/owner/{token}")).text, decision="approved", read="yes", box=["public"])
    for path in (f"/owner/{token}", f"/owner/{token}/renewal"):
        assert (await stranger.post(path, data=form)).status_code == 403
    assert await counts(world, listing) == before


async def test_a_newer_proposal_ends_the_older_link(world, browser):
    listing = await prepared(world, await world.intermediary())
    await proposed(world, listing, text="古い文")
    old = await last_token(world, listing)
    form = form_of((await browser.get(f"/owner/{old}")).text, decision="approved", read="yes", box=["public"])
    await proposed(world, listing, text="新しい文")
    assert (await browser.post(f"/owner/{old}", data=form)).status_code == 410
    assert "新しい文" in (await browser.get(f"/owner/{await last_token(world, listing)}")).text
    assert await consents(listing) == []


async def test_a_withdrawn_listing_asks_nothing_any_more(world, browser):
    listing = await prepared(world, await world.intermediary())
    await proposed(world, listing)
    token = await last_token(world, listing)
    await listing.holder.post(f"{listing.path}/withdrawal", {"reason": "owner_health"})
    assert (await browser.get(f"/owner/{token}")).status_code == 410
    await browser.post(f"/owner/{token}/renewal")
    closed = await browser.get(f"/owner/{await last_token(world, listing)}")
    assert closed.status_code == 200 and "<form" not in closed.text and TEXT_JA not in closed.text


async def test_the_owner_is_told_why_it_cannot_be_public(world, browser):
    listing = await prepared(world, await world.intermediary())
    await proposed(world, listing)
    token = await last_token(world, listing)
    form = form_of((await browser.get(f"/owner/{token}")).text, decision="approved", read="yes", box=["public"])
    await listing.holder.post(f"{listing.path}/exclusions", {"kind": "country", "value": "DE"})
    html = (await browser.get(f"/owner/{token}?lang=en")).text
    assert 'value="public"' not in html and "nobody can be kept from a public page" in html
    assert (await browser.post(f"/owner/{token}", data=form)).status_code == 422


async def test_a_withdrawal_takes_the_teaser_down_at_once(world, browser):
    listing = await prepared(world, await world.intermediary())
    proposal = await approved(world, listing, ("public", "verified_buyers"))
    ref = await published(world, listing, proposal, "public", "verified_buyers")
    assert await is_up(world, ref)
    token = await last_token(world, listing)
    html = (await browser.get(f"/owner/{token}")).text
    assert 'value="withdrawn"' in html and 'value="agency_desk"' not in html and "checked" not in html
    nothing = await browser.post(f"/owner/{token}", data=form_of(html, decision="withdrawn"))
    assert nothing.status_code == 422 and await is_up(world, ref)
    answer = await browser.post(f"/owner/{token}", data=form_of(html, decision="withdrawn", box=["public"]))
    assert answer.status_code == 200 and not await is_up(world, ref)
    assert {c["audience"] for c in await consents(listing) if c["live"]} == {"verified_buyers"}
    now = (await listing.holder.get(listing.path)).json()
    assert (now["state"], now["state_reason"]) == ("suspended", "consent_withdrawn")
    assert "consent_withdrawn" in [e["template"] for e in await world.letters(organisation=listing.holder.organisation_id)]


async def test_everything_can_be_withdrawn_with_one_button_by_a_link_asked_for_again(world, browser):
    listing = await prepared(world, await world.intermediary())
    await published(world, listing, await approved(world, listing, ("public", "agency_desk")), "public", "agency_desk")
    used = await last_token(world, listing)
    await listing.holder.post(f"{listing.path}/consents")  # the adviser may ask for it as well; nothing of it is answered
    token = await last_token(world, listing)
    assert token != used and (await browser.get(f"/owner/{used}")).status_code == 410
    html = (await browser.get(f"/owner/{token}")).text
    assert (await browser.post(f"/owner/{token}", data=form_of(html, decision="withdrawn_all"))).status_code == 200
    assert [c["live"] for c in await consents(listing)] == [False, False]
    await browser.post(f"/owner/{token}/renewal")
    closed = await browser.get(f"/owner/{await last_token(world, listing)}")
    assert closed.status_code == 200 and "<form" not in closed.text


async def test_reminders_are_counted_and_need_a_proposal(world):
    listing = await prepared(world, await world.intermediary())
    assert (await listing.holder.post(f"{listing.path}/consents")).status_code == 404
    await proposed(world, listing)
    sent = [(await listing.holder.post(f"{listing.path}/consents")).status_code for _ in range(6)]
    assert sent[:3] == [202] * 3 and sent[-1] == 429
    assert (await (await world.intermediary()).post(f"{listing.path}/consents")).status_code == 404


async def test_the_intermediary_cannot_answer_in_the_owners_place(world, as_database_role):
    center = await world.intermediary()
    listing = await prepared(world, center)
    own = await center.post(f"{listing.path}/owner-contacts", {"name": "架空", "email": center.email.upper()})
    assert own.status_code == 422 and own.json()["errors"][0]["field"] == "email"
    made = await proposed(world, listing)
    app = await as_database_role("succession_app")
    scope = (str(center.organisation_id), str(center.member_id))
    refused = [
        ("UPDATE vault.teaser_proposal SET decision = 'approved', audiences_granted = 15, decided_at = now(), decided_by = 'x', method = 'link' "
         "WHERE id = $1", "42501"),
        ("UPDATE vault.teaser_proposal SET rendering_ja = 'x' WHERE id = $1", "42501"),
        ("INSERT INTO vault.audience_consent (listing_id, proposal_id, audience, expires_at) "
         "SELECT listing_id, id, 'public', now() + interval '1 day' FROM vault.teaser_proposal WHERE id = $1", "42501"),
    ]  # fmt: skip
    for sql, code in refused:
        with pytest.raises(Exception) as caught:
            async with app.transaction():
                await app.execute("SELECT set_config('succession.kind', 'intermediary', true), "
                                  "set_config('succession.organisation', $1, true), set_config('succession.member', $2, true)", *scope)
                await app.execute(sql, made.id)
        assert caught.value.sqlstate in (code, "SU002"), sql


async def test_a_removed_contact_gets_nothing_more_and_its_link_dies(world, browser):
    listing = await prepared(world, await world.intermediary())
    await proposed(world, listing)
    token = await last_token(world, listing)
    contact = (await listing.holder.get(f"{listing.path}/owner-contacts")).json()["items"][0]
    assert (await listing.holder.delete(f"{listing.path}/owner-contacts/{contact['id']}")).status_code == 204
    before = await world.letters(listing.email)
    assert (await browser.get(f"/owner/{token}")).status_code == 410
    await browser.post(f"/owner/{token}/renewal")
    assert (await listing.holder.post(f"{listing.path}/consents")).json()["links_sent"] == 0
    assert await world.letters(listing.email) == before
    assert (await listing.holder.get(f"{listing.path}/owner-contacts")).json()["items"] == []
