"""Which cell of generalised figures does a company's teaser show, so that k companies share exactly that cell?

A codebook is built from a reference population, never from listings, and is frozen under its hash. Looking a company
up walks the nodes of the build in the same order, so for members of the population the cell *is* the set of companies
with that teaser: knowing the method gains nothing (anonymisation.md section 4). It holds no client's data.
"""

from __future__ import annotations

import hashlib
import json
import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
import numpy as np

from succession.anonymity.nodes import (
    Key,
    Losses,
    Node,
    attribute_aside,
    buyer_losses,
    encode_key,
    key_numbers,
    key_of,
    leaf_numbers,
    number_of,
    ordered_nodes,
    span,
)
from succession.anonymity.peeling import (
    MAX_REVENUE_SHARE_PERCENT,
    MIN_DETAILED_INDUSTRIES,
    MIN_MUNICIPALITIES,
    UNPLACED,
    Facts,
    Peeled,
    peel,
)
from succession.anonymity.population import (
    SHOWN_COLUMNS,
    SMALLEST_K,
    EligibilityRule,
    Population,
    eligibility_on,
    eligible,
    is_eligible,
)
from succession.codes import (
    ATTRIBUTES,
    BANDS,
    LEVELS,
    SCHEMES,
    ancestors,
    employees_band,
    founded_band,
    jsic_two_digit,
    leaves,
    revenue_band,
)

FORMAT = 1
JSIC4_SPAN = 10_000


class Profile(NamedTuple):
    """What the codebook asks of a company.

    Prefecture as JP-13, industry as a JSIC code of two to four digits, employees with the owner, margin = operating
    profit / revenue, None when there is no revenue.
    """

    place_prefecture: str
    industry2: str
    founded_year: int
    employees: int
    revenue_yen: int
    margin: float | None


class Cell(msgspec.Struct, frozen=True):
    """A set of companies that publish the same figures.

    `cell` counts from 0 within a codebook, `node` is a position in its `nodes`, `size` the members of the population
    in it. `parent` is the public cell that this one refines: None throughout in a codebook for all audiences.
    """

    cell: int
    node: int
    place: str
    industry: str
    founded: str
    employees: str
    revenue: str
    margin: str
    parent: int | None
    size: int

    @property
    def key(self) -> Key:
        return (self.place, self.industry, self.founded, self.employees, self.revenue, self.margin)


class Report(msgspec.Struct, frozen=True):
    """How useful and how safe a codebook is; shares are of the eligible companies, 0 to 1.

    `levels`: attribute -> share shown at each level, finest first. `useful`: region or finer, major group and four
    revenue bands together. `one_trade`: in cells where one four-digit code exceeds half. `information_loss`: NCP, mean
    over companies and attributes; reported, never optimised.
    """

    members: int
    eligible: int
    cells: int
    smallest_cell: int
    leftovers: int
    levels: dict[str, list[float]]
    useful: float
    one_trade: float
    information_loss: float


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Everything of a codebook but its cells. `estimated`: a shown column of the population was synthesised.

    `counts_companies`: sole proprietors do not count towards k. `facts`: the members are exactly those on record with
    these facts, beside the codebook `base` of everybody; members of its cells in `closed` may not show them
    (fact_books.py). Fields with a default came later, and a codebook that does not use them hashes as before.
    """

    format: int
    population: str
    population_name: str
    demo: bool
    estimated: bool
    k: int
    finest_industry: str
    rule: EligibilityRule
    min_municipalities: int
    min_detailed_industries: int
    max_revenue_share_percent: int
    losses: Losses
    schemes: dict[str, str]
    nodes: tuple[Node, ...]
    report: Report
    counts_companies: bool = False
    facts: tuple[str, ...] = ()
    base: str | None = None
    closed: tuple[int, ...] = ()


class Codebook:
    """Cells of one population, in order of use. `nodes` are the used ones only, in the order of the walk."""

    def __init__(self, header: Header, cells: Iterable[Cell]) -> None:
        self.header = header
        self.cells = tuple(cells)
        self._by_key = {cell.key: cell for cell in self.cells}
        if len(self._by_key) != len(self.cells):
            raise ValueError("two cells of a codebook have the same key")

    @property
    def nodes(self) -> tuple[Node, ...]:
        return self.header.nodes

    @property
    def k(self) -> int:
        return self.header.k

    @property
    def report(self) -> Report:
        return self.header.report

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the canonical text: every choice of the build and every cell, but not the report on it."""
        choices = msgspec.to_builtins(self.header)
        del choices["report"]
        lines = [json.dumps(choices, ensure_ascii=False, sort_keys=True)]
        lines += [f"{c.cell}|{c.node}|{encode_key(c.key)}|{c.parent}|{c.size}" for c in self.cells]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @property
    def version(self) -> str:
        return f"cb-{self.hash[:20]}"

    def lookup(
        self,
        place_prefecture: str,
        industry2: str,
        founded_year: int,
        employees: int,
        revenue_yen: int,
        margin: float | None,
    ) -> Cell | None:
        """The cell this company's teaser shows; None for a company that is not eligible or has no cell.

        Ownership and legal form, which eligibility also asks, are not figures: the caller checks them. KeyError or
        ValueError for a prefecture or industry code that does not exist.
        """
        profile = Profile(place_prefecture, industry2, founded_year, employees, revenue_yen, margin)
        group = int(jsic_two_digit(industry2))
        if margin is None or math.isnan(margin):
            return None
        if not is_eligible(self.header.rule, group, employees, revenue_yen):
            return None
        found = attributes_of(profile)
        p, i, f, e, r, m = ((found[name], *ancestors(name, found[name])) for name in ATTRIBUTES)
        for place, industry, founded, people, revenue, ratio in self.header.nodes:
            cell = self._by_key.get((p[place], i[industry], f[founded], e[people], r[revenue], m[ratio]))
            if cell is not None:
                return cell
        return None

    @cached_property
    def code_positions(self) -> dict[str, np.ndarray]:
        """Attribute -> per cell the position of its code in the attribute's scheme."""
        found = {}
        for name in ATTRIBUTES:
            position = {code: place for place, code in enumerate(SCHEMES[name].codes)}
            found[name] = np.array([position[getattr(cell, name)] for cell in self.cells], dtype=np.int16)
        return found

    @cached_property
    def sizes(self) -> np.ndarray:
        """Per cell its members."""
        return np.array([cell.size for cell in self.cells], dtype=np.int64)

    def cell_at(self, key: Key) -> Cell | None:
        """The cell with exactly these codes, one per attribute in the order of ATTRIBUTES."""
        return self._by_key.get(key)

    def assign(self, population: Population) -> np.ndarray:
        """Per member of a population the number of its cell, UNPLACED (-1) where it has none or is not eligible."""
        members = np.flatnonzero(eligible(population, self.header.rule))
        leaf_rows = leaf_numbers(population, members)
        found = np.full(len(members), UNPLACED, dtype=np.int32)
        pool = np.arange(len(members))
        published = self._published()
        for node in self.header.nodes:
            table = np.full(span(node), UNPLACED, dtype=np.int32)
            numbers, cells = published[node]
            table[numbers] = cells
            found[pool] = table[key_numbers(node, leaf_rows[pool])]
            pool = pool[found[pool] == UNPLACED]
        assigned = np.full(len(population), UNPLACED, dtype=np.int32)
        assigned[members] = found
        return assigned

    def _published(self) -> dict[Node, tuple[list[int], list[int]]]:
        by_node: dict[Node, tuple[list[int], list[int]]] = {node: ([], []) for node in self.header.nodes}
        for cell in self.cells:
            node = self.header.nodes[cell.node]
            by_node[node][0].append(number_of(node, cell.key))
            by_node[node][1].append(cell.cell)
        return by_node

    def header_as_json(self) -> dict[str, Any]:
        """The header as plain values, for a jsonb column."""
        return msgspec.to_builtins(self.header)

    def cells_as_rows(self) -> list[dict[str, Any]]:
        """One row per cell: the fields of Cell and `key`, its canonical written form."""
        return [{**msgspec.to_builtins(cell), "key": encode_key(cell.key)} for cell in self.cells]

    @classmethod
    def from_rows(cls, version: str, header: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> Codebook:
        """The codebook stored under a version; ValueError when its content does not give that version."""
        fields = Cell.__struct_fields__
        cells = sorted((Cell(**{name: row[name] for name in fields}) for row in rows), key=lambda cell: cell.cell)
        book = cls(msgspec.convert(header, Header), cells)
        if book.version != version:
            raise ValueError(f"the stored codebook is not {version}")
        return book


def attributes_of(profile: Profile) -> dict[str, str]:
    """The finest code of each attribute for a company; ValueError for figures no band holds."""
    if profile.margin is None:
        raise ValueError("a company without revenue has no margin band")
    if profile.place_prefecture not in SCHEMES["prefecture"].codes:
        raise KeyError(profile.place_prefecture)
    margins, edges = BANDS["margin"]
    return {
        "place": profile.place_prefecture,
        "industry": jsic_two_digit(profile.industry2),
        "founded": founded_band(profile.founded_year),
        "employees": employees_band(profile.employees),
        "revenue": revenue_band(profile.revenue_yen),
        "margin": margins[bisect_right([edge / 100 for edge in edges], profile.margin)],
    }


def build(
    population: Population,
    k: int,
    finest_industry: str,
    progress: Callable[[int, int], None] | None = None,
    rule: EligibilityRule | None = None,
    among: np.ndarray | None = None,
    losses: Losses | None = None,
) -> Codebook:
    """The codebook of a population; `finest_industry` is `major_group` or `division`, see population.k_and_finest.

    `rule` defaults to the latest in the table. `progress(companies placed, eligible companies)`. `among`: which members
    there are besides being eligible, as a mask. `losses` order the nodes, by default those of the house. ValueError for
    k below the floor of SMALLEST_K.
    """
    if k < SMALLEST_K:
        raise ValueError(f"k = {k} is below the floor of {SMALLEST_K}")
    rule = rule or eligibility_on(date.max)
    members = np.flatnonzero(eligible(population, rule) if among is None else eligible(population, rule) & among)
    leaf_rows = leaf_numbers(population, members)
    facts = Facts(*(population.columns[name][members] for name in Facts._fields))
    losses = losses or buyer_losses()
    peeled = peel(leaf_rows, facts, k, ordered_nodes(finest_industry, losses), attribute_aside(losses), progress)
    nodes = tuple(dict.fromkeys(node for node, _ in peeled.cells))
    position = {node: place for place, node in enumerate(nodes)}
    sizes = np.bincount(peeled.cell_of[peeled.cell_of != UNPLACED], minlength=len(peeled.cells)).tolist()
    cells = [
        Cell(number, position[node], *key_of(node, key_number), parent=None, size=sizes[number])
        for number, (node, key_number) in enumerate(peeled.cells)
    ]
    header = Header(
        format=FORMAT,
        population=population.version,
        population_name=population.name,
        demo=population.demo,
        estimated=any(population.provenance[name].kind != "imported" for name in SHOWN_COLUMNS),
        k=k,
        finest_industry=finest_industry,
        rule=rule,
        min_municipalities=MIN_MUNICIPALITIES,
        min_detailed_industries=MIN_DETAILED_INDUSTRIES,
        max_revenue_share_percent=MAX_REVENUE_SHARE_PERCENT,
        losses=losses,
        schemes={name: SCHEMES[name].version for name in ATTRIBUTES},
        nodes=nodes,
        report=_report(len(population), peeled, cells, nodes, facts.jsic4),
        counts_companies=True,
    )
    return Codebook(header, cells)


def _report(members: int, peeled: Peeled, cells: list[Cell], nodes: tuple[Node, ...], jsic4: np.ndarray) -> Report:
    eligible_count = max(1, len(peeled.cell_of))
    levels = {name: [0] * len(LEVELS[name]) for name in ATTRIBUTES}
    useful = loss = 0.0
    for cell in cells:
        node = nodes[cell.node]
        for name, level, code in zip(ATTRIBUTES, node, cell.key, strict=True):
            levels[name][level] += cell.size
            loss += cell.size * (len(leaves(name, code)) - 1) / (len(LEVELS[name][0]) - 1) / len(ATTRIBUTES)
        shown = dict(zip(ATTRIBUTES, node, strict=True))
        useful += cell.size * (shown["place"] <= 1 and shown["industry"] == 0 and shown["revenue"] == 0)
    placed = peeled.cell_of != UNPLACED
    sizes = np.array([cell.size for cell in cells], dtype=np.int64)
    trades, companies = np.unique(peeled.cell_of[placed] * JSIC4_SPAN + jsic4[placed], return_counts=True)
    of_cell = trades // JSIC4_SPAN
    in_one_trade = sizes[np.unique(of_cell[2 * companies > sizes[of_cell]])].sum() if len(cells) else 0
    return Report(
        members=members,
        eligible=len(peeled.cell_of),
        cells=len(cells),
        smallest_cell=min((cell.size for cell in cells), default=0),
        leftovers=int((~placed).sum()),
        levels={name: [count / eligible_count for count in counts] for name, counts in levels.items()},
        useful=useful / eligible_count,
        one_trade=float(in_one_trade) / eligible_count,
        information_loss=loss / max(1, int(placed.sum())),
    )


def preimages(codebook: Codebook, population: Population) -> dict[Key, int]:
    """Teaser -> how many companies of the population would publish exactly it: what an attacker who recomputes the
    teaser of every company he knows can count."""
    assigned = codebook.assign(population)
    counts = np.bincount(assigned[assigned != UNPLACED], minlength=len(codebook.cells))
    return {cell.key: int(counts[cell.cell]) for cell in codebook.cells}
