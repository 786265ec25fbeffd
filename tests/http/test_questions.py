"""How far does an answer reach, before the name clear and after it?"""

from uuid import UUID

import asyncpg
import pytest

from succession.config import as_role
from succession.disclosure.question_codes import QUESTIONS, replies_to

QUIET = {"words": "従業員の雇用は続けてほしいと考えています。", "locale": "ja"}


async def _ask(buyer, deal, **body):
    answer = await buyer.post(f"/v1/disclosure-requests/{deal}/questions", body or {"code": "staff_kept"})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def _read(party, deal):
    answer = await party.get(f"/v1/disclosure-requests/{deal}/questions")
    assert answer.status_code == 200, answer.text
    return answer.json()


def _answers(page):
    return [(each["reply"], each["words"], each["state"]) for item in page["items"] for each in item["answers"]]


@pytest.fixture
async def signed(world):
    published, buyer = await world.published(), await world.acquirer()
    return published, buyer, await world.nda_signed(published, buyer)


@pytest.fixture
async def colleague(world, signed):
    return await world.signed_in(await world.member(signed[0].seller.organisation_id, "intermediary"))


async def _exposures(world, listing_id):
    return [row[0] for row in await world.seed("SELECT channel FROM vault.exposure WHERE listing_id = $1 AND channel = 'answer'", listing_id)]


# --- before the name clear --------------------------------------------------------------------------------------------


async def test_a_coded_question_gets_a_coded_reply_at_once(world, signed):
    published, buyer, deal = signed
    question = await _ask(buyer, deal, code="handover_length")
    assert (await world.letters(organisation=published.seller.organisation_id))[-1]["template"] == "question_asked"
    answer = await published.seller.post(f"/v1/questions/{question}/answers", {"reply": "half_to_one_year"})
    assert answer.status_code == 201 and answer.json()["answers"][0]["before_name_clear"], answer.text
    assert _answers(await _read(buyer, deal)) == [("half_to_one_year", None, "released")]
    assert (await world.letters(organisation=buyer.organisation_id))[-1] | {"to": 0} == {
        "template": "question_answered", "to": 0, "locale": None,
        "params": (await world.letters(organisation=buyer.organisation_id))[-1]["params"]}
    assert await _exposures(world, published.listing_id) == ["answer"]


async def test_a_reply_fits_its_question_and_own_words_get_a_neutral_one(signed):
    published, buyer, deal = signed
    coded, own = await _ask(buyer, deal, code="price_open"), await _ask(buyer, deal, words="Is the company in Nara?")
    refused = await published.seller.post(f"/v1/questions/{coded}/answers", {"reply": "two_weeks"})
    assert refused.status_code == 422 and refused.json()["errors"][0]["allowed"] == list(replies_to("price_open"))
    refused = await published.seller.post(f"/v1/questions/{own}/answers", {"reply": "yes"})
    assert refused.status_code == 422 and refused.json()["errors"][0]["allowed"] == ["after_name_clear", "cannot_say"]
    assert _answers(await _read(buyer, deal)) == []
    assert (await published.seller.post(f"/v1/questions/{own}/answers", {"reply": "after_name_clear"})).status_code == 201


async def test_words_wait_for_the_scanner_and_a_second_person(world, signed, colleague):
    published, buyer, deal = signed
    question = await _ask(buyer, deal)
    held = (await published.seller.post(f"/v1/questions/{question}/answers", QUIET)).json()["answers"][0]
    assert held["state"] == "held" and _answers(await _read(buyer, deal)) == [] and await _exposures(world, published.listing_id) == []
    assert [each["template"] for each in await world.letters(organisation=buyer.organisation_id)].count("question_answered") == 0
    path = f"/v1/held-answers/{held['id']}/review"
    own_browser = await world.signed_in(published.seller)
    assert (await own_browser.post(path, {"decision": "passed"})).json()["code"] == "second_confirmation_needed"
    assert (await published.seller.post(path, {"decision": "passed"})).status_code == 403, "a person reads it, no key"
    (waiting,) = (await colleague.get("/v1/held-answers")).json()["items"]
    assert waiting["id"] == held["id"] and waiting["scan"] == "clean" and waiting["words"] == QUIET["words"]
    assert (await own_browser.get("/v1/held-answers")).json()["items"] == [], "not one's own"
    assert (await colleague.post(path, {"decision": "passed"})).status_code == 200
    assert _answers(await _read(buyer, deal)) == [(None, QUIET["words"], "released")]
    assert (await colleague.post(path, {"decision": "refused"})).json()["code"] == "conflict"
    assert await _exposures(world, published.listing_id) == ["answer"]


async def test_words_that_name_the_company_are_passed_by_nobody(world, signed, colleague):
    published, buyer, deal = signed
    question = await _ask(buyer, deal)
    for words in (f"{published.legal_name}です。", "日本で唯一の製造元です。"):
        held = (await published.seller.post(f"/v1/questions/{question}/answers", {"words": words, "locale": "ja"})).json()["answers"][-1]
        waiting = (await colleague.get("/v1/held-answers")).json()["items"][-1]
        assert waiting["scan"] == "found" and waiting["findings"]
        refused = await colleague.post(f"/v1/held-answers/{held['id']}/review", {"decision": "passed"})
        assert refused.status_code == 409 and refused.json()["code"] == "prose_not_clean"
    assert (await colleague.post(f"/v1/held-answers/{held['id']}/review", {"decision": "refused"})).status_code == 200
    page = await _read(buyer, deal)
    assert _answers(page) == [] and published.legal_name not in str(page)


async def test_nothing_reaches_beyond_the_asker_before_the_name_clear(signed):
    published, buyer, deal = signed
    question = await _ask(buyer, deal)
    answer = await published.seller.post(f"/v1/questions/{question}/answers", {"reply": "yes", "reach": "cleared", "question_shown": "Staff?"})
    assert answer.status_code == 409 and answer.json()["code"] == "answer_reach" and _answers(await _read(buyer, deal)) == []


# --- afterwards -------------------------------------------------------------------------------------------------------


async def test_after_the_name_clear_words_are_free_recorded_and_end_with_the_grant(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    question = await _ask(buyer, deal, words="Who are the customers?")
    frank = f"{published.legal_name}の主要取引先は三社です。"
    assert (await published.seller.post(f"/v1/questions/{question}/answers", {"words": frank, "locale": "ja"})).status_code == 201
    before = (await world.seed("SELECT count(*) FROM vault.access WHERE listing_id = $1 AND what = 'questions'", published.listing_id))[0][0]
    assert _answers(await _read(buyer, deal)) == [(None, frank, "released")]
    after = (await world.seed("SELECT count(*) FROM vault.access WHERE listing_id = $1 AND what = 'questions'", published.listing_id))[0][0]
    assert after == before + 1 and await _exposures(world, published.listing_id) == []
    grant = (await buyer.get("/v1/grants")).json()["items"][0]["id"]
    assert (await published.seller.post(f"/v1/grants/{grant}/revocation", {"reason": "mistake"})).status_code == 201
    page = await _read(buyer, deal)
    assert _answers(page) == [] and published.legal_name not in str(page)
    assert (await published.seller.post(f"/v1/questions/{question}/answers", QUIET)).json()["answers"][-1]["state"] == "held", "held again"


async def test_who_knows_the_name_reads_what_another_asked_without_who_asked(world):
    published, asker, other, outside = await world.published(), await world.acquirer(), await world.acquirer(), await world.acquirer()
    deal, second = await world.released(published, asker), await world.released(published, other)
    third = await world.nda_signed(published, outside)
    question = await _ask(asker, deal, words="We of Fictitious Asker wonder: how old are the machines?")
    given = {"words": "十年以内のものが中心です。", "locale": "ja", "reach": "cleared"}
    refused = await published.seller.post(f"/v1/questions/{question}/answers", given)
    assert refused.status_code == 422 and refused.json()["errors"][0]["field"] == "question_shown"
    assert (await published.seller.post(f"/v1/questions/{question}/answers", given | {"question_shown": "How old are the machines?"})).status_code == 201
    page = await _read(other, second)
    assert [each["question"] for each in page["shared"]] == ["How old are the machines?"] and page["items"] == []
    assert "Fictitious Asker" not in str(page) and deal not in str(page) and str(asker.organisation_id) not in str(page)
    assert (await _read(outside, third))["shared"] == [] and (await _read(asker, deal))["shared"] == []


@pytest.mark.parametrize(("body", "field"), [
    ({}, "words"), ({"code": "staff_kept", "words": "both"}, "words"), ({"code": "is_it_in_nara"}, "code"), ({"words": ""}, "words"),
    ({"words": "x" * 2001}, "words"), ({"words": "a\u202eb"}, "words"), ({"who": "me"}, "who")])
async def test_a_question_that_is_none_is_refused_by_field(signed, body, field):
    _published, buyer, deal = signed
    answer = await buyer.post(f"/v1/disclosure-requests/{deal}/questions", body)
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == field, answer.text
    if field == "code":
        assert set(answer.json()["errors"][0]["allowed"]) == set(QUESTIONS)


async def test_questions_go_on_by_page(signed):
    _published, buyer, deal = signed
    asked = [await _ask(buyer, deal, words=f"Question {n}?") for n in range(3)]
    assert [each["id"] for each in await buyer.every(f"/v1/disclosure-requests/{deal}/questions", limit=2)] == asked


# --- the database asks again ------------------------------------------------------------------------------------------

INSERT = ("INSERT INTO vault.answer (question_id, deal_id, listing_id, words, locale, reach, written_by, before_name_clear, released_at, review, reviewed_by, reviewed_at) "
          "SELECT id, deal_id, listing_id, $2, 'ja', 'asker', $3, false, now(), $4, $5, CASE WHEN $4::text IS NULL THEN NULL ELSE now() END "
          "FROM vault.question WHERE id = $1")


async def test_the_database_says_what_was_before_the_name_clear(world, signed, colleague, database_url):
    published, buyer, deal = signed
    question = await _ask(buyer, deal)
    connection = await asyncpg.connect(as_role(database_url, "succession_app"))
    try:
        async def as_seller(member, sql, *values):
            async with connection.transaction():
                await connection.execute("SELECT set_config('succession.kind', 'intermediary', true), set_config('succession.organisation', $1, true), "
                                         "set_config('succession.member', $2, true)", str(published.seller.organisation_id), str(member))
                return await connection.execute(sql, *values)

        seller, second = published.seller.member_id, colleague.member_id
        await as_seller(seller, INSERT, UUID(question), "奈良です", seller, None, None)
        assert _answers(await _read(buyer, deal)) == [], "whatever it is called, it waits"
        with pytest.raises(asyncpg.PostgresError) as refused:
            await as_seller(seller, INSERT, UUID(question), "奈良です", seller, "passed", second)
        assert refused.value.constraint_name == "answer_not_clean"
        with pytest.raises(asyncpg.PostgresError) as refused:
            await as_seller(second, "UPDATE vault.answer SET review = 'passed', reviewed_by = $2 WHERE question_id = $1", UUID(question), second)
        assert refused.value.constraint_name == "answer_not_clean", "no look of the scanner"
        with pytest.raises(asyncpg.PostgresError) as refused:
            await as_seller(seller, "UPDATE vault.answer SET released_at = now(), words = 'x' WHERE question_id = $1", UUID(question))
        assert refused.value.sqlstate in ("42501", "SU001")
    finally:
        await connection.close()


async def test_replies_in_sql_are_the_replies_in_python(as_database_role):
    rows = await (await as_database_role("owner")).fetch("SELECT question, reply FROM ops.question_reply")
    assert {tuple(row) for row in rows} == {(code, reply) for code in QUESTIONS for reply in replies_to(code)}
