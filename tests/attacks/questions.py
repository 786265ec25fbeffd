"""Can a question be put so that its answer depends on more than the published rows?

A4: a range moved in small steps. A5: a filter finer than what a teaser shows. A7: counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from attacks.harness import Door, Finding, Refused, altered, attack
from attacks.scene import Scene
from succession.codes import ANY, ATTRIBUTES, BANDS, LEVELS, SCHEMES, leaves
from succession.codes.attributes import YEN_PER_MILLION
from succession.market.search import FILTERS, allowed

EVERYTHING = ("q", "match", "sort", "limit", "cursor", "facets", "acting_for", *FILTERS)


# --- A4 -------------------------------------------------------------------------------------------------------------

#: What somebody would try who has not read the documentation; what the documentation names comes on top.
GUESSED = ("revenue_min", "revenue_max", "min_revenue", "revenue_gte", "revenue_min_yen", "revenue_max_yen", "revenue",
           "revenue_yen",
           "employees_min", "employees_max", "employees", "founded_min", "founded_after", "founded_year_max",
           "margin_min", "margin_max",
           "price_min", "price_max", "price_yen", "asking_price_max_yen", "ebitda_min_yen", "age_max")  # fmt: skip


@attack("A4", "move a range in 1 % steps around band edges and around true figures", actors="buyer, anonymous",
        bound="the result changes at published band edges only; refusals tell nothing", routes=("GET /v1/teasers",))
async def bisection(scene: Scene, door: Door) -> Finding:
    found, answered, refused = [], 0, 0
    known = [name for name in await _parameters(scene, door) if name not in EVERYTHING]
    for parameter in dict.fromkeys((*known, *GUESSED)):
        field = next((name for name in BANDS if name in parameter), "revenue")
        for unit in (1, YEN_PER_MILLION) if field in ("revenue", "price") else (1,):
            edges = [edge * unit for edge in BANDS[field][1]]
            last, refusals = None, set()
            for value in scene.some(_steps(scene, field, unit), 99 if parameter in known else 7):
                answer = await door.ask("buyer-a", "/v1/teasers", params={parameter: str(value), "limit": 100})
                if answer.status_code != 200:
                    refused += 1
                    refusals.add((answer.status_code, answer.text))
                    continue
                answered += 1
                told = _result(answer.json())
                if last and last[1] != told and not any(last[0] <= edge <= value for edge in edges):
                    found.append(f"{parameter}: the result differs between {last[0]} and {value}, where no band ends")
                last = value, told
            if len(refusals) > 1:
                found.append(f"{parameter}: {len(refusals)} different refusals of numbers")
        if door.enough(found):
            break
    assert answered or not known, "documented ranges answer at their edges, or this attack is blind"
    return Finding(f"{answered} ranges answered, {refused} refused, {len(found)} changes between edges", found)


async def _parameters(scene: Scene, door: Door) -> list[str]:
    document = await scene.openapi(door)
    return [each["name"] for each in document["paths"]["/v1/teasers"]["get"]["parameters"] if each["in"] == "query"]


def _steps(scene: Scene, field: str, unit: int) -> list[int]:
    """Values in rising order: every edge and what lies a little beside it, and the neighbourhood of true figures."""
    values = {0, -1, 10**18}
    for edge in (edge * unit for edge in BANDS[field][1]):
        values |= {edge - 1, edge, edge + 1,
                   *(round(edge * (1 + percent / 100)) for percent in scene.some((-1, 1, -2, 2, -3, 3), 2))}
    if field in ("revenue", "employees", "founded"):
        for truth in list(scene.seen_by("buyer-a").values())[: 8 if scene.full else 1]:
            figure = {"revenue": truth.revenue_yen, "employees": truth.employees, "founded": truth.founded}[field]
            values |= {figure - 1, figure, figure + 1, round(figure * 1.01)}
    return sorted(values)


def _result(body: dict[str, Any]) -> tuple[Any, ...]:
    return (sorted(item["ref"] for item in body["items"]), body["total_certain"], body["total_possible"],
            str(body["facets"]))


def without(request: Any, name: str) -> Any:
    """The same request without one parameter."""
    return type(request)(request.method, request.url.copy_remove_param(name), headers=request.headers)


def _narrowed(body: dict[str, Any], keep: Any) -> dict[str, Any]:
    items = [item for item in body["items"] if keep(item["ref"])]
    return body | {"items": items, "total_certain": len(items)}


@bisection.leaky
async def a_minimum_that_filters_on_the_true_revenue(scene: Scene, request: Any, send: Any) -> Any:
    value = request.url.params.get("revenue_min_yen")
    if value is None:
        return await send(request)
    answer = await send(without(request, "revenue_min_yen"))
    body = _narrowed(answer.json(), lambda ref: ref not in scene.truth or scene.truth[ref].revenue_yen >= int(value))
    return altered(answer, body)


@bisection.leaky
async def a_documented_range_that_accepts_any_bound(scene: Scene, request: Any, send: Any) -> Any:
    answer, value = await send(request), request.url.params.get("employees_min",
                                                                request.url.params.get("employees_from"))
    if value is None or answer.status_code == 200:
        return answer
    plain = without(without(request, "employees_min"), "employees_from")
    answer = await send(plain)
    return altered(answer, _narrowed(answer.json(), lambda ref: ref not in scene.truth
                                     or scene.truth[ref].employees >= int(value)))


@bisection.leaky
async def a_refusal_that_says_how_many_lie_above(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if answer.status_code == 422 and (value := request.url.params.get("revenue_max", "")).isdigit():
        more = sum(truth.revenue_yen > int(value) for truth in scene.truth.values())
        return altered(answer, answer.json() | {"detail": f"{more} teasers lie above this."})
    return answer


# --- A5 -------------------------------------------------------------------------------------------------------------


@attack("A5", "filter by every code of every level, by municipality and by 4-digit industry, also in words",
        actors="buyer, rival",
        bound="a teaser is found under exactly the codes it shows", routes=("GET /v1/teasers",))
async def finer_filters(scene: Scene, door: Door) -> Finding:
    found, asked = [], 0
    for who in ("buyer-a", "bank"):
        shown = await door.teasers(who)
        for attribute, code, match, params in (*_filters(who, ("place",)),
                                               *scene.some(_filters(who, ATTRIBUTES[1:]), 50)):
            asked += 1
            answer = {item["ref"] for item in await door.teasers(who, **params)}
            expected = {item["ref"] for item in shown
                        if (certain if match == "certain" else possible)(item, {attribute: code})}
            found += [f"{params}: {ref} {'appears' if ref in answer else 'is missing'}" for ref in answer ^ expected]
            if door.enough(found):
                return Finding(f"{asked} filters", found)
    for truth in list(scene.seen_by("buyer-a").values())[:8]:
        for name, value in (("place", truth.municipality), ("municipality", truth.municipality),
                            ("industry", f"{truth.jsic:0<4}"),
                            ("industry", truth.jsic[:3]), ("place", ANY), ("industry", ANY),
                            ("prefecture", truth.place)):
            asked += 1
            answer = await door.ask("buyer-a", "/v1/teasers", params={name: value})
            if answer.status_code != 422:
                found.append(f"{name}={value} is answered with {answer.status_code}")
    return Finding(f"{asked} filters; teasers under a finer or a wrong value: {len(found)}", found)


def _filters(who: str, attributes: Sequence[str]) -> Iterator[tuple[str, str, str, dict[str, str]]]:
    """(attribute, code, match, parameters)."""
    for attribute in attributes:
        for code in allowed(attribute)[:: 1 if who == "buyer-a" else 5]:
            yield attribute, code, "certain", {attribute: code}
            if who == "buyer-a":
                yield attribute, code, "possible", {attribute: code, "match": "possible"}
    if "place" in attributes:
        for code in LEVELS["place"][0][:: 3 if who == "buyer-a" else 9]:
            yield "place", code, "certain", {"q": SCHEMES["place"].codes[code].ja}


def certain(item: Mapping[str, Any], filters: Mapping[str, str]) -> bool:
    """Whether what a teaser shows lies inside every filter."""
    return all(_passes(item, name, code) for name, code in filters.items())


def _passes(item: Mapping[str, Any], name: str, code: str) -> bool:
    if name in ATTRIBUTES:
        return item[name] in SCHEMES[name].codes and leaves(name, item[name]) <= leaves(name, code)
    return code in item["schemes"] if name == "scheme" else code in item["phrases"] if name == "phrase" else item[name] == code


def possible(item: Mapping[str, Any], filters: Mapping[str, str]) -> bool:
    """Whether it overlaps every filter on figures, lies inside the others, and is not certain."""
    figures = {name: code for name, code in filters.items() if name in ATTRIBUTES}
    overlaps = all(leaves(name, item[name]) & leaves(name, code) for name, code in figures.items())
    others = all(_passes(item, name, code) for name, code in filters.items() if name not in figures)
    return bool(figures) and overlaps and others and not certain(item, filters)


@finer_filters.leaky
async def found_under_its_true_prefecture(scene: Scene, request: Any, send: Any) -> Any:
    """A region's teaser is found when one asks for the prefecture it is in."""
    answer, code = await send(request), request.url.params.get("place", "")
    if answer.status_code != 200 or not code.startswith("JP-") or request.url.params.get("match") == "possible":
        return answer
    body = answer.json()
    here = [truth.ref for truth in scene.seen_by("buyer-a").values() if truth.place == code]
    shown = {item["ref"] for item in body["items"]}
    return altered(answer, body | {"items": body["items"] + [{"ref": ref} for ref in here if ref not in shown]})


@finer_filters.leaky
async def missing_under_a_prefecture_it_is_not_in(scene: Scene, request: Any, send: Any) -> Any:
    """Among the possible matches only those are listed that are really there."""
    answer, code = await send(request), request.url.params.get("place", "")
    if answer.status_code != 200 or not code.startswith("JP-") or request.url.params.get("match") != "possible":
        return answer
    return altered(answer, _narrowed(answer.json(), lambda ref: ref not in scene.truth
                                     or scene.truth[ref].place == code))


# --- A7 -------------------------------------------------------------------------------------------------------------


@attack("A7", "read the counts of every search with one filter and of many with two, also with limit=0",
        actors="buyer, anonymous, rival",
        bound="every count is what counting the teasers shown anyway gives", routes=("GET /v1/teasers",))
async def facet_counts(scene: Scene, door: Door) -> Finding:
    found, asked, counts, rng = [], 0, 0, Random(7)
    one = [{name: code} for name in FILTERS for code in allowed(name)]
    two = [rng.choice(one) | rng.choice(one) for _n in range(80)]
    for who, questions in (("buyer-a", [{}, *scene.some(one, 70), *scene.some(two, 30)]),
                           ("anonymous", [{}, *one[:60:6]]),
                           ("bank", [{}, *one[::40], *two[:5]])):
        shown = await door.teasers(who)
        for question in questions:
            asked += 1
            answer = await door.ask(who, "/v1/teasers", params=question | {"limit": rng.choice((0, 0, 100))})
            if answer.status_code != 200:
                raise Refused(answer)
            body = answer.json()
            counts += sum(map(len, body["facets"].values()))
            found += [f"{who} {question}: {wrong}" for wrong in _wrong_counts(body, shown, question)]
            if door.enough(found):
                return Finding(f"{asked} searches", found)
    return Finding(f"{counts} counts in {asked} searches, {len(found)} that the teasers do not give", found)


def _wrong_counts(body: dict[str, Any], shown: list[dict[str, Any]], question: dict[str, str]) -> Iterator[str]:
    totals = {"total_certain": sum(certain(item, question) for item in shown),
              "total_possible": sum(possible(item, question) for item in shown)}
    for name, expected in totals.items():
        if body[name] != expected:
            yield f"{name} {body[name]}, shown {expected}"
    for field, values in body["facets"].items():
        others = {name: code for name, code in question.items() if name != field}
        left = [item for item in shown if certain(item, others)]
        for value in values:
            expected = sum(certain(item, {field: value["code"]}) for item in left)
            if value["count"] != expected:
                yield f"{field}={value['code']} counts {value['count']}, shown {expected}"


@facet_counts.leaky
async def a_facet_by_true_prefecture(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    body = answer.json()
    here = [truth for truth in scene.seen_by("buyer-a").values()]
    for value in body.get("facets", {}).get("place", ()):
        if value["code"].startswith("JP-"):
            value["count"] = sum(truth.place == value["code"] for truth in here)
    return altered(answer, body)


@facet_counts.leaky
async def a_total_that_counts_other_audiences(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    body = answer.json()
    return altered(answer, body | {"total_certain": len(scene.truth)} if not request.url.params.get("place") else body)
