"""How long do building a codebook and looking a company up take, and what does a teaser then show?

Run: python tests/bench/codebook.py [companies]
The yardstick is plain numpy on the same table: one group-by of the finest key, i.e. a single node, and one group-by of
all companies per node that the codebook uses.
"""

from __future__ import annotations

import random
import sys
import tracemalloc
from datetime import date
from statistics import median
from time import perf_counter

import numpy as np

from succession.anonymity.codebook import Codebook, build, preimages
from succession.anonymity.nodes import key_numbers, leaf_numbers
from succession.anonymity.population import Population, eligibility_on, eligible, k_and_finest
from succession.anonymity.world import build_world

LOOKUPS = 5_000
RUNS = 3


def plain_group_by(leaves: np.ndarray, nodes: tuple[tuple[int, ...], ...]) -> int:
    """Groups of at least 20 at each node, over all companies each time."""
    return sum(int((np.unique(key_numbers(node, leaves), return_counts=True)[1] >= 20).sum()) for node in nodes)


def seconds(work: object, *args: object) -> float:
    """Median wall time of a few runs."""
    times = []
    for _ in range(RUNS):
        start = perf_counter()
        work(*args)  # type: ignore[operator]
        times.append(perf_counter() - start)
    return median(times)


def lookup_us(book: Codebook, population: Population) -> tuple[float, float]:
    """(median, 99th percentile) of a single lookup in microseconds, over random members."""
    column = {name: values.tolist() for name, values in population.columns.items()}
    times = []
    for m in random.Random(1).choices(range(len(population)), k=LOOKUPS):
        place, industry = f"JP-{column['prefecture'][m]:02}", f"{column['jsic2'][m]:02}"
        money = column["revenue_yen"][m], column["operating_margin"][m]
        start = perf_counter()
        book.lookup(place, industry, column["founded"][m], column["employees"][m], *money)
        times.append((perf_counter() - start) * 1e6)
    return median(times), sorted(times)[int(0.99 * LOOKUPS)]


def main(companies: int = 300_000) -> None:
    world_s = seconds(build_world, companies, 1)
    world = build_world(companies, 1)
    choice = k_and_finest(world)
    build_s = seconds(build, world, choice.k, choice.finest_industry)
    tracemalloc.start()
    book = build(world, choice.k, choice.finest_industry)
    peak_mb = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    leaves = leaf_numbers(world, np.flatnonzero(eligible(world, eligibility_on(date.max))))
    one_node_s = seconds(plain_group_by, leaves, book.nodes[:1])
    every_node_s = seconds(plain_group_by, leaves, book.nodes)
    typical_us, slow_us = lookup_us(book, world)
    report = book.report
    print(f"companies {companies:,}  eligible {report.eligible:,}  k {choice.k}  cells {report.cells:,}")
    print(f"nodes used {len(book.nodes)}  leftovers {report.leftovers}")
    print(f"world              {world_s:8.2f} s")
    print(f"codebook           {build_s:8.2f} s   peak {peak_mb:.0f} MB above the population")
    print(f"numpy, one node    {one_node_s:8.2f} s   codebook is {build_s / one_node_s:.0f} x")
    print(f"numpy, every node  {every_node_s:8.2f} s   codebook is {build_s / every_node_s:.2f} x")
    print(f"lookup             {typical_us:8.1f} us  99 % {slow_us:.1f} us")
    print(f"assign everybody   {seconds(book.assign, world):8.2f} s")
    print(f"smallest preimage  {min(preimages(book, world).values()):8d}")
    print("share shown per level, finest first:")
    for attribute, shares in report.levels.items():
        print(f"  {attribute:<10}" + "".join(f"{share:8.1%}" for share in shares))
    print(f"region, 2-digit industry and revenue band together {report.useful:.1%}")
    print(f"in cells where one 4-digit code exceeds half {report.one_trade:.1%}   NCP {report.information_loss:.3f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
