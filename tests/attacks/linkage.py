"""Which companies can stand behind a teaser, for somebody who holds the registry and knows the algorithm?

A1, A2: linkage. A19: two versions of one company's teaser. A20: one language against another. A22: numbers in words.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain
from typing import Any

import numpy as np

from attacks.harness import Door, Finding, altered, attack, items_in, on_each_teaser
from attacks.scene import Scene, Truth
from succession.anonymity.margins import LEGAL_FORMS
from succession.anonymity.nodes import key_numbers, key_of, leaf_numbers
from succession.anonymity.teaser import CanonicalTeaser, Cell, foreign_money, render
from succession.anonymity.vocabulary import vocabulary
from succession.codes import ANY, ATTRIBUTES, LEVELS, SCHEMES, label, leaves
from succession.codes.attributes import ancestors, employees_band, founded_band, margin_band, revenue_band
from succession.listings.profile import COMPANY_ONLY_SCHEMES, SOLE_PROPRIETOR
from succession.market.queries import CURRENCIES

READERS = ("anonymous", "buyer-a", "bank", "desk")
Key = tuple[str, ...]


def key_of_teaser(teaser: dict[str, Any]) -> Key:
    return tuple(teaser[name] for name in ATTRIBUTES)


async def everything_shown(door: Door, **headers: str) -> list[dict[str, Any]]:
    """Each teaser as each reader finds it in a list; what differs between readers is there several times."""
    found: dict[str, dict[str, Any]] = {}
    for who in READERS:
        for teaser in await door.teasers(who, **headers):
            found[repr(teaser)] = teaser
    return list(found.values())


def candidates(scene: Scene, key: Key) -> np.ndarray:
    """Which rows of the registry fit every code shown. LookupError for a code that no level has."""
    members, _cells = scene.registry
    if "leaf_rows" not in scene.kept:
        scene.kept["leaf_rows"] = leaf_numbers(scene.population, members)
    rows = scene.kept["leaf_rows"]
    fits = np.ones(len(members), dtype=bool)
    for column, (name, code) in enumerate(zip(ATTRIBUTES, key, strict=True)):
        fits &= np.isin(rows[:, column], [LEVELS[name][0].index(leaf) for leaf in leaves(name, code)])
    return fits


def finest_key(truth: Truth) -> Key:
    """What a teaser would say if it coarsened nothing."""
    return (truth.place, truth.jsic[:2], founded_band(truth.founded), employees_band(truth.employees),
            revenue_band(truth.revenue_yen), margin_band(round(truth.margin * truth.revenue_yen), truth.revenue_yen))


def show(teaser: dict[str, Any], key: Key) -> None:
    teaser.update(zip(ATTRIBUTES, key, strict=True))


# --- A1 -------------------------------------------------------------------------------------------------------------


@attack("A1", "match every field of each teaser with the registry", actors=", ".join(READERS),
        bound="at least k companies fit each", routes=("GET /v1/teasers", "GET /v1/teasers/{ref}"))
async def registry_linkage(scene: Scene, door: Door) -> Finding:
    teasers = await everything_shown(door)
    one = await door.ask("buyer-a", f"/v1/teasers/{next(iter(scene.seen_by('buyer-a')))}")
    teasers.append(one.json())
    found, fewest, hits, known = [], len(scene.population), 0, 0
    members, _cells = scene.registry
    for (key, by_shares), refs in _by_what_it_says(teasers).items():
        try:
            fits = candidates(scene, key) & (with_shares(scene) if by_shares else True)
        except KeyError as unknown:
            found.append(f"a code of no level: {unknown}")
            continue
        count = int(fits.sum())
        fewest = min(fewest, count)
        if count < scene.codebook.k:
            found.append(f"{count} companies fit {'/'.join(key)}")
        behind = [scene.truth[ref].member for ref in refs if ref in scene.truth and scene.truth[ref].member is not None]
        known, hits = known + len(behind), hits + int(np.isin(behind, members[fits]).sum())
    assert found or (hits == known and known > 50), "the registry is the one the companies are in, or this attack is blind"
    return Finding(f"{len(teasers)} teasers; fewest candidates {fewest}, k = {scene.codebook.k}", found)


def _by_what_it_says(teasers: list[dict[str, Any]]) -> dict[tuple[Key, bool], list[str]]:
    """(codes, whether it offers what only a company with shares can offer) -> references."""
    found: dict[tuple[Key, bool], list[str]] = {}
    for teaser in teasers:
        by_shares = bool(COMPANY_ONLY_SCHEMES & set(teaser["schemes"]))
        found.setdefault((key_of_teaser(teaser), by_shares), []).append(teaser["ref"])
    return found


def with_shares(scene: Scene) -> np.ndarray:
    """Which companies of the registry are no sole proprietors: a teaser that offers shares is of one of them."""
    members, _cells = scene.registry
    return scene.population.columns["legal_form"][members] != LEGAL_FORMS.index(SOLE_PROPRIETOR)


def true_prefecture_in_the_list(_scene: Scene, teaser: dict[str, Any], truth: Truth) -> None:
    teaser["place"] = truth.place


def four_digit_industry(_scene: Scene, teaser: dict[str, Any], truth: Truth) -> None:
    teaser["industry"] = truth.jsic


def nothing_coarsened(_scene: Scene, teaser: dict[str, Any], truth: Truth) -> None:
    show(teaser, finest_key(truth))


for _leak in (true_prefecture_in_the_list, four_digit_industry, nothing_coarsened):
    registry_linkage.leaky(on_each_teaser(_leak))


# --- A2 -------------------------------------------------------------------------------------------------------------


@attack("A2", "recompute the teaser of every company and keep those that would read the same",
        actors=", ".join(READERS),
        bound="at least k companies share each", routes=("GET /v1/teasers",))
async def preimage(scene: Scene, door: Door) -> Finding:
    # The attacker knows the algorithm: the codebook in force, or in a leaky fixture the one the leak works by.
    assign = getattr(door.leak, "assign",
                     lambda scene: [scene.codebook.cells[cell].key if cell >= 0 else None
                                    for cell in scene.registry[1].tolist()])
    keys, shares = assign(scene), with_shares(scene).tolist()
    count = {False: Counter(keys), True: Counter(key for key, has_shares in zip(keys, shares, strict=True)
                                                 if has_shares)}
    sizes = {said: count[said[1]][said[0]] or could_choose(count[said[1]], said[0])
             for said in _by_what_it_says(await everything_shown(door))}
    found = [f"{size} companies would show {'/'.join(key)}" for (key, _by_shares), size in sizes.items()
             if size < scene.codebook.k]
    alone = sum(size == 1 for size in sizes.values())
    return Finding(f"{len(sizes)} different teasers; smallest preimage {min(sizes.values())}, unique {alone}", found)


def could_choose(cells: Counter[Key | None], shown: Key) -> int:
    """Companies of every cell that may show these coarser codes instead of its own: what a label beside the cells hides among."""
    if any(code not in SCHEMES[name].codes for name, code in zip(ATTRIBUTES, shown, strict=True)):
        return 0
    return sum(size for key, size in cells.items() if key
               and all(code == own or code in ancestors(name, own) for name, own,
                       code in zip(ATTRIBUTES, key, shown, strict=True)))


def climbing(scene: Scene) -> list[Key | None]:
    """The tempting method: for each company the finest generalisation that k companies match, counted among all."""
    if "climbing" not in scene.kept:
        members, _cells = scene.registry
        rows = leaf_numbers(scene.population, members)
        keys: list[Key | None] = [None] * len(members)
        waiting = np.arange(len(members))
        for node in scene.codebook.header.nodes:
            numbers = key_numbers(node, rows)
            enough = np.bincount(numbers)[numbers[waiting]] >= scene.codebook.k
            for at in waiting[enough].tolist():
                keys[at] = key_of(node, int(numbers[at]))
            waiting = waiting[~enough]
        scene.kept["climbing"] = keys
    return scene.kept["climbing"]


def a_codebook_that_climbs_until_k(scene: Scene, teaser: dict[str, Any], truth: Truth) -> None:
    """Looks k-anonymous: k companies match each teaser. The algorithm gives them away."""
    members, _cells = scene.registry
    at = int(np.searchsorted(members, truth.member)) if truth.member is not None else 0
    show(teaser, climbing(scene)[at] or key_of_teaser(teaser))


_climbs = on_each_teaser(a_codebook_that_climbs_until_k)
_climbs.assign = climbing
preimage.leaky(_climbs)
preimage.leaky(on_each_teaser(nothing_coarsened))


# --- A19 ------------------------------------------------------------------------------------------------------------


@attack("A19", "compare the teasers of one company before and after edits and re-listing, in every channel and language",
        actors="buyer, desk", bound="the preimages of all versions share at least k companies; no word but the cell's",
        routes=("GET /v1/teasers", "GET /v1/teasers/{ref}", "GET /v1/briefs/{brief_id}/candidates",
                "DELETE /v1/listings/{listing_id}/publication",
                "PATCH /v1/listings/{listing_id}"))
async def version_differencing(scene: Scene, door: Door) -> Finding:
    center, desk = scene.caller("center"), scene.caller("desk")
    member = scene.member("A19")
    raw = scene.profile(member)
    listing_id = await scene.enter(center, raw)
    path, versions, refs = f"/v1/listings/{listing_id}", [], []
    employees = raw["business"]["employees"]
    for turn in range(3):
        ref = await scene.put_up(center, listing_id, "verified_buyers", "agency_desk")
        refs.append(ref)
        for teaser in await _every_channel(door, desk, ref):
            versions.append(key_of_teaser(teaser))
        edit = {"business": {"employees": employees, "outline": f"edited {turn}", "municipality": "別町"}}
        version = (await door.ask("center", path)).json()["version"]
        edited = await door.ask("center", path, "PATCH", json=edit, headers={"If-Match": f'"{version}"'})
        assert edited.status_code == 200, edited.text
        assert (await door.ask("buyer-a", f"/v1/teasers/{ref}")).status_code == 200
        assert (await door.ask("center", f"{path}/publication", "DELETE")).status_code == 204
        if (await door.ask("buyer-a", f"/v1/teasers/{ref}")).status_code != 404:
            return Finding("a teaser that was taken down is still shown", [ref])
        assert (await door.ask("center", f"{path}/suspension", "DELETE")).status_code == 200
    members, cells = scene.registry
    shared = np.ones(len(members), dtype=bool)
    for key in set(versions):
        cell = scene.codebook.cell_at(key) if all(code in SCHEMES[n].codes for n,
                                                  code in zip(ATTRIBUTES, key, strict=True)) else None
        shared &= cells == cell.cell if cell else False
    left = int(shared.sum())
    found = [] if left >= scene.codebook.k else [f"{left} companies are in all {len(set(versions))} versions"]
    found += [f"{a} and {b} begin alike" for a, b in zip(refs, refs[1:], strict=False) if a[:6] == b[:6]]
    return Finding(f"3 listings of one company, {len(versions)} readings: {left} companies in all preimages", found)


async def _every_channel(door: Door, desk: Any, ref: str) -> list[dict[str, Any]]:
    """The teaser as a list, a page of its own and a desk's candidates show it, in two languages."""
    seen = []
    for language in ("ja", "en"):
        headers = {"Accept-Language": language}
        one = (await door.ask("buyer-a", f"/v1/teasers/{ref}", headers=headers)).json()
        listed = await door.ask("buyer-a", "/v1/teasers", params={"limit": 100, "industry": one["industry"]}
                                if one["industry"] != ANY
                                else {"limit": 100}, headers=headers)
        brief = await door.ask("buyer-a", "/v1/briefs", "POST", json={
            "desk_id": str(desk.organisation_id), "wishes": {"schemes": ["share_transfer"]}, "purpose": "technology",
            "languages": ["en"]})
        offered = await door.ask("desk", f"/v1/briefs/{brief.json()['id']}/candidates", params={"limit": 100},
                                 headers=headers)
        seen += [one, *(each for answer in (listed, offered) for each in items_in(answer) if each["ref"] == ref)]
    assert len(seen) >= 2
    return seen


@version_differencing.leaky
async def the_second_version_in_a_codebook_of_its_own(scene: Scene, request: Any, send: Any) -> Any:
    """Every company re-listed is shown by the climbing codebook: both codebooks hold k, together they do not."""
    answer = await send(request)
    if not items_in(answer):
        return answer
    body, relisted = answer.json(), {truth.ref for truth in scene.truth.values() if truth.member is None}
    if isinstance(body, dict) and body.get("ref") in relisted:
        seen = scene.memory.setdefault("seen", [])
        if body["ref"] not in seen:
            seen.append(body["ref"])
        if len(seen) > 1:
            own, shown = finest_key(scene.truth[body["ref"]]), key_of_teaser(body)
            show(body, own if own != shown else (*shown[:-1], ANY if shown[-1] != ANY else "loss"))
    return altered(answer, body)


# --- A20 ------------------------------------------------------------------------------------------------------------

LANGUAGES = {"ja": "ja", "en": "en", "en-GB,en;q=0.5": "en", "ja-JP": "ja"}


@attack("A20", "compare what a teaser says in each language with what its codes alone would say",
        actors=", ".join(READERS),
        bound="every word is rendered from the codes that every language shows",
        routes=("GET /v1/teasers", "GET /v1/teasers/{ref}"))
async def language_differencing(scene: Scene, door: Door) -> Finding:
    codes: dict[str, set[str]] = {}
    found, compared = [], 0
    for accepted, locale in LANGUAGES.items():
        for who in READERS:
            client = door.of(who)
            client.headers["Accept-Language"] = accepted
            teasers = await door.teasers(who)
            first = (await client.get(f"/v1/teasers/{teasers[0]['ref']}")).json()
            client.headers["Accept-Language"] = "en"
            for teaser in (*teasers, first):
                compared += 1
                if teaser.pop("prose", None) and teaser is not first:
                    found.append(f"{teaser['ref']}: a list shows the text of a teaser's own page")
                if teaser.pop("matched", None):
                    found.append(f"{teaser['ref']}: words are marked that nobody searched for")
                bare = {name: teaser[name] for name in _CODED}
                codes.setdefault(teaser["ref"], set()).add(repr(bare))
                if door.enough(found):
                    break
                if (said := {name: value for name, value in teaser.items()
                             if name not in bare}) != said_by(bare, locale):
                    found.append(f"{locale}: {said['title']} says more than its codes: {said}")
    found += [f"{ref} has {len(each)} sets of codes" for ref, each in codes.items() if len(each) > 1]
    return Finding(f"{compared} readings of {len(codes)} teasers in {len(LANGUAGES)} languages", found)


_CODED = ("ref", *ATTRIBUTES, "fiscal_year", "price", "schemes", "timing", "phrases")


def said_by(codes: dict[str, Any], locale: str) -> dict[str, Any]:
    """Everything a teaser may say beside its codes, worked out from them here."""
    sheet = render(CanonicalTeaser(
        cell=Cell(**{name: codes[name] for name in ATTRIBUTES}), codebook_version="", population_version="",
        vocabulary_version=vocabulary().version, fiscal_year=codes["fiscal_year"], price=codes["price"],
        schemes=tuple(codes["schemes"]), timing=codes["timing"], phrases=tuple(codes["phrases"])), locale)
    facts = [{"attribute": fact.attribute, "label": fact.label, "value": fact.value} for fact in sheet.facts]
    money = {name: {kind: foreign_money(kind, codes[kind], name, locale) for kind in ("revenue", "price")}
             for name in CURRENCIES}
    return {"title": sheet.title, "summary": list(sheet.summary), "facts": facts, "foreign_money": money}


def english_that_names_the_prefecture(_scene: Scene, teaser: dict[str, Any], truth: Truth) -> None:
    if teaser["title"].isascii():
        teaser["summary"][0] = f"{teaser['summary'][0]} ({label('prefecture', truth.place, 'en')})"


def one_reader_sees_a_finer_band(_scene: Scene, teaser: dict[str, Any], truth: Truth) -> None:
    if not teaser["title"].isascii():
        teaser["founded"] = founded_band(truth.founded)


for _leak in (english_that_names_the_prefecture, one_reader_sees_a_finer_band):
    language_differencing.leaky(on_each_teaser(_leak))


# --- A22 ------------------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"[0-9０-９]+(?:[.,．，][0-9０-９]+)*|[〇一二三四五六七八九十百千]+(?=[年人名社店台])")
_SUPERLATIVE = re.compile(r"唯一|日本初|世界初|業界初|最大|最古|最高|老舗|屈指|元祖|the only|the first|the largest|the oldest|\bsole\b|award",
                          re.I)


@attack("A22", "read numbers, years, decimals and superlatives in words", actors=", ".join(READERS),
        bound="no number but the bands' own", routes=("GET /v1/teasers",))
async def numbers_in_words(_scene: Scene, door: Door) -> Finding:
    found, read = [], 0
    for locale in ("ja", "en"):
        allowed = _numbers_of_codes(locale)
        for who in READERS:
            client = door.of(who)
            client.headers["Accept-Language"] = locale
            for teaser in await door.teasers(who):
                for text in words_in({name: value for name, value in teaser.items() if name not in _CODED}):
                    read += 1
                    year = teaser["fiscal_year"].removeprefix("FY")
                    strange = {n for n in _NUMBER.findall(text) if n not in allowed and n != year}
                    if door.enough(found):
                        break
                    if strange or _SUPERLATIVE.search(_without_phrases(text, teaser, locale)):
                        found.append(f"{sorted(strange) or 'superlative'} in {text!r}")
            client.headers["Accept-Language"] = "en"
    return Finding(f"{read} pieces of text, {len(found)} with a number or superlative of their own", found)


def words_in(body: Any) -> list[str]:
    """Every string in a JSON body."""
    if isinstance(body, str):
        return [body]
    values = body.values() if isinstance(body, dict) else body if isinstance(body, list) else ()
    return list(chain.from_iterable(map(words_in, values)))


def _numbers_of_codes(locale: str) -> set[str]:
    """Every number that the names of published codes hold, in yen and in other currencies."""
    shown = [label(name, code, locale) for name in (*ATTRIBUTES, "price", "scheme", "timing")
             for code in SCHEMES[name].codes]
    shown += [foreign_money(kind, code, money, locale) or "" for kind in ("revenue", "price")
              for code in SCHEMES[kind].codes
              for money in CURRENCIES]
    return {number for text in shown for number in _NUMBER.findall(text)}


def _without_phrases(text: str, teaser: dict[str, Any], locale: str) -> str:
    for code in teaser["phrases"]:
        text = text.replace(vocabulary().label(code, locale), "")
    return text


def the_founding_year_in_the_summary(_scene: Scene, teaser: dict[str, Any], truth: Truth) -> None:
    teaser["summary"].append(f"創業{truth.founded}年。" if not teaser["title"].isascii()
                             else f"Founded in {truth.founded}.")


def a_round_number_of_people_in_kanji(_scene: Scene, teaser: dict[str, Any], truth: Truth) -> None:
    teaser["facts"][0]["value"] += "、社員二十四名"


def a_superlative(_scene: Scene, teaser: dict[str, Any], _truth: Truth) -> None:
    teaser["title"] += " (the oldest of its kind)"


for _leak in (the_founding_year_in_the_summary, a_round_number_of_people_in_kanji, a_superlative):
    numbers_in_words.leaky(on_each_teaser(_leak))
