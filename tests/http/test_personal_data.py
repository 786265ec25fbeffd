"""Does personal data go abroad only on a separate consent, are third persons told by role, and is each transfer on record?"""

from __future__ import annotations

import hashlib
from datetime import date
from uuid import UUID, uuid4

import pytest
from owner_scene import paper, two
from world import ORIGIN

from succession.database import Scope

NOTE = {"country": "US", "system_ja": "架空の説明です。", "source": "架空の資料", "as_of": "2026-01-05"}
TOLD = {"country_information": {name: NOTE[name] for name in ("system_ja", "source", "as_of")}}
BOX = ("personal_data",)


async def dossier(scene):
    released = await scene.seller.post(f"{scene.path}/dossier-release")
    assert released.status_code == 201, released.text
    return (await scene.buyer.get(f"/v1/dossiers/{scene.deal}")).json()


async def agreed(scene, box=(), **body):
    await scene.asked(**body)
    await scene.answers("first", "yes", box)
    await scene.answers("second", "yes")
    return await dossier(scene)


async def transfer(world, scene):
    items = (await scene.seller.get(f"/v1/listings/{scene.published.listing_id}/personal-data-transfers")).json()["items"]
    assert len(items) == 1
    return items[0]


async def as_buyer(scene):
    """What succession_app reads of the representative by SQL in the buyer's scope, past every handler."""
    scope = Scope("acquirer", scene.buyer.organisation_id, scene.buyer.member_id, None, f"member:{scene.buyer.member_id}")
    async with scene.world.app.state.databases.read(scope) as connection:
        return list(await connection.fetchrow(f"SELECT {', '.join(PERSON)}, owner_birth_year FROM vault.shown_listing_contact "
                                              "JOIN vault.shown_listing_profile USING (listing_id) WHERE listing_id = $1", scene.published.listing_id))


PERSON = ("representative_name", "representative_kana", "representative_romaji")


@pytest.mark.parametrize(("country", "basis"), [("JP", "domestic"), ("FR", "adequate_country"), ("GB", "adequate_country")])
async def test_at_home_and_where_protection_is_equal_nothing_is_asked_apart(world, country, basis):
    scene = await two(world, country)
    await world.seed("UPDATE vault.listing_profile SET owner_birth_year = 1948 WHERE listing_id = $1", scene.published.listing_id)
    seen = await agreed(scene)
    assert seen["organisation"]["representative_name"] == "架空 太郎" and seen["organisation"]["owner_birth_year"] == 1948
    kept = await transfer(world, scene)
    assert (kept["country"], kept["basis"], kept["items"]) == (country, basis, ["representative"])
    today = date.fromisoformat(kept["transferred_at"][:10])
    assert date.fromisoformat(kept["keep_until"]).year == today.year + 3


async def test_elsewhere_the_representative_stays_hidden_without_the_separate_consent(world):
    scene = await two(world, "US")
    await world.seed("UPDATE vault.listing_profile SET owner_birth_year = 1948 WHERE listing_id = $1", scene.published.listing_id)
    seen = await agreed(scene, **TOLD)
    assert [seen["organisation"][field] for field in PERSON] == [None] * 3 and seen["organisation"]["owner_birth_year"] is None
    assert seen["summary"]["legal_name"] == scene.published.legal_name and seen["summary"]["sites"], "the company itself is shown"
    kept = await transfer(world, scene)
    assert (kept["country"], kept["basis"], kept["items"]) == ("US", "withheld", [])
    assert "架空 太郎" not in str(seen)
    assert await as_buyer(scene) == [None] * 4, "nor does a statement of the role that forgets to ask"


async def test_elsewhere_it_is_shown_once_the_representative_ticked_the_box_of_their_own(world):
    scene = await two(world, "US")
    question = await scene.asked(**TOLD)
    said = question["shown_text_ja"]
    for words in ("アメリカ合衆国", "架空の説明です。", "架空の資料", "2026年1月5日現在", "相手からの申告がない", "保証するものではありません"):
        assert words in said, words
    html = {who: (await world.client().get(await world.owner_link(email))).text
            for who, email in (("first", scene.published.owner_email), ("second", scene.second_email))}
    assert 'value="personal_data"' in html["first"] and "checked" not in html["first"]
    assert 'value="personal_data"' not in html["second"], "nobody else decides about the representative's data"
    await scene.answers("first", "yes", BOX)
    await scene.answers("second", "yes")
    seen = await dossier(scene)
    assert seen["organisation"]["representative_name"] == "架空 太郎" == (await as_buyer(scene))[0]
    assert (await transfer(world, scene))["basis"] == "consent"
    await scene.answers("first", "withdrawn")
    assert (await scene.buyer.get(f"/v1/dossiers/{scene.deal}")).status_code == 404


async def test_without_a_word_on_the_country_the_box_is_not_offered(world):
    scene = await two(world, "VN")
    question = await scene.asked()
    assert "説明が、まだありません" in question["shown_text_ja"] and question["shown"]["abroad"] == {"standing": "elsewhere", "system": None, "measures": None}
    assert 'value="personal_data"' not in (await world.client().get(await world.owner_link(scene.published.owner_email))).text
    forged = await world.page_answered(await world.owner_link(scene.published.owner_email), scene.published.owner_email, "yes", BOX)
    assert forged.status_code == 422
    await scene.answers("first", "yes")
    await scene.answers("second", "yes")
    assert (await dossier(scene))["organisation"]["representative_name"] is None


async def test_the_operators_note_and_the_buyers_declaration_are_shown_as_theirs(world):
    operator, scene = await world.operator(), await two(world, "SG")
    noted = await operator.post("/v1/personal-data-countries", NOTE | {"country": "SG", "system_ja": "古い説明です。"})
    assert noted.status_code == 201, noted.text
    assert (await operator.post("/v1/personal-data-countries", NOTE | {"country": "SG"})).status_code == 201
    assert (await scene.buyer.get("/v1/personal-data-measures")).status_code == 404
    declared = await scene.buyer.post("/v1/personal-data-measures", {"measures": "アクセスできる人を\n限ります。"})
    assert declared.status_code == 201 and (await scene.buyer.get("/v1/personal-data-measures")).json() == declared.json()
    said = (await scene.asked(**TOLD))["shown_text_ja"]
    assert "架空の説明です。（このサービスの運営者の説明" in said and "古い説明" not in said, "the newest note, and the operator's before the adviser's"
    assert "アクセスできる人を 限ります。（相手が" in said and "自分で申告したもの" in said
    listed = [item for item in (await scene.seller.every("/v1/personal-data-countries")) if item["country"] == "SG"]
    assert len(listed) == 1 and listed[0]["system_ja"] == "架空の説明です。"
    page = (await scene.buyer.get("/v1/personal-data-countries", params={"limit": 1})).json()
    assert "FR" in page["adequate"] and "US" not in page["adequate"] and len(page["adequate"]) == 31


@pytest.mark.parametrize(("fields", "field"), [
    ({"country": "FR"}, "country"), ({"country": "JP"}, "country"), ({"as_of": "2999-01-01"}, "as_of"), ({"country": "usa"}, "country"),
])
async def test_a_note_that_cannot_be_is_refused(world, fields, field):
    answer = await (await world.operator()).post("/v1/personal-data-countries", NOTE | fields)
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == field


async def test_the_box_on_paper_counts_as_the_one_on_the_page(world):
    scene = await two(world, "US")
    question = await scene.asked(by="paper", **TOLD)
    assert (await scene.paper("second", "yes", question["id"], confirm=False, personal_data=True)).status_code == 422, "not the second's to tick"
    body = paper(question["id"], scene.first, "yes", personal_data=True)
    entered = await scene.seller.post(f"/v1/listings/{scene.published.listing_id}/paper-evidence", body)
    assert entered.status_code == 201 and entered.json()["personal_data"] is True, entered.text
    colleague = await world.member(scene.seller.organisation_id, "intermediary")
    confirmed = await colleague.post(f"/v1/listings/{scene.published.listing_id}/paper-evidence/{entered.json()['id']}/confirmation")
    assert confirmed.status_code == 200, confirmed.text
    assert (await scene.seller.post(f"{scene.path}/name-clear/link")).status_code == 201
    await scene.answers("second", "yes")
    assert (await dossier(scene))["organisation"]["representative_name"] == "架空 太郎"


# -- third persons -----------------------------------------------------------------------------------------------------


def agreement(**fields):
    return {"name": "架空 花子", "role": "family", "document_sha256": hashlib.sha256(b"signed").hexdigest(), "signed_on": "2026-01-05"} | fields


async def test_a_third_person_is_told_by_role_until_they_agreed_themselves(world):
    scene = await two(world)
    await world.seed("UPDATE vault.listing_profile SET outline = '経理は架空花子が担当。\"専務\"は不在。' WHERE listing_id = $1", scene.published.listing_id)
    seen = await agreed(scene)
    assert seen["third_persons"] == [{"role": "family", "name": None}] and "花子" not in str(seen)
    assert seen["business"]["outline"] == '経理は［家族］が担当。"専務"は不在。', "free text goes out by role as well"
    listing = f"/v1/listings/{scene.published.listing_id}"
    for way, body, field in (("folders", {"name": "架空花子の資料"}, "name"),
                             ("documents", {"level": "dossier", "filename": "架空　花子.txt", "content_base64": "YQ=="}, "filename")):
        refused = await scene.seller.post(f"{listing}/{way}", body)
        assert refused.status_code == 422 and refused.json()["errors"][0]["field"] == field and "架空 花子" in refused.text, refused.text
    path = f"{scene.path}/third-person-consents"
    entered = await scene.seller.post(path, agreement(name="架空　花子"))
    assert entered.status_code == 201, entered.text
    one = f"{path}/{entered.json()['id']}"
    assert (await scene.buyer.get(f"/v1/dossiers/{scene.deal}")).json()["third_persons"][0]["name"] is None
    assert (await scene.seller.post(f"{one}/confirmation")).json()["code"] == "second_confirmation_needed"
    colleague = await world.member(scene.seller.organisation_id, "intermediary")
    assert (await colleague.post(f"{one}/confirmation")).status_code == 200
    assert (await colleague.post(f"{one}/confirmation")).json()["code"] == "evidence_immutable"
    assert (await scene.buyer.get(f"/v1/dossiers/{scene.deal}")).json()["third_persons"] == [{"role": "family", "name": "架空 花子"}]
    assert "架空花子" in (await scene.buyer.get(f"/v1/dossiers/{scene.deal}")).json()["business"]["outline"]
    listed = await scene.seller.every(path)
    assert [item["id"] for item in listed] == [entered.json()["id"]] and listed[0]["confirmed_by"] == str(colleague.member_id)
    # To another buyer of the same company the person has agreed to nothing.
    rival = await world.acquirer()
    other = await world.nda_signed(scene.published, rival)
    await scene.seller.post(f"/v1/disclosure-requests/{other}/name-clear")
    await scene.answers("first", "yes")
    await scene.answers("second", "yes")
    assert (await scene.seller.post(f"/v1/disclosure-requests/{other}/dossier-release")).status_code == 201
    assert (await rival.get(f"/v1/dossiers/{other}")).json()["third_persons"] == [{"role": "family", "name": None}]
    assert (await scene.seller.post(f"{one}/withdrawal")).status_code == 200
    assert "架空花子" not in (await scene.buyer.get(f"/v1/dossiers/{scene.deal}")).text
    assert (await scene.buyer.get(f"/v1/dossiers/{scene.deal}")).json()["third_persons"][0]["name"] is None
    assert (await scene.seller.post(f"{one}/withdrawal")).json()["code"] == "step_refused"
    kinds = [entry["kind"] for entry in await scene.seller.every(f"/v1/listings/{scene.published.listing_id}/ledger")]
    assert kinds.count("third_person_consent") == 2


async def test_for_a_buyer_elsewhere_the_person_must_have_been_told_of_the_country(world):
    scene = await two(world, "US")
    path = f"{scene.path}/third-person-consents"
    untold = await scene.seller.post(path, agreement())
    assert untold.status_code == 422 and untold.json()["errors"][0]["field"] == "told_country"
    assert (await scene.seller.post(path, agreement(signed_on="2999-01-01"))).json()["errors"][0]["field"] == "signed_on"
    assert (await scene.seller.post(path, agreement(told_country=True))).status_code == 201


async def test_nobody_but_the_party_enters_confirms_or_reads_consents(world):
    scene = await two(world)
    path = f"{scene.path}/third-person-consents"
    entered = (await scene.seller.post(path, agreement())).json()["id"]
    transfers = f"/v1/listings/{scene.published.listing_id}/personal-data-transfers"
    steps = (("POST", path, agreement()), ("GET", path, None), ("POST", f"{path}/{entered}/confirmation", {}),
             ("POST", f"{path}/{entered}/withdrawal", {}), ("GET", transfers, None), ("POST", "/v1/personal-data-countries", NOTE))
    strangers = {"anonymous": world.client(Origin=ORIGIN), "counterpart": scene.buyer.client, "stranger": (await world.intermediary("bank")).client,
                 "desk": (await world.agency()).client, "clerk": (await world.operator(role="member")).client}

    async def state():
        return [(await world.seed(f"SELECT count(*), string_agg(t::text, '' ORDER BY t.id) FROM vault.{table} t"))[0]
                for table in ("third_person_consent", "appi_country_note")], await world.seed("SELECT count(*) FROM ops.outbox")

    before = await state()
    for kind, client in strangers.items():
        for method, where, body in steps:
            if kind == "clerk" and where in ("/v1/personal-data-countries", transfers):
                continue  # the operator's own
            answer = await client.request(method, where, json=body)
            assert answer.status_code in ({401} if kind == "anonymous" else {200, 403, 404}), (kind, method, where, answer.text)
            if answer.status_code == 200:
                assert method == "GET" and answer.json()["items"] == [], (kind, where)
            if answer.status_code == 404:
                missing = await client.request(method, where.replace(scene.deal, str(uuid4())).replace(entered, str(uuid4())), json=body)
                assert {**missing.json(), "instance": ""} == {**answer.json(), "instance": ""}
    assert await state() == before
    reviewer = await world.operator(role="reviewer")
    assert (await reviewer.post(f"{path}/{entered}/confirmation")).status_code == 200, "the firm has one member"
    row = await world.seed("SELECT confirmed_by FROM vault.third_person_consent WHERE id = $1", UUID(entered))
    assert row[0]["confirmed_by"] == reviewer.member_id
