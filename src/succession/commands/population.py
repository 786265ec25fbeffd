"""Among which companies do teasers hide here? Import a register, or build the demo's synthetic world."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import asyncpg

from succession.anonymity.codebook import Codebook, build
from succession.anonymity.nodes import FINEST_INDUSTRY_LEVEL
from succession.anonymity.population import COLUMNS, KChoice, Population, k_and_finest, read_registry_csv
from succession.anonymity.registry import RegistryError
from succession.anonymity.world import build_world
from succession.codes import ATTRIBUTES
from succession.config import Settings
from succession.market.codebooks import store_codebook
from succession.progress import bar

DEMO_WORLD_COMPANIES = 300_000
DEMO_WORLD_SEED = 1
SMALLEST_WORLD, LARGEST_WORLD = 10_000, 2_000_000
ERRORS_SHOWN = 20


def run(arguments: list[str]) -> int:
    """`succession population import FILE ...` or `succession population build ...`."""
    options = _parser().parse_args(arguments)
    settings = Settings.from_env()
    if options.command == "build" and not settings.demo_mode:
        print("The synthetic world is for the demo: set SUCCESSION_DEMO=1, or import a register.")
        return 2
    if settings.database_url is None and not getattr(options, "dry_run", False):
        print("DATABASE_URL is not set.")
        return 2
    if options.command == "build":
        asyncio.run(build_demo_world(settings.database_url, options.demo_world, options.seed, print))
        return 0
    return _import(options, settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="succession population", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    importing = commands.add_parser("import", help="a CSV register (UTF-8 or cp932); only the prefecture is required")
    importing.add_argument("file", type=Path)
    importing.add_argument("--name", help="what this register is called in reports; default the file's name")
    importing.add_argument("--source", help="where it comes from and of which day; default the file's name")
    importing.add_argument("--k", type=int, help="more companies per teaser than its provenance asks for")
    importing.add_argument("--finest", choices=FINEST_INDUSTRY_LEVEL, help="coarser industries than its provenance allows")
    importing.add_argument("--dry-run", action="store_true", help="read and report, store nothing")
    building = commands.add_parser("build", help="the synthetic world of the demo, with official margins")
    building.add_argument("--demo-world", type=_world_size, default=DEMO_WORLD_COMPANIES, metavar="COMPANIES")
    building.add_argument("--seed", type=int, default=DEMO_WORLD_SEED)
    return parser


def _world_size(text: str) -> int:
    if not SMALLEST_WORLD <= int(text) <= LARGEST_WORLD:
        raise argparse.ArgumentTypeError(f"from {SMALLEST_WORLD:,} to {LARGEST_WORLD:,} companies")
    return int(text)


async def build_demo_world(owner_url: str, companies: int = DEMO_WORLD_COMPANIES, seed: int = DEMO_WORLD_SEED,
                           say: object = print) -> tuple[Population, Codebook]:
    """Build the world and its codebook and put it in force. The caller has checked that this is a demo."""
    population = build_world(companies, seed, bar("demo world"))
    codebook = build_codebook(population, k_and_finest(population))
    await _store(owner_url, population, codebook)
    for line in report_lines(codebook):
        say(line)
    return population, codebook


def build_codebook(population: Population, choice: KChoice) -> Codebook:
    return build(population, choice.k, choice.finest_industry, bar("codebook  "))


async def _store(owner_url: str, population: Population, codebook: Codebook) -> None:
    owner = await asyncpg.connect(owner_url, timeout=10)
    try:
        await store_codebook(owner, population, codebook)
    finally:
        await owner.close()


def _import(options: argparse.Namespace, settings: Settings) -> int:
    try:
        read = read_registry_csv(options.file, bar("register  "), name=options.name or options.file.name,
                                 source=options.source or options.file.name)
    except (RegistryError, OSError) as error:
        print(f"{options.file}: {error}")
        return 1
    print(f"{read.rows:,} rows read, {read.rows_left_out:,} left out")
    for wrong in read.errors[:ERRORS_SHOWN]:
        print(f"  line {wrong.line}, {wrong.column} {wrong.cell!r}: {wrong.reason}")
    if read.population is None:
        print("No usable row: nothing was stored.")
        return 1
    for column in COLUMNS:
        print(f"  {column:<17}{read.population.provenance[column].kind:<12}{read.population.provenance[column].source}")
    asked = k_and_finest(read.population)
    choice = KChoice(max(options.k or 0, asked.k), _coarser(options.finest, asked.finest_industry))
    if options.k and options.k < asked.k:
        print(f"k stays {asked.k}: this register's provenance asks for it")
    codebook = build_codebook(read.population, choice)
    print("\n".join(report_lines(codebook)))
    if not codebook.cells:
        print("No cell of this register is large enough: nothing was stored.")
        return 1
    if options.dry_run:
        print("dry run: nothing was stored")
        return 0
    asyncio.run(_store(settings.database_url, read.population, codebook))
    print(f"codebook {codebook.version} is in force")
    return 0


def _coarser(wanted: str | None, allowed: str) -> str:
    return max(wanted or allowed, allowed, key=FINEST_INDUSTRY_LEVEL.__getitem__)


def report_lines(codebook: Codebook) -> list[str]:
    """How useful and how safe: shares of teasers naming each level, smallest cell, what is estimated."""
    found = codebook.report
    whose = "estimated: columns of the population are synthesised" if codebook.header.estimated else "imported columns only"
    return [
        f"population {codebook.header.population}: {found.members:,} companies, {found.eligible:,} eligible ({whose})",
        f"codebook {codebook.version}: {found.cells:,} cells, k = {codebook.k}, smallest {found.smallest_cell}, "
        f"{found.leftovers:,} companies without a teaser",
        "share of teasers that name each level, finest first:",
        *(f"  {name:<10}" + "".join(f"{share:8.1%}" for share in found.levels[name]) for name in ATTRIBUTES),
        f"region, 2-digit industry and revenue band together: {found.useful:.1%}",
        f"in cells where one 4-digit industry exceeds half: {found.one_trade:.1%}",
    ]
