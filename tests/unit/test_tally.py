"""Are a search's keys the teasers it asks for, no teaser twice, and does a tally count what rows count?"""

from itertools import combinations
from random import Random

import numpy as np
import pytest

from succession.codes import ATTRIBUTES, SCHEMES
from succession.market.search import FILTERS, OFF_CODEBOOK, allowed, read_search
from succession.market.settling import READERS, Market
from succession.market.tally import Keys, field_of, keys_of, shown, wholes


@pytest.mark.parametrize("field", ATTRIBUTES)
def test_keys_part_any_wish_into_teasers_counted_once(field):
    rng = Random(field)
    for _turn in range(60):
        codes = frozenset(read_search({field: rng.sample(allowed(field), rng.randrange(1, min(6, len(allowed(field)))))}, None).certain[field])
        parts = [wholes(field).get(key) or {key.partition("=")[2]} for key in keys_of(field, codes)]
        assert frozenset().union(*parts) == codes and sum(map(len, parts)) == len(codes)
        assert {field_of(key) for key in keys_of(field, codes)} == {field}


def test_a_published_code_is_one_key():
    assert keys_of("place", frozenset(read_search({"place": ["kanto"]}, None).certain["place"])) == ("place<kanto",)
    assert keys_of("price", frozenset({"10_50", "50_100"})) == ("price=10_50", "price=50_100")


def test_what_the_tally_cannot_answer_it_is_not_asked():
    assert Keys.of(read_search({"scheme": ["merger", "mbo"]}, None)) is None
    assert Keys.of(read_search({"place": ["kanto"], "price": ["10_50"], "timing": ["flexible"], "margin": [allowed("margin")[0]]}, None)) is None
    assert not Keys.of(read_search({"place": ["kanto"], "price": ["10_50"], "timing": ["flexible"]}, None)).complete


def _random_market(rng, teasers):
    """(rows of codes by field, audiences, the table settling.py reads them into)."""
    drawn = {name: rng.sample([code for code in SCHEMES[name].codes], min(9, len(SCHEMES[name].codes))) for name in ATTRIBUTES}
    drawn |= {name: list(allowed(name))[:7] for name in OFF_CODEBOOK}
    rows = [{name: rng.sample(codes, rng.randrange(1, 4) if name in ("scheme", "phrase") else 1) for name, codes in drawn.items()} for _each in range(teasers)]
    numbers = {(field, code): at for at, (field, code) in enumerate(((field, code) for field, codes in drawn.items() for code in codes), 1)}
    order = [*ATTRIBUTES, "price", "timing", "scheme", "phrase"]
    table = np.zeros((teasers, 14), np.uint16)
    for at, row in enumerate(rows):
        codes = [numbers[name, code] for name in order for code in row[name]]
        table[at, : len(codes)] = codes
    audiences = np.array([rng.randrange(1, 16) for _each in rows], np.uint8)
    return rows, audiences, Market(table, audiences, numbers, [], np.zeros(teasers, np.int32)), {number: each for each, number in numbers.items()}


def _having(row, key):
    field = field_of(key)
    return bool(set(row[field]) & set(wholes(field).get(key) or {key.partition("=")[2]}))


@pytest.mark.parametrize("seed", range(3))
def test_every_row_of_a_tally_is_what_counting_teasers_gives(seed):
    rng = Random(seed)
    rows, audiences, market, named = _random_market(rng, 60)
    told = {(reader, a, b): (n, packed) for reader, a, b, n, packed in market.rows()}
    keys = [shown(field, code) for field, codes in market.numbers.items() for code in codes] + [key for field in FILTERS for key in wholes(field)]
    pairs = [(a, b) for a, b in combinations(sorted(keys, key=lambda key: FILTERS.index(field_of(key))), 2) if field_of(a) != field_of(b)]
    for reader, sees in READERS.items():
        seen = [row for row, audience in zip(rows, audiences, strict=True) if audience & sees]
        for a, b in [("", ""), *((key, "") for key in keys), *rng.sample(pairs, 300)]:
            left = [row for row in seen if all(_having(row, key) for key in (a, b) if key)]
            n, packed = told.get((reader, a, b), (0, b""))
            assert n == len(left), (reader, a, b)
            size = len(packed) // 6
            counts = dict(zip(np.frombuffer(packed[: 2 * size], "<u2").tolist(), np.frombuffer(packed[2 * size :], "<u4").tolist(), strict=True))
            others = [name for name in FILTERS if name not in {field_of(key) for key in (a, b) if key}]
            expected = {(name, code): sum(code in row[name] for row in left) for name in others for code in market.numbers[name]}
            assert {named[number]: count for number, count in counts.items()} == {each: count for each, count in expected.items() if count}
