"""Who knew the name on 3 May? One query and one page, by the records of that day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from world import ORIGIN

from succession.days import day_in_japan
from succession.disclosure.knowledge import moment_of
from succession.errors import Problem


def test_a_day_means_its_end_in_japan():
    now = datetime(2026, 5, 4, tzinfo=UTC)
    assert moment_of("2026-05-03", now) == datetime(2026, 5, 3, 14, 59, 59, 999999, tzinfo=UTC)
    assert moment_of("2026-05-03T09:00:00+09:00", now) == datetime(2026, 5, 3, 0, 0, tzinfo=UTC)
    assert moment_of(None, now) == now
    for wrong in ("2026-05-03T09:00:00", "yesterday, ten", "2026-13-01", "9999-12-31", "0001-01-01T00:00:00+14:00"):
        with pytest.raises(Problem):
            moment_of(wrong, now)


@pytest.fixture
async def scene(world):
    """Released 30 days ago and read 20 days ago by one; released 10 days ago and revoked 5 days ago for another, who never read."""
    published = await world.published()
    reader, other = [await world.acquirer(legal_name=name) for name in ("Fictitious Reader AB", "Fictitious Other SpA")]
    deals = [UUID(await world.released(published, each)) for each in (reader, other)]
    assert (await reader.get(f"/v1/dossiers/{deals[0]}")).status_code == 200
    for deal, days in zip(deals, (30, 10), strict=True):
        for table, column in (("disclosure_grant", "granted_at"), ("disclosed", "at")):
            await world.overrule(f"UPDATE vault.{table} SET {column} = now() - make_interval(days => $2) WHERE deal_id = $1", deal, days)
    await world.overrule("UPDATE vault.access SET at = now() - interval '20 days' WHERE listing_id = $1", published.listing_id)
    await world.overrule("UPDATE vault.disclosure_grant SET revoked_at = now() - interval '5 days' WHERE deal_id = $1", deals[1])
    await world.overrule("UPDATE vault.member SET created_at = now() - interval '40 days' WHERE organisation_id = ANY($1)",
                         [reader.organisation_id, other.organisation_id])
    return published, reader, other


def day(ago: int) -> str:
    return day_in_japan(datetime.now(UTC) - timedelta(days=ago)).isoformat()


async def knew(caller, published, ago):
    answer = await caller.get(f"/v1/listings/{published.listing_id}/knowledge", params={"at": day(ago)})
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_who_knew_on_a_day_since_when_on_whose_consent_and_who_had_opened_it(world, scene):
    published, reader, other = scene
    assert await knew(published.seller, published, 31) == []
    (early,) = await knew(published.seller, published, 25)
    nda = (await world.seed("SELECT text_hash FROM vault.nda WHERE id = $1", UUID(early["nda_id"])))[0]
    assert early["organisation"] == "Fictitious Reader AB" and early["opened"] == [] and early["ended_at"] is None
    assert early["consent_by"] == "架空 太郎" and early["consent_method"] == "link"
    assert early["nda_hash"] == nda["text_hash"].hex() and early["nda_signer"] == "A. Signer"
    assert len(early["shown"]) == 10 and {group["versions"] for group in early["shown"]} == {1}
    assert [member["member_id"] for member in early["members"]] == [str(reader.member_id)]
    later = await knew(published.seller, published, 7)
    assert [each["organisation"] for each in later] == ["Fictitious Reader AB", "Fictitious Other SpA"]
    assert [(each["opened"] and (each["opened"][0]["what"], each["opened"][0]["times"], each["opened"][0]["member_id"])) for each in later] == [
        ("dossier", 1, str(reader.member_id)), []]
    assert [each["ended_at"] is None for each in later] == [True, True]
    now = await knew(published.seller, published, 0)
    assert [each["ended_at"] is None for each in now] == [True, False], "who was told goes on knowing, and its end is said"


async def test_only_its_holder_and_the_operator_may_ask(world, scene):
    published, reader, _other = scene
    path = f"/v1/listings/{published.listing_id}/knowledge"
    operator = await (await world.operator()).get(path)
    assert len(operator.json()["items"]) == 2 and "架空 太郎" not in operator.text, "who was told what, and not who the owner is"
    assert (await (await world.intermediary()).get(path)).status_code == 404
    assert (await reader.get(path)).status_code == 403
    assert (await published.seller.get(path, params={"at": "some other day"})).status_code == 422


async def test_the_page_says_the_same_in_both_languages_and_can_be_printed(world, scene):
    published, _reader, _other = scene
    browser = await world.signed_in(published.seller)
    path = f"/listings/{published.listing_id}/knowledge"
    english = await browser.get(path, params={"at": day(7), "lang": "en"})
    assert english.status_code == 200, english.text
    for said in ("Fictitious Reader AB", "Fictitious Other SpA", "Who knew the name of", "架空 太郎", "Nobody had opened it by then.", "Summary"):
        assert said in english.text, said
    japanese = await browser.get(path, params={"at": day(31), "lang": "ja"})
    assert "Fictitious" not in japanese.text and published.legal_name in japanese.text and "どなたにも開示されていませんでした" in japanese.text
    assert (await browser.get(path, params={"at": "x"})).status_code == 422
    assert (await (await world.signed_in(await world.intermediary())).get(path)).status_code == 404
    assert (await world.client().get(path)).status_code == 401


# -- the owner -----------------------------------------------------------------------------------------------------------


async def test_the_owner_reads_who_knows_the_name_on_which_consent_and_that_it_was_taken_back(world, scene):
    published, reader, other = scene
    browser, path = world.client(Origin=ORIGIN), await world.owner_link(published.owner_email)
    before = await world.seed("SELECT count(*) FROM vault.access UNION ALL SELECT count(*) FROM vault.owner_link WHERE used_at IS NULL")
    opened = await browser.get(path)
    assert f'href="{path}/knowledge?lang=ja"' in opened.text
    html = (await browser.get(f"{path}/knowledge")).text
    for words in ("御社名を知っている相手", "Fictitious Reader AB (GB)", "Fictitious Other SpA (GB)", "まだ開かれていません", "終わっていません"):
        assert words in html, words
    assert html.count('<section class="card"') == 2 and "owner.css" in html and "<script" not in html
    assert "A. Signer" not in html and reader.email not in html, "not who of the buyer's people"
    assert "同意は取り消されました" not in html and published.legal_name not in html
    given = await world.page_answered(path, published.owner_email, "withdrawn")
    assert given.status_code == 200, given.text
    spent = await browser.get(f"{path}/knowledge")
    assert spent.status_code == 410 and "Fictitious" not in spent.text, "a link that was used tells nothing"
    others = [letter["params"]["link"].removeprefix(ORIGIN) for letter in await world.letters(published.owner_email)
              if letter["template"] == "owner_name_cleared"]
    english = (await browser.get(f"{others[0]}/knowledge?lang=en")).text
    assert english.count("Consent was taken back.") == 1 and english.count('lang="en">') >= 2
    after = await world.seed("SELECT count(*) FROM vault.access UNION ALL SELECT count(*) FROM vault.owner_link WHERE used_at IS NULL")
    assert (after[0][0], after[1][0]) == (before[0][0], before[1][0] - 1), "reading it spends nothing and is no access of a buyer"


async def test_who_was_not_asked_and_whose_link_is_none_reads_of_no_buyer(world, scene):
    published, *_buyers = scene
    await world.overrule("UPDATE vault.name_clear_person SET owner_contact_id = NULL WHERE listing_id = $1", published.listing_id)
    browser = world.client(Origin=ORIGIN)
    path = await world.owner_link(published.owner_email)
    html = (await browser.get(f"{path}/knowledge")).text
    assert "Fictitious Reader" not in html and "お伝えした買い手候補はありません" in html
    unknown = await browser.get(f"/owner/{'x' * 43}/knowledge")
    assert unknown.status_code == 404 and "Fictitious" not in unknown.text
