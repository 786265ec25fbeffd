"""In which order do people read the published codes of a field?

Orders know published codes only. Every one ascends, so that a single row comparison continues it (0005 and 0029 keep an
index for each); what is not disclosed comes last whichever way one sorts.
"""

from __future__ import annotations

from collections.abc import Iterable

from succession.codes import ANY, LEVELS, SCHEMES, leaves

UNDISCLOSED = 99  # 99 % 99 = 0, below every other rank: that is how it stays last when an order is turned round


def _ranks_of_levels(attribute: str) -> dict[str, int]:
    """From 1, by where a code begins among the finest ones, then by where it ends: 1, 1-2, 2, 3, 3-4, 4."""
    position = {code: place for place, code in enumerate(LEVELS[attribute][0])}
    spans = {
        code: (min(map(position.get, leaves(attribute, code))), max(map(position.get, leaves(attribute, code))))
        for code in SCHEMES[attribute].codes
        if code != ANY
    }
    return {code: rank for rank, code in enumerate(sorted(spans, key=spans.__getitem__), 1)} | {ANY: UNDISCLOSED}


PLACE_RANK = _ranks_of_levels("place")
REVENUE_RANK = _ranks_of_levels("revenue")
PRICE_RANK = {code: rank for rank, code in enumerate(SCHEMES["price"].codes, 1)} | {"negotiable": UNDISCLOSED}

#: Name of an order -> the column of market.teaser it sorts by; shuffle and ref follow in every one.
SORTS: dict[str, str] = {
    "newest": "t.newest",
    "oldest": "t.batch",
    "place": "t.place_rank",
    "-place": "t.place_down",
    "revenue": "t.revenue_rank",
    "-revenue": "t.revenue_down",
    "price": "t.price_rank",
    "-price": "t.price_down",
}

RELEVANCE = "relevance"
_MOST_BATCHES = 100_000_000


def relevance(asked: Iterable[tuple[str, str]]) -> str:
    """More of the asked codes first, then the newest. `asked`: (a set column of market.teaser, placeholder of codes)."""
    shown = " + ".join(f"cardinality(ARRAY(SELECT unnest(t.{column}) INTERSECT SELECT unnest({codes})))" for column, codes in asked)
    return f"(-({_MOST_BATCHES} * ({shown}) + t.batch))"
