"""Are lists versions of files, kept by the operator, and is a list for licensed members nothing to anybody else?"""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from world import ORIGIN

from succession.days import day_in_japan

TODAY = day_in_japan(datetime.now(UTC))
BASE = "name,kind,id\n" + "".join(f"Invented Person {n},person,{n}\n" for n in range(20))
NEW = {"kind": "sanctions", "title_ja": "架空の名簿", "title_en": "Invented list", "source": "https://list.example", "terms": "none"}


def sent(text: str | bytes, **more):
    raw = text if isinstance(text, bytes) else text.encode()
    return {"format": "csv", "content_base64": base64.b64encode(raw).decode(), "label": "2026-11", "as_of": "2026-11-01"} | more


@pytest.fixture
async def opened(world):
    operator = await world.operator()
    code = await world.list_of_names(operator)
    yield operator, code, f"/v1/screening-lists/{code}/versions"
    await world.retire(code)


async def test_each_file_is_a_version_with_its_difference(world, opened):
    operator, code, path = opened
    assert (await operator.post(path, sent(BASE, dry_run=True))).json() | {"columns": {}} == {
        "version": None, "entries": 20, "added": 20, "removed": 0, "changed": 0, "left_out": 0, "left_out_examples": [], "skipped": {},
        "unknown_countries": {}, "columns": {}}
    assert await world.seed("SELECT 1 FROM vault.screening_list_version WHERE list_code = $1", code) == []
    assert (await operator.post(path, sent(BASE))).json()["version"] == 1
    assert (await operator.post(path, sent(BASE))).json()["code"] == "list_known"
    second = BASE.replace("Invented Person 3,", "Rewritten Person 3,").replace("Invented Person 4,person,4\n", "") + "New Firm,company,99\n"
    report = (await operator.post(path, sent(second, as_of="2026-11-20"))).json()
    assert {name: report[name] for name in ("version", "entries", "added", "removed", "changed")} == {
        "version": 2, "entries": 20, "added": 1, "removed": 1, "changed": 1}
    newest, first = await operator.every(path)
    assert (newest["number"], newest["as_of"], newest["added"], first["number"]) == (2, "2026-11-20", 1, 1)
    of_version = "SELECT name FROM vault.screening_list_entry WHERE list_code = $1 AND from_version <= $2 AND (until_version IS NULL OR until_version > $2)"
    then = {row["name"] for row in await world.seed(of_version, code, 1)}
    now = {row["name"] for row in await world.seed(of_version, code, 2)}
    assert then - now == {"Invented Person 3", "Invented Person 4"} and now - then == {"Rewritten Person 3", "New Firm"} and len(then) == 20
    shown = next(each for each in (await operator.get("/v1/screening-lists")).json()["items"] if each["code"] == code)
    assert (shown["version"], shown["entries"], shown["kind"]) == (2, 20, "sanctions")


async def test_a_list_that_would_lose_more_than_half_has_to_be_meant(opened):
    operator, _code, path = opened
    await operator.post(path, sent(BASE))
    short = "name,kind,id\nInvented Person 1,person,1\n"
    refused = await operator.post(path, sent(short))
    assert refused.status_code == 409 and (refused.json()["code"], refused.json()["before"], refused.json()["after"]) == ("list_shrinks", 20, 1)
    assert (await operator.post(path, sent(short, anyway=True))).json()["version"] == 2


@pytest.mark.parametrize(("body", "status", "code"), [
    (sent("x,y\n1,2\n"), 422, "import_broken"), (sent("名称\n髙\n".encode("utf-16")), 422, "import_broken"), (sent(b"PK\x03\x04"), 422, "import_broken"),
    (sent("name\n"), 422, "import_broken"), (sent("<a/>", format="un_xml"), 422, "import_broken"),
    (sent('<!DOCTYPE x [<!ENTITY e "e">]><CONSOLIDATED_LIST>&e;</CONSOLIDATED_LIST>', format="un_xml"), 422, "import_broken"),
    (sent("name\nX\n") | {"content_base64": "not base64!"}, 422, "validation"), (sent("name\nX\n", as_of=None), 422, "validation"),
    (sent("name\nX\n", as_of=(TODAY + timedelta(days=2)).isoformat()), 422, "validation"), (sent("name\nX\n", format="pdf"), 422, "validation"),
    (sent("name\nX\n", mapping={"colour": "x"}), 422, "import_broken"), (sent("name\n" + "x" * 400 + "\n"), 422, "import_broken")])
async def test_a_bad_file_is_refused_in_words_and_stores_nothing(world, opened, body, status, code):
    operator, listed, path = opened
    answer = await operator.post(path, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await world.seed("SELECT 1 FROM vault.screening_list_version WHERE list_code = $1", listed) == []


async def test_a_list_is_opened_once_and_unknown_ones_are_not_there(opened):
    operator, code, _path = opened
    again = await operator.post("/v1/screening-lists", NEW | {"code": code})
    assert again.status_code == 409 and again.json()["code"] == "list_exists"
    assert (await operator.post("/v1/screening-lists/no_such_list/versions", sent("name\nX\n"))).status_code == 404
    assert (await operator.get("/v1/screening-lists/no_such_list/versions")).status_code == 404
    assert (await operator.post("/v1/screening-lists/entries", {"list_code": "no_such_list", "list_version": "1", "entries": [
        {"name": "x", "kind": "person"}]})).status_code == 404


async def test_a_retired_list_is_consulted_no_more_and_kept(world, opened):
    operator, code, path = opened
    await operator.post(path, sent("name\nAbgrund Werke\n"))
    published, buyer = await world.published(), await world.acquirer(legal_name="Abgrund Werke AG")
    screening = f"/v1/disclosure-requests/{await world.requested(published, buyer)}/screening"
    assert (await published.seller.get(screening)).json()["findings"]["candidates"] != []
    assert (await published.seller.delete(f"/v1/screening-lists/{code}")).status_code == 403
    assert (await operator.delete(f"/v1/screening-lists/{code}")).status_code == 204
    assert (await operator.delete(f"/v1/screening-lists/{code}")).status_code == 404
    assert (await published.seller.get(screening)).json()["findings"]["candidates"] == []
    assert (await operator.post(path, sent("name\nX\n"))).status_code == 404
    assert len(await world.seed("SELECT 1 FROM vault.screening_list_entry WHERE list_code = $1", code)) == 1


async def test_lists_are_the_operators_to_keep_and_the_advisers_to_read(world, http, opened):
    operator, code, path = opened
    await operator.post(path, sent(BASE))
    entry = (await operator.get(f"/v1/screening-lists/entries?list_code={code}&limit=1")).json()["items"][0]["id"]
    center, buyer, desk = await world.intermediary(), await world.acquirer(), await world.agency()
    writes = [("POST", "/v1/screening-lists", NEW | {"code": "another"}), ("POST", path, sent("name\nX\n")),
              ("POST", "/v1/screening-lists/entries", {"list_code": code, "list_version": "1", "entries": [{"name": "x", "kind": "person"}]}),
              ("DELETE", f"/v1/screening-lists/entries/{entry}", None),
              ("POST", "/v1/list-licences", {"list_code": code, "organisation_id": str(center.organisation_id), "from_date": "2026-01-01",
                                             "until_date": "2030-01-01", "evidence": "x", "evidence_hash": "0" * 64})]
    before = await _counts(world)
    for method, where, body in writes:
        assert (await http.request(method, where, json=body, headers={"Origin": ORIGIN})).status_code == 401, where
        for caller in (center, buyer, desk):
            assert (await caller.client.request(method, where, json=body)).status_code == 403, where
    assert await _counts(world) == before
    for where in ("/v1/screening-lists", path, f"/v1/screening-lists/entries?list_code={code}"):
        for reader, status in ((operator, 200), (center, 200), (buyer, 403), (desk, 403)):
            assert (await reader.get(where)).status_code == status, (reader.kind, where)


async def _counts(world):
    return [len(await world.seed(f"SELECT 1 FROM {table}")) for table in
            ("vault.screening_list", "vault.screening_list_version", "vault.screening_list_entry", "vault.list_licence", "vault.audit_event", "ops.outbox")]


# -- the industry's list of bad buyers ---------------------------------------------------------------------------------


@pytest.fixture
async def industry(world):
    """A list for licensed members that names this buyer; a member, and a firm that is none, each with a request of it."""
    operator = await world.signed_in(await world.operator())
    code = await world.list_of_names(operator, {"name": "Dunkelwald Holding", "kind": "organisation", "reason": "assets moved"}, kind="bad_buyer")
    buyer = await world.acquirer(legal_name="Dunkelwald Holding GmbH")
    firms = []
    for _turn in range(2):
        published = await world.published(await world.intermediary("registered_institution"))
        firms.append((published.seller, f"/v1/disclosure-requests/{await world.requested(published, buyer)}"))
    licence = {"list_code": code, "organisation_id": str(firms[0][0].organisation_id), "from_date": TODAY.isoformat(),
               "until_date": (TODAY + timedelta(days=365)).isoformat(), "evidence": "Letter of the association, no. 7", "evidence_hash": "ab" * 32}
    made = await operator.post("/v1/list-licences", licence)
    assert made.status_code == 201 and made.json()["confirmed_by"] == str(operator.member_id), made.text
    yield operator, code, firms, made.json()["id"]
    await world.retire(code)


async def test_a_licensed_member_is_told_and_anybody_else_gets_no_hint(industry):
    _operator, code, ((member, of_member), (other, of_other)), _licence = industry
    found = (await member.get(f"{of_member}/screening")).json()["findings"]
    assert code in [each["code"] for each in found["lists"]] and found["candidates"][0]["entry_reason"] == "assets moved"
    told = await other.get(f"{of_other}/screening")
    assert code not in told.text and "Dunkelwald Holding\"" not in told.text.replace("Dunkelwald Holding GmbH", "") and told.json()["findings"]["candidates"] == []
    assert (await other.post(f"{of_other}/screening", {"decision": "cleared"})).json()["next_step"] == "offer_nda"
    record = (await other.get(f"{of_other}/screening")).json()["screenings"][0]
    assert code not in str(record) and "名簿" in record["words_for_owner"]
    for where in ("/v1/screening-lists", f"/v1/screening-lists/entries?list_code={code}", "/v1/list-licences"):
        assert code in (await member.get(where)).text and code not in (await other.get(where)).text, where
    hidden, missing = [await other.get(f"/v1/screening-lists/{each}/versions") for each in (code, "no_such_list")]
    assert hidden.status_code == missing.status_code == 404 and hidden.json() | {"instance": ""} == missing.json() | {"instance": ""}


async def test_without_its_licence_a_member_is_like_anybody_else(world, industry):
    operator, code, ((member, of_member), _other), licence = industry
    ended = await operator.post(f"/v1/list-licences/{licence}/termination")
    assert ended.status_code == 201 and ended.json()["ended_at"]
    assert (await operator.post(f"/v1/list-licences/{licence}/termination")).status_code == 404
    assert code not in (await member.get(f"{of_member}/screening")).text and code not in (await member.get("/v1/screening-lists")).text


async def test_a_licence_names_an_intermediary_a_list_that_asks_for_one_and_a_term(world, industry):
    operator, code, ((member, _path), _other), _licence = industry
    buyer, open_to_all = await world.acquirer(), await world.list_of_names(operator)
    good = {"list_code": code, "organisation_id": str(member.organisation_id), "from_date": "2026-01-01", "until_date": "2030-01-01", "evidence": "x",
            "evidence_hash": "ab" * 32}
    for wrong in ({"organisation_id": str(buyer.organisation_id)}, {"list_code": open_to_all}, {"list_code": "no_such_list"}):
        assert (await operator.post("/v1/list-licences", good | wrong)).status_code == 404, wrong
    assert (await operator.post("/v1/list-licences", good | {"until_date": "2025-01-01"})).json()["errors"][0]["field"] == "until_date"
    key = await world.member(operator.organisation_id, "operator", role="admin")
    assert (await key.post("/v1/list-licences", good)).status_code == 403, "a person confirms it, never a key"
    await world.retire(open_to_all)
