"""What does an agency get that tries every door, and an acquirer or a rival that tries the desk's?"""

import asyncio
import re
from uuid import uuid4

import pytest
from litestar.handlers import HTTPRouteHandler

from desk_scene import listed

RANDOM_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}")
PARAMETER = re.compile(r"\{([^}:]+)(?::[^}]+)?\}")


def brief_for(desk, **wishes):
    return {"desk_id": str(desk.organisation_id), "wishes": wishes or {"industries": ["24"]}, "purpose": "technology",
            "languages": ["en"]}


@pytest.fixture
async def scene(world):
    """(center, acquirer, desk, ids, forbidden): all there is to know of two companies, the second with its dossier open."""
    center, acquirer, desk = await world.intermediary(), await world.acquirer(), await world.agency()
    found = await listed(world, center, audiences=14)
    published = await world.published(center)
    deal = await world.released(published, acquirer, "data_room")
    ids = {"listing": found.listing_id, "document": found.ids["document"], "owner_link": found.ids["owner_link"],
           "teaser": found.ref,
           "deal": deal, "published": published.ref, "listing_of_deal": published.listing_id,
           "acquirer": acquirer.organisation_id}
    for table in ("nda", "disclosure_grant", "ledger_entry"):
        ids[table] = (await world.seed(f"SELECT id FROM vault.{table} WHERE deal_id = $1", deal))[0]["id"]
    names = await world.seed("SELECT legal_name, corporate_number FROM vault.listing_identity WHERE listing_id = $1",
                             published.listing_id)
    forbidden = {*found.secrets[:6], *names[0].values(), published.owner_email, "架空 太郎", "架空 花子"}
    return center, acquirer, desk, ids, forbidden


def doors(app):
    """Every path and method of the API but those that change who is signed in."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if isinstance(handler, HTTPRouteHandler) and route.path.startswith("/v1/") and "_openapi" not in route.path:
                for method in sorted(set(handler.http_methods) - {"OPTIONS", "HEAD"}):
                    yield method, route.path_format, handler


def keys(path, ids):
    """The path with every id in its place; a second parameter also beside the listing and the deal."""
    names = PARAMETER.findall(path)
    if not names:
        return [path]
    filled = [{name: str(value) for name in names} for value in ids.values()]
    if len(names) > 1:
        filled += [{names[0]: str(ids[first]), **{name: str(value) for name in names[1:]}}
                   for first in ("listing", "deal") for value in ids.values()]
    return [PARAMETER.sub(lambda match: one[match[1]], path) for one in filled]


@pytest.mark.parametrize("role", ["desk", "monitor"])
async def test_no_door_of_the_api_shows_an_agency_who_a_company_is(app, world, scene, role):
    center, _acquirer, _desk, ids, forbidden = scene
    at_home = (await center.get(f"/v1/listings/{ids['listing']}")).text
    assert any(word in at_home for word in forbidden)  # it is there to be shown
    agency = await world.agency(role)
    tried, leaks, opened = 0, [], set()
    for method, path, handler in doors(app):
        if method == "GET":
            for address in keys(path, ids):
                answer = await agency.get(address)
                tried += 1
                said = RANDOM_ID.sub("", answer.text)  # by chance there is any number in one
                leaks += [f"{address}: {word}" for word in forbidden if word and word in said]
                assert answer.status_code < 500, f"{address}: {answer.text}"
                if answer.status_code == 200:
                    opened.add(handler.opt.get("permission") or "public")
    assert tried > 200 and leaks == []
    # What answered at all is account, directory, published codes and aggregates; for a desk also its (empty) own work.
    assert not {permission for permission in opened if permission.split(":")[0] in (
        "listing", "dossier", "document", "deal", "ledger", "nda", "grant", "screening", "request")}, opened


async def test_no_write_of_an_agency_touches_a_listing_or_a_deal(app, world, scene):
    _center, _acquirer, desk, ids, _forbidden = scene
    monitor = await world.agency("monitor")

    async def state():
        tables = [row["tablename"]
                  for row in await world.seed("SELECT tablename FROM pg_tables WHERE schemaname = 'vault' ORDER BY 1")]
        kept = [t for t in tables if t not in ("api_key", "organisation", "organisation_key", "member", "audit_event",
                                               "member_token")]
        rows = "SELECT count(*), coalesce(sum(hashtext(x::text)::bigint), 0) FROM vault.{} x"
        counts = {t: (await world.seed(rows.format(t)))[0] for t in kept}
        return counts, (await world.seed("SELECT count(*) FROM ops.outbox"))[0][0]

    before = await state()
    for method, path, handler in doors(app):
        permission = handler.opt.get("permission") or ""
        if method != "GET" and permission.split(":")[0] not in ("", "account", "member", "api_key"):
            for address in keys(path, {name: ids[name] for name in ("listing", "deal", "listing_of_deal", "teaser",
                                                                    "disclosure_grant")}):
                for agency in (desk, monitor):
                    answer = await agency.client.request(method, address, json={}, headers={"If-Match": '"1"'})
                    assert answer.status_code in (400, 403, 404, 409, 422,
                                                  428), f"{method} {address}: {answer.status_code}"
    assert await state() == before


async def pages_of(desk, brief):
    """Every page of the candidates, two by two."""
    pages, asked = [], {"limit": 2}
    while True:
        page = (await desk.get(f"/v1/briefs/{brief['id']}/candidates", params=asked)).json()
        pages.append(page["items"])
        if page["next_cursor"] is None:
            return pages
        asked = {"limit": 2, "cursor": page["next_cursor"]}


async def test_two_companies_that_differ_in_hidden_facts_are_one_candidate_twice(world):
    desk, acquirer = await world.agency(), await world.acquirer()
    small, large = await world.intermediary("registered_institution"), await world.intermediary("bank")
    first = await listed(world, small, place="shikoku", industry="12", excludes={"person": "somebody"}, shuffle=1)
    second = await listed(world, large, place="shikoku", industry="12", shuffle=2)
    brief = (await acquirer.post("/v1/briefs", brief_for(desk, industries=["12"], places=["shikoku"]))).json()
    items = {item["teaser"].pop("ref"): item for page in await pages_of(desk, brief) for item in page}
    assert items[first.ref.hex] == items[second.ref.hex]
    answers = []
    for found in (first, second):
        made = (await desk.post(f"/v1/briefs/{brief['id']}/introductions", {"teaser_ref": found.ref.hex})).json()
        answers.append({key: value for key, value in made.items() if key not in ("id", "teaser_ref", "proposed_at")})
    assert answers[0] == answers[1]  # and nothing of who stands behind them


async def test_an_excluded_teaser_leaves_no_trace_in_pages_and_counts(world):
    desk, center = await world.agency(), await world.intermediary()
    acquirer, other = await world.acquirer(country="BR"), await world.acquirer(country="BR")
    cell = {"place": "shikoku", "industry": "13"}
    plain = [(await listed(world, center, **cell)).ref.hex for _n in range(4)]
    hidden = await listed(world, center, excludes={"organisation": str(acquirer.organisation_id)}, **cell)
    pages = []
    for buyer in (acquirer, other):
        brief = (await buyer.post("/v1/briefs", brief_for(desk, industries=["13"], places=["shikoku"]))).json()
        pages.append([[item["teaser"]["ref"] for item in page] for page in await pages_of(desk, brief)])
    theirs, all_of_them = ([ref for page in each for ref in page] for each in pages)
    assert theirs == [ref for ref in all_of_them if ref != hidden.ref.hex] and set(plain) <= set(theirs)
    assert hidden.ref.hex in all_of_them
    assert all(len(page) == 2 for page in pages[0][:-1]) and pages[0][-1]  # no page is short, and none is empty


async def test_a_cursor_of_one_brief_opens_no_other(world):
    desk, center, acquirer = await world.agency(), await world.intermediary(), await world.acquirer()
    for _n in range(3):
        await listed(world, center, place="shikoku", industry="14")
    one, two = [(await acquirer.post("/v1/briefs", brief_for(desk, industries=["14"]))).json()["id"] for _n in range(2)]
    cursor = (await desk.get(f"/v1/briefs/{one}/candidates?limit=1")).json()["next_cursor"]
    for path in (f"/v1/briefs/{two}/candidates?limit=1&cursor={cursor}",
                 f"/v1/briefs/{one}/candidates?cursor={cursor[:-2]}AA",
                 f"/v1/introductions?cursor={cursor}", f"/v1/briefs?cursor={cursor}"):
        answer = await desk.get(path)
        assert answer.status_code == 422 and answer.json()["code"] == "cursor_invalid", path


async def proposed(world, **fields):
    center, acquirer, desk = await world.intermediary(), await world.acquirer(), await world.agency()
    found = await listed(world, center, **fields)
    brief = (await acquirer.post("/v1/briefs", brief_for(desk))).json()
    made = (await desk.post(f"/v1/briefs/{brief['id']}/introductions", {"teaser_ref": found.ref.hex})).json()
    return center, acquirer, desk, brief, f"/v1/introductions/{made['id']}"


async def test_of_two_decisions_at_once_one_stands(world):
    for _round in range(3):
        center, acquirer, _desk, _brief, one = await proposed(world)
        answers = await asyncio.gather(center.post(f"{one}/acceptance"),
                                       center.post(f"{one}/decline", {"reason": "other"}),
                                       center.post(f"{one}/acceptance"))
        codes = sorted(answer.status_code for answer in answers)
        assert codes in ([200, 409, 409], [201, 409, 409])
        state = (await center.get(one)).json()["state"]
        deals = await world.seed("SELECT id FROM vault.deal WHERE buyer_id = $1", acquirer.organisation_id)
        assert (state, len(deals)) == (("accepted", 1) if codes[0] == 201 else ("declined", 0))


async def test_closing_a_brief_and_accepting_under_it_never_both_win_in_the_wrong_order(world):
    for _round in range(3):
        center, acquirer, _desk, brief, one = await proposed(world)
        closing, accepting = await asyncio.gather(
            acquirer.post(f"/v1/briefs/{brief['id']}/closure",
                          headers={"If-Match": '"1"'}), center.post(f"{one}/acceptance"))
        assert closing.status_code == 200 and accepting.status_code in (201, 409)
        deals = await world.seed("SELECT id FROM vault.deal WHERE buyer_id = $1", acquirer.organisation_id)
        assert len(deals) == (accepting.status_code == 201)


async def test_the_same_introduction_twice_at_once_is_made_once_and_sent_once(world):
    center, acquirer, desk = await world.intermediary(), await world.acquirer(), await world.agency()
    found = await listed(world, center)
    brief = (await acquirer.post("/v1/briefs", brief_for(desk))).json()
    path, body = f"/v1/briefs/{brief['id']}/introductions", {"teaser_ref": found.ref.hex}
    answers = await asyncio.gather(*(desk.post(path, body) for _n in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    sent = await world.seed("SELECT id FROM ops.outbox WHERE payload->'to'->>'organisation' = $1",
                            str(center.organisation_id))
    assert len(sent) == 1


async def test_an_acquirer_cannot_ask_the_desks_questions_or_those_about_others(world):
    center, acquirer, desk, brief, one = await proposed(world)
    rival = await world.acquirer()
    theirs = (await rival.post("/v1/briefs", brief_for(desk))).json()
    for path in (f"/v1/briefs/{brief['id']}/candidates", f"/v1/briefs/{theirs['id']}/candidates"):
        assert (await rival.get(path)).status_code == 403
    for unseen in (brief["id"], uuid4()):
        assert (await rival.get(f"/v1/briefs/{unseen}")).json()["code"] == "not_found"
    assert brief["id"] not in (await rival.get("/v1/briefs")).text
    await center.post(f"{one}/acceptance")
    for path in (one, f"/v1/introductions?brief_id={brief['id']}"):
        answer = await rival.get(path)
        assert answer.status_code == 404 or answer.json()["items"] == []
