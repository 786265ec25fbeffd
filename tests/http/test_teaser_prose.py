"""Is a teaser's own text off by default, and shown only when scanner, second person and owner all let it through?"""

from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest
from market_world import batch, entered, mandated, owner_approves, profile_of_member, put_in_force

from succession.config import as_role
from succession.market.batches import recheck_prose

CLEAN = {"ja": "熟練した職人が多く、取引先との関係も長く続いています。", "en": "Skilled staff and long relations with customers."}


@pytest.fixture
async def center(world):
    await put_in_force(world)
    return await world.signed_in(await world.intermediary("center"))


@pytest.fixture
async def colleague(world, center):
    return await world.signed_in(await world.member(center.organisation_id, "intermediary"))


@pytest.fixture
async def listing(world, center):
    raw = profile_of_member(12, facts=["steady_quality"])
    listing_id = await entered(center, raw)
    await mandated(world, listing_id, center.member_id)
    return listing_id, f"/v1/listings/{listing_id}", raw


async def _state(world):
    return await world.seed("SELECT (SELECT count(*) FROM vault.teaser_prose), (SELECT count(*) FROM vault.teaser_prose WHERE review IS NOT NULL), "
                            "(SELECT count(*) FROM ops.outbox), (SELECT count(*) FROM market.teaser_prose)")


async def _passed(center, colleague, path, text=CLEAN):
    written = await center.put(f"{path}/teaser-prose", text)
    assert written.status_code == 200, written.text
    read = await colleague.post(f"{path}/teaser-prose/review", {"id": written.json()["id"], "decision": "passed"})
    assert read.status_code == 200, read.text
    return read.json()


async def _up(world, settings, center, listing, *audiences):
    listing_id, path, _raw = listing
    proposal = await center.post(f"{path}/teaser-proposals", {"audiences": list(audiences)})
    assert proposal.status_code == 201, proposal.text
    await owner_approves(world, proposal.json()["id"], *audiences)
    queued = await center.post(f"{path}/publication")
    assert queued.status_code == 201, queued.text
    return proposal.json(), queued.json()["ref"], await batch(world, settings)


# --- writing --------------------------------------------------------------------------------------------------------


async def test_there_is_none_until_somebody_writes_one(center, listing):
    assert (await center.get(f"{listing[1]}/teaser-prose")).status_code == 404
    assert (await center.delete(f"{listing[1]}/teaser-prose")).status_code == 404


async def test_a_text_that_names_nobody_is_clean_and_waits_for_a_second_person(center, listing):
    answer = await center.put(f"{listing[1]}/teaser-prose", CLEAN)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["scan"], body["findings"], body["review"], body["usable"]) == ("clean", [], None, False)
    assert (await center.get(f"{listing[1]}/teaser-prose")).json() == body


@pytest.mark.parametrize(("locale", "text", "kinds"), [
    ("ja", "創業家の{name}は地元で知られています。", {"own"}),
    ("en", "Run by the family of {en}.", {"own"}),
    ("ja", "電話は03-0000-1234です。", {"identifier"}),
    ("ja", "業界で唯一の加工技術です。", {"unique", "place"}),
    ("ja", "トヨタ自動車の一次下請けです。", {"organisation", "katakana"}),
])
async def test_what_may_identify_is_pointed_out_with_its_reason(world, center, listing, locale, text, kinds):
    _id, path, raw = listing
    text = text.format(name=raw["identity"]["name"], en=raw["identity"]["name_en"])
    body = (await center.put(f"{path}/teaser-prose", CLEAN | {locale: text})).json()
    assert body["scan"] == "found" and not body["usable"]
    found = [finding for finding in body["findings"] if finding["locale"] == locale]
    assert kinds & {finding["kind"] for finding in found}
    for finding in found:
        assert finding["text"] == text[finding["start"] : finding["end"]] and finding["reason"]
    kept = (await world.seed("SELECT findings::text FROM vault.prose_scan"))[0][0]
    assert raw["identity"]["name"] not in kept, "the evidence says where, not what"


async def test_nobody_can_pass_what_the_scanner_found(world, center, colleague, listing, as_database_role):
    _id, path, raw = listing
    written = (await center.put(f"{path}/teaser-prose", CLEAN | {"ja": f"{raw['identity']['name']}の製品です。"})).json()
    answer = await colleague.post(f"{path}/teaser-prose/review", {"id": written["id"], "decision": "passed"})
    assert answer.json()["code"] == "prose_not_clean"
    with pytest.raises(asyncpg.PostgresError, match="did not let this text through"):  # nor the program that asks the database
        await world.seed("UPDATE vault.teaser_prose SET review = 'passed', reviewed_by = $1, reviewed_at = now(), reviewed_by_name = 'x'",
                         colleague.member_id)
    assert (await colleague.post(f"{path}/teaser-prose/review", {"id": written["id"], "decision": "refused"})).status_code == 200


# --- the second person ----------------------------------------------------------------------------------------------


async def test_the_writer_is_no_second_person_and_a_decision_stands(center, colleague, listing):
    path = listing[1]
    written = (await center.put(f"{path}/teaser-prose", CLEAN)).json()
    mine = await center.post(f"{path}/teaser-prose/review", {"id": written["id"], "decision": "passed"})
    assert mine.json()["code"] == "second_confirmation_needed"
    theirs = await colleague.post(f"{path}/teaser-prose/review", {"id": written["id"], "decision": "passed"})
    assert theirs.json()["usable"] and theirs.json()["reviewed_by"]
    again = await colleague.post(f"{path}/teaser-prose/review", {"id": written["id"], "decision": "refused"})
    assert again.json()["code"] == "conflict"


async def test_a_text_written_anew_has_to_be_read_anew(center, colleague, listing):
    path = listing[1]
    first = await _passed(center, colleague, path)
    second = (await center.put(f"{path}/teaser-prose", CLEAN | {"ja": "設備の手入れが行き届いています。"})).json()
    assert second["review"] is None and second["id"] != first["id"]
    stale = await colleague.post(f"{path}/teaser-prose/review", {"id": first["id"], "decision": "passed"})
    assert stale.status_code == 404


async def test_strangers_counterparts_and_keys_reach_nothing(world, center, colleague, listing):
    path = listing[1]
    written = (await center.put(f"{path}/teaser-prose", CLEAN)).json()
    before = await _state(world)
    rival, buyer, agency, operator = [await world.signed_in(caller) for caller in (
        await world.intermediary("bank"), await world.acquirer(), await world.agency("desk"), await world.operator())]
    for who, statuses in ((rival, (404,)), (buyer, (403,)), (agency, (403,)), (operator, (403,))):
        assert (await who.get(f"{path}/teaser-prose")).status_code in statuses
        assert (await who.put(f"{path}/teaser-prose", CLEAN)).status_code in statuses
        assert (await who.delete(f"{path}/teaser-prose")).status_code in statuses
        answer = await who.post(f"{path}/teaser-prose/review", {"id": written["id"], "decision": "passed"})
        assert answer.status_code in statuses
    key = await world.member(center.organisation_id, "intermediary")  # a program is no second person
    answer = await key.post(f"{path}/teaser-prose/review", {"id": written["id"], "decision": "passed"})
    assert answer.json()["code"] == "forbidden"
    nobody = world.client()
    assert (await nobody.put(f"{path}/teaser-prose", json=CLEAN)).status_code == 401
    assert await _state(world) == before


# --- to the owner and up --------------------------------------------------------------------------------------------


async def test_a_proposal_refuses_a_text_nobody_has_read_instead_of_dropping_it(world, center, listing):
    path = listing[1]
    await center.put(f"{path}/teaser-prose", CLEAN)
    answer = await center.post(f"{path}/teaser-proposals", {"audiences": ["verified_buyers"]})
    assert answer.json()["code"] == "not_publishable"
    assert [error["field"] for error in answer.json()["errors"]] == ["prose"]
    assert (await center.delete(f"{path}/teaser-prose")).status_code == 204
    assert (await center.post(f"{path}/teaser-proposals", {"audiences": ["verified_buyers"]})).status_code == 201


async def test_the_owner_reads_both_languages_and_readers_see_their_own(world, settings, center, colleague, listing):
    await _passed(center, colleague, listing[1])
    proposal, ref, closed = await _up(world, settings, center, listing, "verified_buyers")
    assert CLEAN["ja"] in proposal["text_ja"] and CLEAN["en"] in proposal["text_ja"]
    assert closed.published == 1
    buyer, desk = await world.acquirer(), await world.agency("desk")
    for locale in ("ja", "en"):
        page = await buyer.get(f"/v1/teasers/{ref}", headers={"Accept-Language": locale})
        assert page.json()["prose"] == CLEAN[locale]
    assert all(item["prose"] is None for item in (await buyer.get("/v1/teasers")).json()["items"])
    assert (await desk.get(f"/v1/teasers/{ref}")).status_code == 404
    scans = await world.seed("SELECT stage, state FROM vault.prose_scan ORDER BY at, id")
    assert [tuple(row) for row in scans][-1] == ("publish", "clean")
    engine = (await world.seed("SELECT engine FROM vault.prose_scan ORDER BY at DESC, id DESC LIMIT 1"))[0]["engine"]
    assert "second opinion: " in engine, "the evidence says whether a second recogniser was asked"
    await center.delete(f"{listing[1]}/publication")
    assert not await world.seed("SELECT FROM market.teaser_prose WHERE ref = $1", UUID(ref))


async def test_words_learnt_to_be_a_brand_before_the_batch_keep_the_teaser_down(world, settings, center, colleague, listing):
    listing_id, path, _raw = listing
    await _passed(center, colleague, path)
    proposal = (await center.post(f"{path}/teaser-proposals", {"audiences": ["verified_buyers"]})).json()
    await owner_approves(world, proposal["id"], "verified_buyers")
    assert (await center.post(f"{path}/publication")).status_code == 201
    await world.seed("UPDATE vault.listing_identity SET brands = '[\"熟練した職人\"]' WHERE listing_id = $1", listing_id)
    closed = await batch(world, settings)
    assert closed.published == 0 and list(closed.refused.values()) == ["not_permitted"]
    assert not await world.seed("SELECT FROM market.teaser WHERE ref = $1", *closed.refused)


async def test_words_learnt_to_be_a_brand_later_take_the_teaser_down(world, settings, center, colleague, listing, database_url):
    listing_id, path, _raw = listing
    await _passed(center, colleague, path)
    _proposal, ref, _closed = await _up(world, settings, center, listing, "verified_buyers")
    worker = await asyncpg.connect(as_role(database_url, "succession_worker"))
    try:
        assert await recheck_prose(worker, settings, datetime.now(UTC)) == 0
        await world.seed("UPDATE vault.listing_identity SET former_names = '[\"熟練した職人\"]' WHERE listing_id = $1", listing_id)
        assert await recheck_prose(worker, settings, datetime.now(UTC)) == 1
        assert not await world.seed("SELECT FROM market.teaser WHERE ref = $1", UUID(ref))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):  # and the worker still reads no identity by itself
            await worker.fetch("SELECT * FROM vault.listing_identity")
    finally:
        await worker.close()


async def test_the_worker_cannot_publish_words_nobody_let_through(world, settings, center, colleague, listing, as_database_role):
    await _passed(center, colleague, listing[1])
    _proposal, ref, _closed = await _up(world, settings, center, listing, "verified_buyers")
    worker = await as_database_role("succession_worker")
    await world.overrule("DELETE FROM market.teaser_prose")
    for ja, en in (("別の文章です。", CLEAN["en"]), (CLEAN["ja"], "Other words.")):
        with pytest.raises(asyncpg.PostgresError, match="nobody let through"):
            await worker.execute("INSERT INTO market.teaser_prose (ref, ja, en) VALUES ($1, $2, $3)", ref, ja, en)
    with pytest.raises(asyncpg.PostgresError):
        await worker.execute("SELECT vault.identity_beside_prose($1)", listing[0])
        await worker.execute("UPDATE vault.teaser_prose SET review = 'passed'")


async def test_it_reads_an_identity_only_beside_a_text(world, settings, center, listing, as_database_role):
    _proposal, ref, _closed = await _up(world, settings, center, listing, "verified_buyers")  # a teaser without a text
    worker = await as_database_role("succession_worker")
    assert await worker.fetchval("SELECT vault.identity_beside_prose($1)", ref) is None
    for role in ("succession_app", "market_buyer", "market_public"):
        reader = await as_database_role(role)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.fetchval("SELECT vault.identity_beside_prose($1)", ref)
