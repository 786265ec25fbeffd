"""Does a brief reach the desk, and an introduction the intermediary, without anybody learning more than their part?"""

import secrets
from uuid import UUID, uuid4

import pytest

from desk_scene import letters, listed

WISHES = {"industries": ["24"], "places": ["JP-27"], "employees": ["20_49"], "schemes": ["share_transfer"],
          "budget": ["50_100"]}


def brief_for(desk, **fields):
    return {"desk_id": str(desk.organisation_id), "wishes": WISHES, "purpose": "technology", "languages": ["en", "ja"],
            "note": "Castings, please."} | fields


async def filed(acquirer, desk, **fields):
    answer = await acquirer.post("/v1/briefs", brief_for(desk, **fields))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def introduced(desk, brief, found, **fields):
    answer = await desk.post(f"/v1/briefs/{brief['id']}/introductions", {"teaser_ref": str(found.ref)} | fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture
async def scene(world):
    """(center, acquirer, desk, listed, brief, introduction still open)"""
    center, acquirer, desk = await world.intermediary(), await world.acquirer(), await world.agency()
    found = await listed(world, center)
    brief = await filed(acquirer, desk)
    return center, acquirer, desk, found, brief, await introduced(desk, brief, found, note="They make what you cast.")


async def state_of_the_desk(world):
    """Everything this slice writes, and every letter."""
    tables = [await world.seed(f"SELECT * FROM vault.{table} ORDER BY id")
              for table in ("brief", "introduction", "deal", "representation")]
    return [[tuple(row) for row in rows] for rows in tables], await letters(world)


# ---------------------------------------------------------------- briefs


async def test_an_acquirer_finds_the_desks_and_files_a_brief(world):
    acquirer, desk, monitor = await world.acquirer(), await world.agency(), await world.agency("monitor")
    await world.agency("desk", status="pending")
    desks = {item["id"]: item for item in (await acquirer.get("/v1/desks")).json()["items"]}
    assert str(desk.organisation_id) in desks and str(monitor.organisation_id) not in desks
    assert set(desks[str(desk.organisation_id)]) == {"id", "name"}

    before = len(await letters(world))
    brief = await filed(acquirer, desk)
    assert brief["state"] == "open" and brief["wishes"]["places"] == ["JP-27"] and brief["wishes"]["revenue"] == []
    assert brief["wishes_in_words"][1] == "Place: Osaka"
    assert brief["purpose_label"] == "Technology and intellectual property"
    assert (await letters(world))[before:] == [("brief_filed", str(desk.organisation_id))]

    read = await acquirer.get(f"/v1/briefs/{brief['id']}", headers={"Accept-Language": "ja"})
    assert read.headers["etag"] == '"1"' and read.json()["wishes_in_words"][1].endswith("大阪府")
    at_desk = (await desk.get("/v1/briefs")).json()["items"]
    assert [item["id"] for item in at_desk] == [brief["id"]]
    assert at_desk[0]["buyer"]["id"] == str(acquirer.organisation_id) and at_desk[0]["note"] == "Castings, please."


async def test_the_same_brief_sent_twice_is_filed_once(world):
    acquirer, desk = await world.acquirer(), await world.agency()
    key = {"Idempotency-Key": secrets.token_hex(8)}
    first = await acquirer.post("/v1/briefs", brief_for(desk), headers=key)
    again = await acquirer.post("/v1/briefs", brief_for(desk), headers=key)
    assert again.json() == first.json() and again.headers["idempotency-replayed"] == "true"
    assert len((await acquirer.get("/v1/briefs")).json()["items"]) == 1


@pytest.mark.parametrize(("fields", "field"), [
    ({"wishes": {}}, "wishes"),
    ({"wishes": {"industries": ["2461"]}}, "wishes.industries[0]"),
    ({"wishes": {"name": ["x"]}}, "wishes.name"),
    ({"purpose": "cheap"}, "purpose"),
    ({"languages": []}, "languages"),
    ({"note": "x" * 1001}, "note"),
    ({"note": "   "}, "note"),
    ({"desk_id": str(uuid4())}, "desk_id"),
    ({"acquirer_id": str(uuid4())}, "acquirer_id"),
])
async def test_a_brief_that_cannot_be_read_is_refused_at_its_field(world, fields, field):
    acquirer, desk = await world.acquirer(), await world.agency()
    before = await state_of_the_desk(world)
    answer = await acquirer.post("/v1/briefs", brief_for(desk, **fields))
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == field, answer.text
    assert await state_of_the_desk(world) == before


@pytest.mark.parametrize("kind", ["monitor", "suspended", "intermediary", "self"])
async def test_only_a_desk_in_good_standing_takes_a_brief(world, kind):
    acquirer = await world.acquirer()
    other = {"monitor": lambda: world.agency("monitor"), "suspended": lambda: world.agency("desk", status="suspended"),
             "intermediary": world.intermediary, "self": None}[kind]
    desk = acquirer if other is None else await other()
    answer = await acquirer.post("/v1/briefs", brief_for(desk))
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "desk_id"
    assert (await acquirer.get("/v1/briefs")).json()["items"] == []


async def test_a_brief_is_closed_from_the_version_that_was_read_and_once(scene):
    center, acquirer, desk, found, brief, introduction = scene
    closure = f"/v1/briefs/{brief['id']}/closure"
    assert (await acquirer.post(closure)).status_code == 428
    assert (await acquirer.post(closure, headers={"If-Match": '"7"'})).json()["code"] == "stale"
    closed = await acquirer.post(closure, headers={"If-Match": '"1"'})
    assert closed.status_code == 200 and closed.json()["state"] == "closed" and closed.headers["etag"] == '"2"'
    assert (await acquirer.post(closure, headers={"If-Match": '"2"'})).json()["code"] == "brief_closed"

    for answer in (await desk.get(f"/v1/briefs/{brief['id']}/candidates"),
                   await desk.post(f"/v1/briefs/{brief['id']}/introductions", {"teaser_ref": str(found.ref)}),
                   await center.post(f"/v1/introductions/{introduction['id']}/acceptance")):
        assert answer.status_code == 409 and answer.json()["code"] == "brief_closed"
    assert (await acquirer.get("/v1/introductions")).json()["items"] == []
    assert (await desk.get("/v1/briefs?state=open")).json()["items"] == []


async def test_lists_go_on_where_they_stopped(world):
    acquirer, desk = await world.acquirer(), await world.agency()
    made = [(await filed(acquirer, desk))["id"] for _n in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        page = (await desk.get(f"/v1/briefs?limit=2{cursor and f'&cursor={cursor}'}")).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == made[::-1]
    page = (await desk.get("/v1/briefs?limit=2")).json()
    assert (await acquirer.get(f"/v1/briefs?limit=2&cursor={page['next_cursor']}")).json()["code"] == "cursor_invalid"
    assert (await desk.get("/v1/briefs?limit=101")).status_code == 422


# ---------------------------------------------------------------- candidates


async def test_candidates_are_ranked_by_wishes_met_and_say_which(world):
    center, acquirer, desk = await world.intermediary(), await world.acquirer(), await world.agency()
    cells = {"best": {"place": "JP-27", "price": "50_100"}, "vague": {},
             "dear": {"place": "JP-27", "price": "over_3000"},
             "elsewhere": {"place": "JP-13"}, "other_trade": {"industry": "09"},
             "anything": {"place": "any", "industry": "any"}}
    refs = {}
    for name, fields in cells.items():
        refs[(await listed(world, center, employees="20_49", **fields)).ref.hex] = name
    brief = await filed(acquirer, desk)
    page = (await desk.get(f"/v1/briefs/{brief['id']}/candidates?limit=100")).json()
    mine = [item for item in page["items"] if item["teaser"]["ref"] in refs]
    assert [refs[item["teaser"]["ref"]] for item in mine] == ["best", "dear", "vague", "anything"]
    assert [(item["met"], item["possible"], item["unmet"])
            for item in mine] == [(6, 1, 0), (5, 1, 1), (4, 2, 1), (3, 3, 1)]

    vague = {wish["wish"]: wish for wish in mine[2]["wishes"]}
    assert list(vague) == ["industries", "places", "employees", "schemes", "budget", "welcome", "fresh"]
    assert vague["places"] == {"wish": "places", "name": "Place", "outcome": "possible", "weight": 20, "wanted": "Osaka",
                               "offered": "Kansai", "explanation": "Possible, not certain: Kansai."}
    assert vague["budget"]["outcome"] == "unmet" and "JPY 100 million" in vague["budget"]["offered"]
    assert mine[0]["teaser"]["title"].endswith("in Osaka") and mine[0]["teaser"]["summary"]
    in_japanese = (await desk.get(f"/v1/briefs/{brief['id']}/candidates",
                                  headers={"Accept-Language": "ja"})).json()["items"][0]
    assert in_japanese["teaser"]["title"].startswith("大阪府") and "大阪府" in in_japanese["wishes"][1]["offered"]


async def test_candidates_are_name_less_and_of_consented_audiences_only(world):
    center, acquirer, desk = await world.intermediary(), await world.acquirer(), await world.agency()
    found = {bits: await listed(world, center, audiences=bits) for bits in (1, 2, 4, 8, 15)}
    brief = await filed(acquirer, desk)
    answer = await desk.get(f"/v1/briefs/{brief['id']}/candidates?limit=100")
    refs = {item["teaser"]["ref"] for item in answer.json()["items"]}
    assert {bits for bits, one in found.items() if one.ref.hex in refs} == {1, 4, 15}
    for one in found.values():
        assert not [word for word in one.secrets if word in answer.text]
    assert str(center.organisation_id) not in answer.text
    assert set(answer.json()["items"][0]) == {"teaser", "score", "met", "possible", "unmet", "wishes"}


async def test_the_query_and_the_rule_agree_on_every_teaser(world):
    """The ranking is written twice, in SQL and in Python: over many teasers both must come to the same."""
    import random

    from succession.codes import SCHEMES
    from succession.market.filter_log import today
    from succession.market.match_queries import newest_year
    from succession.market.matching import OFFERS, Offer, Seeker, Wishes, counted, is_candidate, judge, points

    chance = random.Random(20181201)
    center, acquirer, desk = await world.intermediary(), await world.acquirer(), await world.agency()
    pick = {name: list(SCHEMES[name].codes) for name in ("place", "industry", "employees", "revenue", "price",
                                                         "scheme")}
    offers = {}
    for _n in range(30):
        cell = {name: chance.choice(pick[name]) for name in ("place", "employees", "revenue")}
        cell["industry"] = chance.choice(["24", "E", "manufacturing", "any", "09", "76"])
        schemes, price = chance.sample(pick["scheme"], 2), chance.choice(pick["price"])
        ref = (await listed(world, center, price=price, schemes=tuple(schemes), **cell)).ref
        offers[ref.hex] = Offer(cell["industry"], cell["place"], cell["employees"], cell["revenue"], schemes, price, "flexible",
                                ["jobs_kept"], newest_year(today()))
    for wishes in ({"industries": ["24"]}, {"places": ["kansai", "JP-13"], "revenue": ["under_1000"]},
                   {"budget": ["50_100", "negotiable"]},
                   {"schemes": ["mbo", "merger"], "employees": ["1_19"], "revenue": ["5000_plus"]},
                   {"industries": ["E"], "places": ["west"]}, {"timing": ["3_6m"], "offers": ["name_kept"]},
                   {"never_industries": ["24", "09"], "never_places": ["kansai"]}, {"must_phrases": ["jobs_kept"], "offers": list(OFFERS)},
                   {"must_phrases": ["jobs_kept", "name_kept"], "revenue": ["under_1000"]}, {"never_phrases": ["jobs_kept"]},
                   {"phrases": ["name_kept"], "budget": ["50_100"], "never_places": ["JP-27"]}):
        brief = await filed(acquirer, desk, wishes=wishes)
        seen, cursor, ranks = {}, {}, []
        while cursor is not None:
            page = (await desk.get(f"/v1/briefs/{brief['id']}/candidates", params={"limit": 7} | cursor)).json()
            seen |= {item["teaser"]["ref"]: (item["met"], item["possible"], item["unmet"]) for item in page["items"]}
            ranks += [(item["score"], item["teaser"]["ref"]) for item in page["items"]]
            cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
        seeker, year = Seeker(Wishes(**wishes), "company", "GB"), newest_year(today())
        judged = {ref: judge(seeker, offer, year) for ref, offer in offers.items()}
        assert {ref for ref in seen if ref in offers} == {ref for ref, each in judged.items() if is_candidate(each)}
        assert all(seen[ref] == counted(judged[ref]) for ref in seen if ref in judged)
        assert [score for score, _ref in ranks] == sorted((score for score, _ref in ranks), reverse=True) and len(ranks) == len(seen)
        mine = [points(judged[ref]) for _score, ref in ranks if ref in judged]
        assert mine == sorted(mine, reverse=True)


@pytest.mark.parametrize("kind", ["organisation", "country", "registry", "buyer_kind"])
async def test_whom_the_owner_excludes_has_no_candidate_there_and_cannot_be_introduced(world, kind):
    center, desk = await world.intermediary(), await world.agency()
    acquirer = await world.acquirer(country="FR", registry_number=f"X{kind}{secrets.token_hex(3)}")
    other = await world.acquirer(country="KR")
    await world.seed("UPDATE vault.organisation SET buyer_kind = 'fund' WHERE id = $1", acquirer.organisation_id)
    number = (await world.seed("SELECT registry_number FROM vault.organisation WHERE id = $1",
                               acquirer.organisation_id))[0][0]
    value = {"organisation": str(acquirer.organisation_id), "country": "FR", "registry": f"FR:{number}",
             "buyer_kind": "fund"}[kind]
    found = await listed(world, center, place="JP-27", excludes={kind: value})
    brief, theirs = await filed(acquirer, desk), await filed(other, desk)

    async def candidates(of):
        items = (await desk.get(f"/v1/briefs/{of['id']}/candidates?limit=100")).json()["items"]
        return {item["teaser"]["ref"] for item in items}

    assert found.ref.hex in await candidates(theirs)
    assert found.ref.hex not in await candidates(brief)
    before = await state_of_the_desk(world)
    refused = await desk.post(f"/v1/briefs/{brief['id']}/introductions", {"teaser_ref": str(found.ref)})
    unknown = await desk.post(f"/v1/briefs/{brief['id']}/introductions", {"teaser_ref": str(uuid4())})
    assert refused.status_code == unknown.status_code == 404 and refused.json() == unknown.json()
    assert await state_of_the_desk(world) == before


# ---------------------------------------------------------------- introductions


async def test_an_introduction_brings_brief_and_buyer_to_the_intermediary_and_its_name_to_nobody(scene, world):
    center, acquirer, desk, found, brief, introduction = scene
    assert (await letters(world))[-1] == ("introduction_proposed", str(center.organisation_id))
    at_center = (await center.get("/v1/introductions")).json()["items"]
    assert [item["id"] for item in at_center] == [introduction["id"]]
    assert at_center[0]["listing_id"] == str(found.listing_id) and at_center[0]["note"] == "They make what you cast."
    assert at_center[0]["brief"]["buyer"]["id"] == str(acquirer.organisation_id)
    assert at_center[0]["brief"]["note"] == "Castings, please."
    at_desk = await desk.get(f"/v1/introductions/{introduction['id']}")
    assert at_desk.json()["intermediary"] is None and at_desk.json()["listing_id"] is None
    assert not [word for word in (str(center.organisation_id), *found.secrets) if word in at_desk.text]
    again = await desk.post(f"/v1/briefs/{brief['id']}/introductions", {"teaser_ref": str(found.ref)})
    assert again.status_code == 409 and again.json()["code"] == "introduced_already"


async def test_acceptance_opens_one_teaser_to_one_acquirer_and_a_request_with_the_desk_as_its_origin(
        scene, world, as_database_role):
    center, acquirer, desk, found, brief, introduction = scene
    stranger, other = await world.acquirer(), await listed(world, center)
    before = await letters(world)
    answer = await center.post(f"/v1/introductions/{introduction['id']}/acceptance")
    assert answer.status_code == 201 and answer.json()["introduction"]["state"] == "accepted", answer.text
    deal = (await world.seed("SELECT * FROM vault.deal WHERE id = $1", UUID(answer.json()["request_id"])))[0]
    assert deal["origin"] == "desk" and str(deal["introduction_id"]) == introduction["id"]
    assert deal["buyer_id"] == acquirer.organisation_id and deal["intermediary_id"] == center.organisation_id
    assert deal["listing_id"] == found.listing_id and deal["teaser_ref"] == found.ref
    assert "Castings" not in deal["purpose"]
    told = (await letters(world))[len(before):]
    assert ("introduction_accepted", str(desk.organisation_id)) in told
    assert ("introduced_to_seller", str(acquirer.organisation_id)) in told

    market, opened = await as_database_role("market_buyer"), "SELECT ref FROM market.opened_teaser($1, $2)"
    assert await market.fetch(opened, found.ref, acquirer.organisation_id)
    assert not await market.fetch(opened, found.ref, stranger.organisation_id)
    assert not await market.fetch(opened, other.ref, acquirer.organisation_id)
    seen = (await acquirer.get("/v1/introductions")).json()["items"]
    assert [item["teaser_ref"] for item in seen] == [found.ref.hex]
    assert seen[0]["note"] is None and seen[0]["listing_id"] is None
    assert seen[0]["intermediary"]["id"] == str(center.organisation_id)
    assert not [word for word in found.secrets if word in str(seen)]
    at_desk = (await desk.get(f"/v1/introductions/{introduction['id']}")).json()
    assert at_desk["intermediary"]["id"] == str(center.organisation_id)
    twice = await center.post(f"/v1/introductions/{introduction['id']}/acceptance")
    assert twice.status_code == 409 and twice.json()["code"] == "introduction_decided"


async def test_accepting_twice_with_one_key_opens_one_request(scene, world):
    center, acquirer, _desk, _found, _brief, introduction = scene
    key = {"Idempotency-Key": secrets.token_hex(8)}
    first = await center.post(f"/v1/introductions/{introduction['id']}/acceptance", headers=key)
    again = await center.post(f"/v1/introductions/{introduction['id']}/acceptance", headers=key)
    assert first.status_code == again.status_code == 201 and first.json() == again.json()
    assert len(await world.seed("SELECT FROM vault.deal WHERE buyer_id = $1", acquirer.organisation_id)) == 1


async def test_an_acceptance_that_cannot_open_its_request_changes_nothing(scene, world):
    center, acquirer, desk, found, _brief, introduction = scene
    await world.seed("INSERT INTO vault.exclusion (listing_id, kind, value) VALUES ($1, 'organisation', $2)",
                     found.listing_id, str(acquirer.organisation_id))
    before = await state_of_the_desk(world)
    answer = await center.post(f"/v1/introductions/{introduction['id']}/acceptance")
    assert answer.status_code == 409 and answer.json()["code"] == "step_refused" and answer.json()["detail"]
    assert await state_of_the_desk(world) == before
    assert (await center.post(f"/v1/introductions/{introduction['id']}/decline",
                              {"reason": "buyer_excluded"})).status_code == 200


async def test_who_is_in_contact_already_gets_no_second_request(scene, world):
    center, acquirer, _desk, found, _brief, introduction = scene
    await world.seed("INSERT INTO vault.deal (listing_id, intermediary_id, buyer_id, teaser_ref, origin, project_name, "
                     "purpose) VALUES ($1, $2, $3, $4, 'direct', $5, 'x')", found.listing_id, center.organisation_id,
                     acquirer.organisation_id, found.ref, secrets.token_hex(8))
    before = await state_of_the_desk(world)
    answer = await center.post(f"/v1/introductions/{introduction['id']}/acceptance")
    assert answer.status_code == 409 and answer.json()["code"] == "request_exists"
    assert await state_of_the_desk(world) == before


async def test_a_decline_gives_the_desk_a_coded_reason_and_the_acquirer_nothing(scene, world):
    center, acquirer, desk, found, brief, introduction = scene
    untouched, unheard = await world.acquirer(), await world.agency()
    never = await filed(untouched, unheard)  # an acquirer whose brief nobody ever introduced
    before = await letters(world)
    bad = await center.post(f"/v1/introductions/{introduction['id']}/decline", {"reason": "dislike"})
    assert bad.status_code == 422 and "not_ready" in bad.json()["errors"][0]["allowed"]
    answer = await center.post(f"/v1/introductions/{introduction['id']}/decline", {"reason": "conditions_do_not_match"})
    assert answer.status_code == 200 and answer.json()["state"] == "declined"
    assert (await letters(world))[len(before):] == [("introduction_declined", str(desk.organisation_id))]
    at_desk = (await desk.get("/v1/introductions?state=declined")).json()["items"]
    assert [item["decline_reason_label"] for item in at_desk] == ["Conditions do not match"]
    assert at_desk[0]["intermediary"] is None

    # Whatever the acquirer asks, the answer is the one it would get had it never happened.
    for path in ("/v1/introductions", "/v1/introductions?state=declined", f"/v1/introductions?brief_id={brief['id']}",
                 f"/v1/introductions/{introduction['id']}", f"/v1/teasers/{found.ref}"):
        mine = await acquirer.get(path)
        for known, nothing in ((brief["id"], never["id"]), (introduction["id"], str(uuid4())), (str(found.ref), str(uuid4()))):
            path = path.replace(known, nothing)
        theirs = await untouched.get(path)
        told, expected = mine.json(), theirs.json()
        for body in (told, expected):
            body.pop("instance", None)
        assert (mine.status_code, told) == (theirs.status_code, expected), path
    unchanged = (await acquirer.get(f"/v1/briefs/{brief['id']}")).json()
    assert unchanged == brief
    assert not await world.seed("SELECT FROM vault.deal WHERE buyer_id = $1", acquirer.organisation_id)
    assert not [letter for letter in await letters(world) if letter[1] == str(acquirer.organisation_id)]
    for step, body in (("acceptance", {}), ("decline", {"reason": "other"})):
        again = await center.post(f"/v1/introductions/{introduction['id']}/{step}", body)
        assert again.status_code == 409 and again.json()["code"] == "introduction_decided"


# ---------------------------------------------------------------- who may not


async def test_nobody_but_the_intermediary_behind_the_teaser_sees_or_decides(scene, world):
    center, acquirer, desk, found, brief, introduction = scene
    one = f"/v1/introductions/{introduction['id']}"
    bank, stranger, other_desk, monitor = (await world.intermediary("bank"), await world.acquirer(),
                                           await world.agency(), await world.agency("monitor"))
    nobody, operator = world.client(), await world.operator()
    pending = await world.intermediary(status="pending")
    before = await state_of_the_desk(world)
    refusals = {
        "another intermediary": (bank, 404), "acquirer": (acquirer, 403), "another acquirer": (stranger, 403),
        "desk": (desk, 403), "another desk": (other_desk, 403), "monitor": (monitor, 403), "operator": (operator, 403),
        "unverified": (pending, 403),
    }
    for who, (caller, status) in refusals.items():
        assert (await caller.post(f"{one}/acceptance")).status_code == status, who
        assert (await caller.post(f"{one}/decline", {"reason": "other"})).status_code == status, who
    for step in ("acceptance", "decline"):
        assert (await nobody.post(f"{one}/{step}", json={"reason": "other"})).status_code == 401
    assert (await nobody.get(one)).status_code == 401
    for caller, status in ((bank, 404), (acquirer, 404), (stranger, 404), (other_desk, 404), (monitor, 403),
                           (operator, 403)):
        assert (await caller.get(one)).status_code == status
    for caller in (bank, acquirer, stranger, other_desk):
        assert (await caller.get("/v1/introductions")).json()["items"] == []
    assert await state_of_the_desk(world) == before


async def test_briefs_are_between_an_acquirer_and_its_desk(scene, world):
    center, acquirer, desk, found, brief, _introduction = scene
    stranger, bank, nobody = await world.acquirer(), await world.intermediary("bank"), world.client()
    other_desk, monitor = await world.agency(), await world.agency("monitor")
    before = await state_of_the_desk(world)
    path, version = f"/v1/briefs/{brief['id']}", {"If-Match": '"1"'}
    body = {"teaser_ref": str(found.ref)}
    for caller, read, close, candidates, propose in (
        (stranger, 404, 404, 403, 403), (other_desk, 404, 403, 404, 404), (monitor, 403, 403, 403, 403),
        (bank, 404, 403, 403, 403),
        (desk, 200, 403, 200, 409), (center, 200, 403, 403, 403), (acquirer, 200, None, 403, 403),
    ):
        assert (await caller.get(path)).status_code == read
        if close:
            assert (await caller.post(f"{path}/closure", headers=version)).status_code == close
        assert (await caller.get(f"{path}/candidates")).status_code == candidates
        assert (await caller.post(f"{path}/introductions", body)).status_code == propose
    for answer in (await nobody.get(path), await nobody.get(f"{path}/candidates"),
                   await nobody.post(f"{path}/introductions", json=body),
                   await nobody.post("/v1/briefs", json=brief_for(desk)), await nobody.get("/v1/desks")):
        assert answer.status_code == 401
    for caller in (desk, center, monitor):
        assert (await caller.post("/v1/briefs", brief_for(desk))).status_code == 403
    assert (await bank.get("/v1/briefs")).json()["items"] == (await other_desk.get("/v1/briefs")).json()["items"] == []
    assert await state_of_the_desk(world) == before


async def test_an_unverified_acquirer_files_nothing(world):
    desk, pending = await world.agency(), await world.acquirer(status="pending")
    answer = await pending.post("/v1/briefs", brief_for(desk))
    assert answer.status_code == 403 and answer.json()["code"] == "organisation_not_verified"
    assert (await desk.get("/v1/briefs")).json()["items"] == []


async def test_no_introduction_for_an_acquirer_suspended_meanwhile_or_a_teaser_taken_down(world):
    center, acquirer, desk = await world.intermediary(), await world.acquirer(), await world.agency()
    found, gone = await listed(world, center), await listed(world, center)
    brief = await filed(acquirer, desk)
    await world.seed("UPDATE vault.publication SET state = 'taken_down' WHERE ref = $1", gone.ref)
    assert (await desk.post(f"/v1/briefs/{brief['id']}/introductions",
                            {"teaser_ref": str(gone.ref)})).status_code == 404
    await _suspend(world, acquirer)
    assert (await desk.post(f"/v1/briefs/{brief['id']}/introductions",
                            {"teaser_ref": str(found.ref)})).status_code == 404


async def _suspend(world, caller):
    """As the operator does it: the seeding role says so first, in one statement's transaction."""
    await world.seed("WITH said AS MATERIALIZED (SELECT set_config('succession.kind', 'operator', true) AS kind) "
                     "UPDATE vault.organisation o SET status = 'suspended' FROM said "
                     "WHERE o.id = $1 AND said.kind = 'operator'", caller.organisation_id)
