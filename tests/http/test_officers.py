"""Does an acquirer declare by whom it is looked for, and is who has left kept with the day?"""

from __future__ import annotations

from world import ORIGIN

PATH = "/v1/organisations/me/officers"
KLARA = {"name": "Klara Beispiel", "role": "representative", "nationality": "DE", "birth_year": 1970}
HONG = {"name": "Hong Gil-dong", "native_name": "홍길동", "role": "director", "nationality": "KR"}


async def test_what_is_declared_replaces_what_was_and_nothing_is_lost(world):
    buyer = await world.acquirer()
    assert (await buyer.get(PATH)).json() == {"officers": [], "names": []}
    first = await buyer.put(PATH, {"officers": [KLARA, HONG, HONG], "names": [{"kind": "former", "name": "Old  Name AG"}]})
    assert first.status_code == 200 and [each["name"] for each in first.json()["officers"]] == ["Hong Gil-dong", "Klara Beispiel"], first.text
    assert first.json()["names"][0]["name"] == "Old Name AG"
    second = (await buyer.put(PATH, {"officers": [HONG]})).json()
    assert [each["id"] for each in second["officers"]] == [first.json()["officers"][0]["id"]] and second["names"] == []
    rows = await world.seed("SELECT name, ended_at IS NOT NULL AS left FROM vault.organisation_officer WHERE organisation_id = $1 ORDER BY name",
                            buyer.organisation_id)
    assert [tuple(row) for row in rows] == [("Hong Gil-dong", False), ("Klara Beispiel", True)]


async def test_a_name_that_cannot_be_one_is_refused_by_field(world):
    buyer = await world.acquirer()
    for wrong, field in (({"name": "---"}, "officers[1].name"), ({"native_name": "!"}, "officers[1].native_name")):
        answer = await buyer.put(PATH, {"officers": [KLARA, HONG | wrong]})
        assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == field, answer.text
    assert (await buyer.put(PATH, {"officers": [KLARA | {"nationality": "XX"}]})).status_code == 422
    assert (await buyer.put(PATH, {"officers": [KLARA] * 51})).status_code == 422
    assert (await buyer.get(PATH)).json()["officers"] == []


async def test_only_an_administrator_of_an_acquirer_declares_and_only_its_own(world, http):
    buyer = await world.acquirer()
    clerk = await world.member(buyer.organisation_id, "acquirer")
    await buyer.put(PATH, {"officers": [KLARA]})
    before = len(await world.seed("SELECT 1 FROM vault.audit_event"))
    assert (await http.put(PATH, json={"officers": []}, headers={"Origin": ORIGIN})).status_code == 401
    for other in (clerk, await world.intermediary(), await world.agency(), await world.operator()):
        assert (await other.put(PATH, {"officers": []})).status_code == 403, other.kind
    assert len(await world.seed("SELECT 1 FROM vault.audit_event")) == before
    assert (await clerk.get(PATH)).json()["officers"][0]["name"] == "Klara Beispiel"
    assert (await (await world.acquirer()).get(PATH)).json()["officers"] == []
