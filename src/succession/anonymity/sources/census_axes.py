"""Where does each label of a census table lie on its axis, and which rows lie within which?

A label is an interval of its axis (`written`), and the labels of one axis must nest: "A to R" holds "E" holds "09" holds
"091". Labels with the same interval are one node; a label without an interval ("not known") is a node of its own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from succession.anonymity.sources import written
from succession.anonymity.sources.headings import shown
from succession.anonymity.sources.source_file import ImportRefused
from succession.anonymity.sources.written import Span, plain
from succession.i18n import Message

ALL_PLACES: Span = (0, 48_000)
PREFECTURE_SPAN = 1_000
#: Last three digits of the codes of designated cities (and of Tokyo's wards together) -> the end of their wards' codes.
CITIES_OF_WARDS = {100: 129, 130: 139, 140: 149, 150: 199}
FIRST_NAMED_TOWN = 200  # towns known by name only are numbered from here, beyond the wards

_TOTALS = re.compile(r"総数|総計|合計|計|全国|全体|全産業|全規模|総額|total|all|alltotal")
_UNKNOWN = re.compile(r"不詳|不明|unknown|notknown")


class Label(NamedTuple):
    """How a row names its place on an axis: a code, a text, and for a place the municipality; "" where not given."""

    code: str
    text: str
    town: str = ""


def _bare(text: str) -> str:
    return re.sub(r"[(【\[][^)】\]]*[)】\]]|\s", "", plain(text)).lower().removeprefix("うち")


def is_total(text: str) -> bool:
    return _TOTALS.fullmatch(_bare(text)) is not None


def is_unknown(text: str) -> bool:
    return _UNKNOWN.fullmatch(_bare(text)) is not None


# --- one label


def _industry_span(label: Label) -> Span:
    """The code at the head of the text, else the code, unless it is some other scheme's and the text names an industry."""
    text = plain(label.text)
    if is_total(text):
        return written.ANY_INDUSTRY
    if re.match(r"[A-Ta-t]?\d{2}|[A-Ta-t](?![A-Za-z])", text):
        return written.industry(text)
    try:
        named = written.industry(text)
    except (ValueError, KeyError):
        return written.industry(plain(label.code))
    try:
        coded = written.industry(plain(label.code))
    except (ValueError, KeyError):
        return named
    return coded if named[0] <= coded[0] and coded[1] <= named[1] else named


def _place_reader() -> Callable[[Label], Span]:
    """Reads places; towns without a code are numbered as they come, prefecture by prefecture."""
    towns: dict[tuple[int, str], int] = {}

    def read(label: Label) -> Span:
        code, text, town = plain(label.code), plain(label.text), plain(label.town)
        if is_total(text) or (code and not code.strip("0")):
            return ALL_PLACES
        if town and not is_total(town):
            if len(town) == 5 and town.isdigit():
                return _town_span(*written.place(town))
            prefecture = written.place(code or text)[0]
            beside = sum(of == prefecture for of, _ in towns)
            number = towns.setdefault((prefecture, town), FIRST_NAMED_TOWN + beside)
            return _town_span(prefecture, number)
        return _town_span(*written.place(code or text))

    return read


def _town_span(prefecture: int, town: int) -> Span:
    start = prefecture * PREFECTURE_SPAN
    if town == written.WHOLE_PREFECTURE:
        return start, start + PREFECTURE_SPAN - 1
    return start + town, start + CITIES_OF_WARDS.get(town, town)


def _by_text(read: Callable[[str], Span], anything: Span) -> Callable[[Label], Span]:
    return lambda label: anything if is_total(label.text) else read(plain(label.text))


def axis_readers(revenue_unit: float) -> dict[str, tuple[Callable[[Label], Span], Span]]:
    """Dimension -> (where a label lies, the whole axis). Readers raise ValueError or KeyError."""
    return {
        "prefecture": (_place_reader(), ALL_PLACES),
        "jsic": (_industry_span, written.ANY_INDUSTRY),
        "legal_form": (_by_text(written.form, written.ANY_FORM), written.ANY_FORM),
        "employees": (_by_text(written.people, written.ANY_PEOPLE), written.ANY_PEOPLE),
        "founded": (_by_text(written.years, written.ANY_YEAR), written.ANY_YEAR),
        "revenue": (_by_text(lambda text: written.yen(text, revenue_unit), written.ANY_YEN), written.ANY_YEN),
    }


# --- the labels of one axis


class Axis:
    """Nodes of one dimension. `node_of`: label number -> node, -1 where nobody can read it; `names`: node -> its label.

    `root`: the node that holds everything, or -1. `span` (nodes, 2); `parent`: node -> node, -1 at the top; `depth` from 0 at the top; `above`: (nodes, depths) ancestor
    at a depth, the node itself from its own depth on. ImportRefused when two labels overlap and neither holds the other.
    """

    def __init__(self, labels: Sequence[Label], read: Callable[[Label], Span], anything: Span) -> None:
        self.anything = anything
        spans = [self._read(label, read) for label in labels]
        named = {span: label for span, label in zip(spans, labels, strict=True) if isinstance(span, tuple)}
        ordered = sorted(named, key=lambda span: (span[0], -span[1]))
        self.parent = np.full(len(ordered), -1)
        open_nodes: list[int] = []
        for node, (low, high) in enumerate(ordered):
            while open_nodes and ordered[open_nodes[-1]][1] < low:
                open_nodes.pop()
            if open_nodes and ordered[open_nodes[-1]][1] < high:
                one, other = (shown(named[ordered[n]].text) for n in (open_nodes[-1], node))
                raise ImportRefused(Message.of(
                    'The labels "{one}" and "{other}" overlap, so that some companies would be counted twice.',
                    one=one, other=other,
                ))  # fmt: skip
            self.parent[node] = open_nodes[-1] if open_nodes else -1
            open_nodes.append(node)
        number: dict[Span | str | None, int] = {span: node for node, span in enumerate(ordered)}
        self.names = [named[span].text or named[span].code for span in ordered]
        self.root = number.get(anything, -1)
        if any(span == "unknown" for span in spans):
            number["unknown"] = len(ordered)
            ordered.append(anything)
            self.names.append("?")
            self.parent = np.append(self.parent, self.root)
        self.node_of = np.array([number.get(span, -1) for span in spans], dtype=np.int64)
        self.span = np.array(ordered, dtype=np.int64).reshape(-1, 2)
        self._climb()

    @staticmethod
    def _read(label: Label, read: Callable[[Label], Span]) -> Span | str | None:
        try:
            return "unknown" if is_unknown(label.text) else read(label)
        except (ValueError, KeyError):
            return None

    def _climb(self) -> None:
        self.depth = np.zeros(len(self.parent), dtype=np.int64)
        for node, parent in enumerate(self.parent):  # parents come before their children
            self.depth[node] = self.depth[parent] + 1 if parent >= 0 else 0
        self.above = np.tile(np.arange(len(self.parent))[:, None], (1, int(self.depth.max(initial=0)) + 1))
        for node, parent in enumerate(self.parent):
            if parent >= 0:
                self.above[node, : self.depth[node]] = self.above[parent, : self.depth[node]]


# --- rows on several axes


def key_numbers_of(nodes: np.ndarray, axes: Sequence[Axis]) -> np.ndarray:
    """One number for the nodes of each row (rows, axes): mixed radix. ImportRefused for a table that is no table."""
    if math.prod(len(axis.parent) for axis in axes) >= 2**62:
        raise ImportRefused(Message.of("The cube has too many labels to be a table."))
    keys = np.zeros(len(nodes), dtype=np.int64)
    for at, axis in enumerate(axes):
        keys = keys * len(axis.parent) + nodes[:, at]
    return keys


def totals(nodes: np.ndarray, axes: Sequence[Axis]) -> np.ndarray:
    """Which rows (rows, axes) hold another row: no coarser on any axis, finer on at least one."""
    sizes = [len(axis.parent) for axis in axes]
    strides = [math.prod(sizes[at + 1 :]) for at in range(len(sizes))]
    keys = key_numbers_of(nodes, axes)

    def up(from_keys: np.ndarray, at: int) -> np.ndarray:
        node = from_keys // strides[at] % sizes[at]
        parent = axes[at].parent[node]
        return np.unique((from_keys + (parent - node) * strides[at])[parent >= 0])

    above = np.unique(np.concatenate([up(keys, at) for at in range(len(axes))]))
    for at in range(len(axes)):
        higher = above
        while len(higher := up(higher, at)):
            above = np.union1d(above, higher)
    return np.isin(keys, above)


def overlapping(nodes: np.ndarray, axes: Sequence[Axis]) -> tuple[int, int] | None:
    """Two rows that count some companies both, each finer than the other on some axis; None when there are none."""
    depths = np.column_stack([axis.depth[nodes[:, at]] for at, axis in enumerate(axes)])
    levels, level_of = np.unique(depths, axis=0, return_inverse=True)
    rows_of = [np.flatnonzero(level_of.reshape(-1) == level) for level in range(len(levels))]
    for one, other in combinations(range(len(levels)), 2):
        meet = np.minimum(levels[one], levels[other])
        if np.array_equal(meet, levels[one]) or np.array_equal(meet, levels[other]):
            continue  # where one level is finer throughout, `totals` has already looked
        keys = []
        for rows in (rows_of[one], rows_of[other]):
            key = np.zeros(len(rows), dtype=np.int64)
            for at, axis in enumerate(axes):
                key = key * len(axis.parent) + axis.above[nodes[rows, at], meet[at]]
            keys.append(key)
        _, first, second = np.intersect1d(*keys, return_indices=True)
        if len(first):
            return int(rows_of[one][first[0]]), int(rows_of[other][second[0]])
    return None
