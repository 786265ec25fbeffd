"""In which order are generalisations tried, and how is a company's generalised key written?

A *node* is one level per attribute (0 = finest); a *key* is one code per attribute. A code belongs to one level of its
attribute, so a key tells its node.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np

from succession.anonymity.population import Population
from succession.codes import ATTRIBUTES, BANDS, LEVELS, ancestors, read_table, table_of
from succession.codes.attributes import YEN_PER_MILLION

Node = tuple[int, ...]
Key = tuple[str, ...]
#: (attribute, weight in tenths, loss per level in per cent) in the order of ATTRIBUTES; whole, so sums are exact.
Losses = tuple[tuple[str, int, tuple[int, ...]], ...]

#: What a search begins with, and a sheet without any of it says too little to go on.
JUDGED_BY = ("place", "industry", "revenue")

LOSS_TABLE = "db/reference/buyer_loss.tsv"

FINEST_INDUSTRY_LEVEL = {"major_group": 0, "division": 1}


def encode_key(key: Key) -> str:
    """The one written form of a key: its codes in the order of ATTRIBUTES, joined by '|' (no code contains one)."""
    return "|".join(key)


@cache
def buyer_losses() -> Losses:
    """The table in the house, for whoever brings none of their own."""
    return losses_of(read_table(LOSS_TABLE))


def losses_of(rows: Iterable[Mapping[str, str]]) -> Losses:
    """From rows of a table like buyer_loss.tsv; ValueError saying what is missing, or not a loss.

    Every attribute once, with a loss per level that does not fall from finer to coarser and ends at 100.
    """
    found: dict[str, tuple[str, int, tuple[int, ...]]] = {}
    for row in rows:
        if set(row) != {"attribute", "weight_tenths", "loss_percent"}:
            raise ValueError("the columns are attribute, weight_tenths and loss_percent")
        name = row["attribute"]
        weight, losses = int(row["weight_tenths"]), tuple(int(loss) for loss in row["loss_percent"].split())
        if name not in ATTRIBUTES or name in found:
            raise ValueError(f"{name} is no attribute, or there twice")
        if weight < 0 or len(losses) != len(LEVELS[name]) or list(losses) != sorted(losses):
            raise ValueError(f"{name}: a weight from 0 and {len(LEVELS[name])} rising losses are needed")
        if losses[0] < 0 or losses[-1] != 100:
            raise ValueError(f"{name}: losses run from 0 at most to 100")
        found[name] = (name, weight, losses)
    if set(found) != set(ATTRIBUTES):
        raise ValueError(f"no losses for {', '.join(name for name in ATTRIBUTES if name not in found)}")
    return tuple(found[name] for name in ATTRIBUTES)


def read_losses(path: Path) -> Losses:
    """Losses from a file like buyer_loss.tsv; ValueError as `losses_of`, OSError when it cannot be read."""
    return losses_of(table_of(path.read_text(encoding="utf-8"), path.name))


def losses_as_text(losses: Losses, about: str) -> str:
    """The file that `read_losses` reads back; `about` is its head, on one line."""
    rows = (f"{name}\t{weight}\t{' '.join(map(str, each))}\n" for name, weight, each in losses)
    return f"# {about}\nattribute\tweight_tenths\tloss_percent\n{''.join(rows)}"


def attribute_aside(losses: Losses) -> int:
    """Column of the attribute a buyer misses least, of those he does not judge a company by: it is told where that
    costs nothing else (peeling.py)."""
    columns = [column for column, (name, _, _) in enumerate(losses) if name not in JUDGED_BY]
    return min(columns, key=lambda column: losses[column][1])


def ordered_nodes(finest_industry: str, losses: Losses | None = None) -> tuple[Node, ...]:
    """Every node whose industry is no finer than allowed: those that show what a buyer judges a company by come first,
    then by total buyer loss (`losses`, by default those of the house), ties by level vector. The attribute aside does
    not count there: nodes that differ in it alone follow each other, the finest first."""
    chosen = losses or buyer_losses()
    aside, finest = attribute_aside(chosen), FINEST_INDUSTRY_LEVEL[finest_industry]
    place, industry, revenue = (ATTRIBUTES.index(name) for name in JUDGED_BY)

    def together(node: Node) -> bool:
        """Region or finer, the finest industry allowed, and a revenue band."""
        return node[place] <= 1 and node[industry] == finest and node[revenue] == 0

    def place_in_order(node: Node) -> tuple:
        whole = without(node, aside)
        loss = sum(weight * each[level] for (_, weight, each), level in zip(chosen, whole, strict=True))
        return not together(whole), loss, whole, node

    nodes = product(*(range(len(LEVELS[name])) for name in ATTRIBUTES))
    return tuple(sorted((node for node in nodes if node[industry] >= finest), key=place_in_order))


def without(node: Node, column: int) -> Node:
    """The node that says nothing of one attribute, and the same of all others."""
    return (*node[:column], len(LEVELS[ATTRIBUTES[column]]) - 1, *node[column + 1 :])


def leaf_numbers(population: Population, members: np.ndarray) -> np.ndarray:
    """(companies, 6): each attribute's finest code as its position in LEVELS[attribute][0]."""
    column = {name: values[members] for name, values in population.columns.items()}
    edges = {name: np.array(BANDS[name][1]) for name in ("founded", "employees", "revenue", "margin")}
    return np.column_stack(
        (
            column["prefecture"].astype(np.int64) - 1,
            column["jsic2"].astype(np.int64) - 1,
            np.searchsorted(edges["founded"], column["founded"], side="right"),
            np.searchsorted(edges["employees"], column["employees"], side="right"),
            np.searchsorted(edges["revenue"] * YEN_PER_MILLION, column["revenue_yen"], side="right"),
            np.searchsorted(edges["margin"] / 100, column["operating_margin"], side="right"),
        )
    )


@cache
def climb(attribute: str) -> np.ndarray:
    """(levels, leaves): position of each leaf's ancestor among its level's codes."""
    levels = LEVELS[attribute]
    chains = [(leaf, *ancestors(attribute, leaf)) for leaf in levels[0]]
    return np.array([[codes.index(chain[level]) for chain in chains] for level, codes in enumerate(levels)])


def span(node: Node) -> int:
    """How many keys a node has."""
    return int(np.prod([len(LEVELS[name][level]) for name, level in zip(ATTRIBUTES, node, strict=True)]))


def key_numbers(node: Node, leaves: np.ndarray) -> np.ndarray:
    """Keys of the rows of `leaves` at a node as numbers 0..span-1: mixed radix, codes in the order of their tables."""
    numbers = np.zeros(len(leaves), dtype=np.int64)
    for column, (name, level) in enumerate(zip(ATTRIBUTES, node, strict=True)):
        numbers = numbers * len(LEVELS[name][level]) + climb(name)[level][leaves[:, column]]
    return numbers


def key_of(node: Node, number: int) -> Key:
    """The key behind a number of `key_numbers`."""
    parts = []
    for name, level in zip(reversed(ATTRIBUTES), reversed(node), strict=True):
        number, position = divmod(number, len(LEVELS[name][level]))
        parts.append(LEVELS[name][level][position])
    return tuple(reversed(parts))


def number_of(node: Node, key: Key) -> int:
    """The inverse of `key_of`; ValueError when the key is not one of the node's."""
    number = 0
    for name, level, code in zip(ATTRIBUTES, node, key, strict=True):
        number = number * len(LEVELS[name][level]) + LEVELS[name][level].index(code)
    return number
