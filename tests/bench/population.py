"""How long do importing a large population, building its codebook and looking a company up take, and in what memory?

Run: python tests/bench/population.py [companies ...], by default one million and five million. Every figure comes from
a process of its own, which loads the population and does one thing: its peak memory is what the operating system says,
and its time is given as it passed and as this process worked, which differ on shared cores. The yardsticks run beside it on the same table: numpy's group-by of the finest key, numpy's group-by of the full detail, and
for the import Python's own CSV reader on the same file.
"""

from __future__ import annotations

import csv
import json
import random
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np

from succession.anonymity.codebook import build
from succession.anonymity.nodes import key_numbers, leaf_numbers
from succession.anonymity.population import Population, k_and_finest, load, save
from succession.anonymity.sources.importing import import_population
from succession.anonymity.world import build_world
from succession.codes import ATTRIBUTES, SCHEMES

SIZES = (1_000_000, 5_000_000)
BOUNDS = {1_000_000: (15, 2), 5_000_000: (120, 4)}  # companies -> seconds and GiB the build may take at most
LOOKUP_BOUND_US, IMPORT_BOUND_S = 500, 60
IMPORTED_AT_MOST = 1_000_000
LOOKUPS = 20_000
FORMS = ("株式会社", "有限会社", "合同会社", "合資会社", "社団法人", "個人事業主")


def write_register(population: Population, path: Path) -> None:
    """The population as a register with Japanese headings, in cp932, amounts in millions with separators."""
    places = [code.ja for code in SCHEMES["prefecture"].codes.values()]
    columns = {name: values.tolist() for name, values in population.columns.items()}
    with path.open("w", encoding="cp932", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["法人番号", "商号", "都道府県", "市区町村", "業種コード", "設立年月日", "従業員数", "売上高（百万円）",
                       "営業利益率（％）", "経営組織"])  # fmt: skip
        for m in range(len(population)):
            rows.writerow((
                9_990_000_000_000 + m, f"架空{m}", places[columns["prefecture"][m] - 1], f"第{columns['municipality'][m]}市",
                f"{columns['jsic4'][m]:04}", f"{columns['founded'][m]}/4/1", columns["employees"][m],
                f"{columns['revenue_yen'][m] / 1e6:,.2f}", f"{columns['operating_margin'][m] * 100:.1f}",
                FORMS[columns["legal_form"][m]],
            ))  # fmt: skip


# --- what one process does


def make_world(directory: Path, companies: int) -> dict[str, float]:
    """The population under `directory`, and the same as a register where it is not too large to import here."""
    directory.mkdir()
    world = build_world(companies, 1)
    save(world, directory / "population")
    if companies <= IMPORTED_AT_MOST:
        write_register(world, directory / "register.csv")
    return {}


def nothing(_population: Population) -> dict[str, float]:
    return {}


def group_finest(population: Population) -> dict[str, float]:
    """Groups of the finest node: a single node of the codebook, without its tests."""
    leaves = leaf_numbers(population, np.arange(len(population)))
    groups = np.unique(key_numbers((0,) * len(ATTRIBUTES), leaves), return_inverse=True, return_counts=True)
    return {"groups": len(groups[0])}


def group_detail(population: Population) -> dict[str, float]:
    """Groups of companies equal in every column that anybody could look up."""
    detail = ("prefecture", "municipality", "jsic4", "founded", "employees", "legal_form")
    table = np.rec.fromarrays([population.columns[name] for name in detail], names=detail)
    return {"groups": len(np.unique(table, return_counts=True)[0])}


def codebook(population: Population) -> dict[str, float]:
    choice = k_and_finest(population)
    book = build(population, choice.k, choice.finest_industry)
    return {"cells": len(book.cells), "eligible": book.report.eligible, "leftovers": book.report.leftovers,
            "smallest": book.report.smallest_cell, "nodes": len(book.nodes), "useful": book.report.useful}  # fmt: skip


def lookup(population: Population) -> dict[str, float]:
    """Percentiles over random members, in microseconds. The time of the process includes building the codebook."""
    choice = k_and_finest(population)
    book = build(population, choice.k, choice.finest_industry)
    times = []
    for m in random.Random(1).choices(range(len(population)), k=LOOKUPS):
        column = {name: values[m].item() for name, values in population.columns.items()}
        place, industry = f"JP-{column['prefecture']:02}", f"{column['jsic2']:02}"
        start = perf_counter()
        book.lookup(place, industry, column["founded"], column["employees"], column["revenue_yen"], column["operating_margin"])
        times.append((perf_counter() - start) * 1e6)
    times.sort()
    return {"p50": median(times), "p95": times[int(0.95 * LOOKUPS)], "p99": times[int(0.99 * LOOKUPS)]}


def read_csv(register: Path) -> dict[str, float]:
    with register.open(encoding="cp932", newline="") as file:
        return {"rows": sum(1 for _ in csv.reader(file)) - 1}


def read_register(register: Path) -> dict[str, float]:
    read = import_population([register], name="bench", source="bench")
    assert read.population is not None and read.rows_left_out == 0
    return {"rows": read.rows, "k": k_and_finest(read.population).k}


WORK = {work.__name__: work for work in (nothing, group_finest, group_detail, codebook, lookup, read_csv, read_register)}


def child(work: str, place: str) -> None:
    """Do one thing and print it with its seconds and the peak memory of this process in MB."""
    target = Path(place) if Path(place).is_file() else load(Path(place))
    start, started = perf_counter(), process_time()
    found = WORK[work](target)  # type: ignore[operator]
    spent = {"seconds": perf_counter() - start, "cpu": process_time() - started}
    print(json.dumps({**spent, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, **found}))


def measure(work: str, place: Path) -> dict[str, float]:
    """In a new process. This one stays small: a child's peak memory is at least its parent's."""
    return json.loads(_ran("--child", work, str(place)))


def _ran(*arguments: str) -> str:
    return subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=True).stdout


# --- all of it


def main(*sizes: int) -> None:
    for companies in sizes or SIZES:
        with tempfile.TemporaryDirectory() as directory:
            at = Path(directory) / "world"
            print(f"companies {companies:,}", flush=True)
            _ran("--make", str(at), str(companies))
            _report(companies, {work: measure(work, at / "population") for work in list(WORK)[:5]})
            if companies <= IMPORTED_AT_MOST:
                _report_import(measure("read_csv", at / "register.csv"), measure("read_register", at / "register.csv"))


def _took(name: str, ran: dict[str, float]) -> str:
    return f"{name:<20}{ran['seconds']:8.2f} s ({ran['cpu']:.2f} worked)   peak {ran['peak_mb']:6,.0f} MB"


def _report(companies: int, found: dict[str, dict[str, float]]) -> None:
    built, finest, detail = found["codebook"], found["group_finest"], found["group_detail"]
    for name, ran in (("population loaded", found["nothing"]), ("numpy, finest key", finest), ("numpy, full detail", detail),
                      ("codebook", built)):  # fmt: skip
        groups = f"{int(ran.get('groups', ran.get('cells', 0))):>11,} groups" if len(ran) > 3 else ""
        print(_took(name, ran) + groups)
    print(f"codebook / numpy    {built['cpu'] / finest['cpu']:8.1f} x the finest key, "
          f"{built['cpu'] / detail['cpu']:.2f} x the full detail, for {int(built['nodes'])} nodes and their tests")  # fmt: skip
    print(f"k {int(built['smallest'])} or more in each cell, {int(built['leftovers'])} of {int(built['eligible']):,} without one; "
          f"region, 2-digit and revenue together {built['useful']:.1%}")  # fmt: skip
    if companies in BOUNDS:
        seconds, gigabytes = BOUNDS[companies]
        kept = built["seconds"] <= seconds and built["peak_mb"] <= gigabytes * 1024
        print(f"bound               {seconds:8.2f} s and {gigabytes * 1024:,} MB: {'kept' if kept else 'NOT KEPT'}")
    looked = found["lookup"]
    kept = looked["p95"] <= LOOKUP_BOUND_US
    print(f"lookup              {looked['p50']:8.1f} us  95 % {looked['p95']:.1f} us  99 % {looked['p99']:.1f} us   "
          f"bound {LOOKUP_BOUND_US} us at 95 %: {'kept' if kept else 'NOT KEPT'}", flush=True)  # fmt: skip


def _report_import(plain: dict[str, float], imported: dict[str, float]) -> None:
    print(_took("csv.reader alone", plain) + f"{int(plain['rows']):>11,} rows")
    kept = imported["seconds"] <= IMPORT_BOUND_S
    print(_took("register imported", imported) + f"   {imported['cpu'] / plain['cpu']:.1f} x csv.reader   "
          f"aim {IMPORT_BOUND_S} s: {'kept' if kept else 'NOT KEPT'}", flush=True)  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
    elif sys.argv[1:2] == ["--make"]:
        make_world(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main(*map(int, sys.argv[1:]))
