"""How useful are teasers under our order, and under what the literature would do instead: one population, one k, one run?

Run: python tests/bench/usefulness.py [companies] [candidates]        (or `succession bench usefulness`)
Every partition cuts the same eligible companies of the demo world under the same tests (k companies that count, three
municipalities, three detailed industries, nobody with more than 60 % of the revenue), and is proved to keep them before
it is measured. `candidates` measures what else was tried instead (partitions/candidates.py). The last line is JSON.

together   companies whose teaser shows region or finer, 2-digit industry and revenue band
certain    of a filter's true matches, the share whose teaser lies inside it; mean over filters (partitions/filters.py):
           typical = place x industry x revenue, then the same with headcount, or with margin, asked as well
NCP        information lost, 0 to 1, a suppressed company losing all: reported, never optimised by us
preimage   fewest companies (sole proprietors not counted) with one teaser, for whoever knows the method
none       eligible companies that get no teaser at all
build      one run each; ours from the population, the peers' from a table of finest keys that is made for them before
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from bench.partitions.candidates import candidates
from bench.partitions.filters import SETS, filters_of
from bench.partitions.full_domain import best_node, by_buyer_loss, by_information
from bench.partitions.measures import Measured, ceiling, measure
from bench.partitions.mondrian import mondrian
from bench.partitions.ordered import all_nodes, by_ncp, peel
from bench.partitions.table import UNPLACED, Partition, Table, partition_of_nodes, table_of

from succession.anonymity.codebook import Codebook, build, preimages
from succession.anonymity.nodes import buyer_losses
from succession.anonymity.population import Population, eligibility_on, eligible, k_and_finest
from succession.anonymity.world import build_world

COMPANIES, SEED = 1_000_000, 1
SUPPRESSED_MOST = 0.05
LEAST = {"together": 0.88, "typical": 0.90}


def as_partition(book: Codebook, population: Population, table: Table) -> Partition:
    """The product's own codebook, every company looked up again by walking it."""
    cell_of = book.assign(population)[np.flatnonzero(eligible(population, book.header.rule))]
    cell_of_row = np.full(len(table.rows), UNPLACED, dtype=np.int64)
    cell_of_row[table.row_of] = cell_of
    assert (cell_of_row[table.row_of] == cell_of).all(), "companies of one finest key are in two cells"
    assert min(preimages(book, population).values()) == book.report.smallest_cell
    return partition_of_nodes(table, cell_of_row, np.array([book.nodes[cell.node] for cell in book.cells]))


def peers(population: Population, table: Table, k: int) -> dict[str, Callable[[], Codebook | Partition]]:
    charged = [[weight * loss for loss in losses] for _, weight, losses in buyer_losses()]

    def full_domain(charges: list[list[float]], most: float) -> Callable[[], Partition]:
        def found() -> Partition:
            best = best_node(table, k, all_nodes(table), charges, most)
            assert best, "not even one node for everybody"
            return best[1]

        return found

    information, loss = by_information(table), by_buyer_loss(charged)
    return {
        "ours": lambda: build(population, k, "major_group"),
        "peeling, NCP order": lambda: peel(table, k, by_ncp(table, all_nodes(table))),
        "Mondrian": lambda: mondrian(table, k),
        "Mondrian, cut by buyer loss": lambda: mondrian(table, k, charged),
        "full domain, <= 5 % suppressed, by NCP": full_domain(information, SUPPRESSED_MOST),
        "full domain, none suppressed, by NCP": full_domain(information, 0.0),
        "full domain, <= 5 % suppressed, by loss": full_domain(loss, SUPPRESSED_MOST),
        "full domain, none suppressed, by loss": full_domain(loss, 0.0),
    }


def row(name: str, found: Measured, build_s: float | None) -> str:
    shares = (found.together, *found.certain.values())
    timed = f"{build_s:8.1f}" if build_s is not None else "       -"
    return (
        f"{name:<42}" + "".join(f"{share:9.1%}" for share in shares)
        + f"{found.ncp:7.3f}{found.smallest_preimage:9d}{found.cells:8,}{found.suppressed:8.2%}{timed}"
    )  # fmt: skip


HEAD = f"{'':<42}{'together':>9}{'certain:':>9}{'+people':>9}{'+margin':>9}{'NCP':>7}{'preimage':>9}{'cells':>8}{'none':>8}{'build s':>8}"


def measured(
    partitions: Iterator[tuple[str, Table, Partition, float | None]], k: int
) -> Iterator[tuple[str, Measured, float | None]]:
    """One by one, so that a long run says where it is. Each table is asked the same filters."""
    for name, table, partition, build_s in partitions:
        filters = {each: filters_of(table, shapes) for each, shapes in SETS.items()}
        found = measure(table, partition, filters, k)
        print(row(name, found, build_s), flush=True)
        yield name, found, build_s


def main(companies: int = COMPANIES, *options: str) -> None:
    world, rule = build_world(companies, SEED), eligibility_on(date.max)
    table, k = table_of(world, rule), k_and_finest(world).k
    for prepared in (table.sizes, table.counted, table.revenue, table.municipalities, table.detailed_industries):
        assert len(prepared)
    print(f"{companies:,} companies (seed {SEED}), {len(table.row_of):,} eligible, {int(table.facts.counts.sum()):,} of them "
          f"count, {len(table.rows):,} finest keys, k = {k}")  # fmt: skip
    print(f"the most any partition could show together: {ceiling(table, k):.1%}")
    print(HEAD)

    def timed() -> Iterator[tuple[str, Table, Partition, float | None]]:
        for name, cut in peers(world, table, k).items():
            start = perf_counter()
            found = cut()
            build_s = perf_counter() - start
            partition = as_partition(found, world, table) if isinstance(found, Codebook) else found
            yield name, table, partition, build_s

    def tried() -> Iterator[tuple[str, Table, Partition, float | None]]:
        for name, its_table, partition in candidates(world, rule, table, buyer_losses(), k):
            yield name, its_table, partition, None

    results = [{"name": name, "build_s": s, **found._asdict()} for name, found, s in measured(tried() if options else timed(), k)]
    if not options and companies >= COMPANIES:
        first = results[0]
        for name, share in (("together", first["together"]), ("typical", first["certain"]["typical"])):
            print(f"{name}: {share:.1%}, wanted {LEAST[name]:.0%}: {'reached' if share >= LEAST[name] else 'MISSED'}")
    if options:
        print("share at the finest code: " + ", ".join(results[0]["finest"]))
        for each in results:
            print(f"{each['name']:<42}" + "".join(f"{share:8.1%}" for share in each["finest"].values()))
    print(json.dumps({"companies": companies, "seed": SEED, "k": k, "partitions": results}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:3])
