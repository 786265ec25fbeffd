"""What do several trades named in one text mean together?

Any of them, unless one of them only says what is done with the others: "furniture wholesaler" is neither a maker of furniture
nor any wholesaler, "food logistics" no maker of food, and "metal parts maker" no other maker.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from functools import cache
from typing import NamedTuple

from succession.codes import LEVELS, leaves, read_table


class Link(Enum):
    """How a trade follows the one named before it."""

    TIGHT = "in one run of characters, by の, or as English words do"
    LOOSE = "after a space, in a script that needs none"
    OF = "after an English of or for"
    LISTED = "after a comma or an and, or further away"


class Trade(NamedTuple):
    codes: frozenset[str]
    link: Link


# What may be done for any trade, and with any goods, by whom is asked for then: the last word tells. A list of wishes is written
# with spaces too, so there only what hardly anybody would mean alone.
_FOR_ANY = frozenset("39 61 70 71 72 73 82 88 90 91 92".split())
_FOR_ANY_LOOSE = frozenset("61 70 88 90 91".split())
_FOR_GOODS = frozenset("44 47 48 transport".split())
_SHOP = frozenset("56 57 58 59 60".split())
# "Services" and "factory" beside a word for one trade say how it works: 介護サービス, クリーニング工場.
_SAYS_HOW = {Link.TIGHT: frozenset(("R", "services", "E", "manufacturing")), Link.LOOSE: frozenset(("R", "services"))}


def meant(trades: list[Trade]) -> frozenset[str]:
    """The codes that trades in the order of a text ask for."""
    kept = _without_modifiers(trades)
    if any(map(_sells, kept)) and not all(map(_sells, kept)):
        kept = _sold(kept)
    return finest("industry", (trade.codes for trade in kept))


def finest(attribute: str, terms: Iterable[frozenset[str]]) -> frozenset[str]:
    """All codes, less the terms that merely describe a narrower one: in "metal parts maker in Osaka, Kansai" the maker and Kansai are no
    second wish."""
    whole = {term: _reach(attribute, term) for term in terms}
    return frozenset().union(*(term for term, extent in whole.items() if not any(each < extent for each in whole.values())))


def _without_modifiers(trades: list[Trade]) -> list[Trade]:
    dropped = set()
    for n in range(1, len(trades)):
        before, after = trades[n - 1], trades[n]
        for one, other, at in ((before.codes, after.codes, n), (after.codes, before.codes, n - 1)):
            if other <= _SAYS_HOW.get(after.link, frozenset()) and all(map(str.isdigit, one)):
                dropped.add(at)
        if after.link is Link.OF and _heads(before.codes, after.codes, Link.TIGHT):
            dropped.add(n)
        elif _heads(after.codes, before.codes, after.link):
            dropped.add(n - 1)
        elif after.link is Link.LOOSE and _heads(before.codes, after.codes, after.link):
            dropped.add(n)
    return [trade for n, trade in enumerate(trades) if n not in dropped]


def _heads(head: frozenset[str], other: frozenset[str], link: Link) -> bool:
    """Whether one trade is what is done for the other."""
    if link not in (Link.TIGHT, Link.LOOSE) or _reach("industry", other) & _reach("industry", head):
        return False
    if head <= (_FOR_ANY if link is Link.TIGHT else _FOR_ANY_LOOSE):
        return True
    return head <= _FOR_GOODS and other <= _goods().keys()


def _sells(trade: Trade) -> bool:
    """Whether it is a word for wholesale or retail in general."""
    reached = _reach("industry", trade.codes)
    return len(reached) > 3 and reached <= leaves("industry", "commerce")


def _sold(trades: list[Trade]) -> list[Trade]:
    """Goods beside a word for selling are sold; a shop that sells none of them is where their maker works."""
    selling = frozenset().union(*(_reach("industry", trade.codes) for trade in trades if _sells(trade)))
    goods = [trade for trade in trades if not _sells(trade)]
    by_whom = [frozenset().union(*(_goods().get(code, frozenset()) for code in trade.codes)) & selling for trade in goods]
    sold = [trade._replace(codes=sellers or trade.codes) for trade, sellers in zip(goods, by_whom, strict=True)]
    return sold + [trade for trade in trades if _sells(trade) and not any(by_whom) and trade.codes != _SHOP]


@cache
def _goods() -> dict[str, frozenset[str]]:
    """Industry -> the trades that sell what it makes."""
    return {row["made"]: frozenset(filter(None, f"{row['wholesale']}|{row['retail']}".split("|"))) for row in read_table("db/reference/goods_trades.tsv")}


@cache
def _reach(attribute: str, codes: frozenset[str]) -> frozenset[str]:
    return frozenset().union(*(leaves(attribute, code) for code in codes)) & frozenset(LEVELS[attribute][0])
