"""Searches people would type, what they mean by them, and how many of the first ten teasers are what they meant.

The market is made up once and for all: three teasers for every pair of an industry group and a prefecture, and coarser ones as
a codebook has them, each with phrases, schemes, price and timing by chance. Found are certain matches in the order of
relevance, as the server lists them. Of a search the figure is the share of its first ten teasers that show what was meant;
fewer than ten count over what was found, or over what could have been found if that is more, so that a search which is not
read, or read too narrowly, does not score by what it left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

from succession.anonymity.vocabulary import vocabulary
from succession.codes import ATTRIBUTES, LEVELS, SCHEMES, inside, read_table
from succession.market.search import read_search

LANGUAGES = ("ja", "en", "zh-Hans", "zh-Hant", "ko")
FIRST = 10
PAIRED, COARSER = 3, 1_000
_HERE = Path(__file__).parent / "search_queries"


class Judged(NamedTuple):
    language: str
    q: str
    expected: dict[str, frozenset[str]]


class Teaser(NamedTuple):
    shown: dict[str, frozenset[str]]  # parameter -> codes
    batch: int
    shuffle: int


def judged(part: str) -> list[Judged]:
    """`part`: dev, widened or held_out."""
    lines = (_HERE / f"{part}.tsv").read_text(encoding="utf-8").splitlines()
    head, *rows = (line.split("\t") for line in lines if not line.startswith("#"))
    assert head == ["language", "q", "expected"]
    return [Judged(language, q, {name: frozenset(codes.split("|")) for name, codes in (field.split("=") for field in expected.split())})
            for language, q, expected in rows]


@cache
def made_up_market() -> list[Teaser]:
    rng = Random(2024)
    phrases = [phrase.code for phrase in vocabulary().offered()]
    groups = [code for code in LEVELS["industry"][0] if code not in ("86", "93", "94", "96", "97", "98", "99")]
    cells = [(place, industry) for place in LEVELS["place"][0] for industry in groups for _each in range(PAIRED)]
    cells += [(rng.choice(list(SCHEMES["place"].codes)), rng.choice(list(SCHEMES["industry"].codes))) for _ in range(COARSER)]
    return [_teaser(rng, cell, phrases) for cell in cells]


def _teaser(rng: Random, cell: tuple[str, str], phrases: list[str]) -> Teaser:
    figures = {name: rng.choice(list(SCHEMES[name].codes)) for name in (*ATTRIBUTES[2:], "price", "timing")}
    schemes = ["share_transfer"] * (rng.random() < 0.5) or rng.sample(list(SCHEMES["scheme"].codes), 2)
    shown = {"place": [cell[0]], "industry": [cell[1]], "scheme": schemes, "phrase": rng.sample(phrases, 5)}
    shown |= {name: [code] for name, code in figures.items()}
    return Teaser({name: frozenset(codes) for name, codes in shown.items()}, rng.randrange(100), rng.randrange(10**9))


@cache
def _by_code() -> dict[tuple[str, str], set[int]]:
    """(parameter, code) -> numbers of the teasers that show it."""
    showing: dict[tuple[str, str], set[int]] = {}
    for number, teaser in enumerate(made_up_market()):
        for name, codes in teaser.shown.items():
            for code in codes:
                showing.setdefault((name, code), set()).add(number)
    return showing


def _showing(asked: Mapping[str, Collection[str]]) -> set[int]:
    """Numbers of the teasers that certainly show one of the codes of each field: a figure has to lie inside them."""
    of_fields = []
    for name, codes in asked.items():
        inner = inside(name, codes)[0] if name in ATTRIBUTES else codes
        of_fields.append(set().union(*(_by_code().get((name, code), ()) for code in inner)))
    return set.intersection(*of_fields)


def found(q: str) -> list[int]:
    """What a search text finds, in the order of relevance."""
    asked = read_search({}, q)
    if asked.empty or not asked.read_as:
        return []
    several = {code for name in ("phrase", "scheme") for codes in asked.others.get(name, ()) for code in codes}

    def order(number: int) -> tuple[int, int, int]:
        teaser = made_up_market()[number]
        return -len((teaser.shown["phrase"] | teaser.shown["scheme"]) & several), -teaser.batch, teaser.shuffle

    return sorted(_showing(asked.read_as), key=order)


def precision(each: Judged) -> float:
    meant, hits = _showing(each.expected), found(each.q)
    assert meant, each.q
    return sum(number in meant for number in hits[:FIRST]) / min(FIRST, max(len(hits), len(meant)))


class Figures(NamedTuple):
    language: str
    searches: int
    precision: float
    unread: list[str]


def by_language(part: str) -> list[Figures]:
    """Of each language, and at last of all together: searches, mean precision at ten, searches that were not read."""
    scored = [(each, precision(each), bool(read_search({}, each.q).unrecognised)) for each in judged(part)]
    figures = []
    for language in (*LANGUAGES, "all"):
        of = [row for row in scored if language in (row[0].language, "all")]
        figures.append(Figures(language, len(of), sum(score for _each, score, _unread in of) / len(of), [each.q for each, _score, unread in of if unread]))
    return figures


def codes_are_published() -> bool:
    allowed = {name: set(SCHEMES[name].codes) for name in (*ATTRIBUTES, "scheme", "timing", "price")}
    allowed["phrase"] = {row["code"] for row in read_table("db/reference/vocabulary.tsv")}
    return all(codes <= allowed[name] for part in ("dev", "widened", "held_out") for each in judged(part) for name, codes in each.expected.items())
