"""Among which companies do teasers hide here? Import a register or a census, or build the demo's synthetic world."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from succession.anonymity.codebook import Codebook, build
from succession.anonymity.fact_books import build_fact_books, linkable
from succession.anonymity.sources.headings import CUBE, CUBE_HEADINGS, REGISTER, REGISTER_HEADINGS, Wishes, shown
from succession.anonymity.nodes import FINEST_INDUSTRY_LEVEL, Losses, read_losses
from succession.anonymity.population import KChoice, Population, Provenance, k_and_finest
from succession.anonymity.population_diff import Difference
from succession.anonymity.sources.importing import Imported, import_population
from succession.anonymity.sources.source_file import ImportRefused, examine
from succession.anonymity.world import build_world
from succession.anonymity.sources.written import UNITS
from succession.codes import ATTRIBUTES
from succession.config import Settings
from succession.i18n import negotiate, translate
from succession.market.codebooks import store_codebook
from succession.market.populations import StoredPopulation, difference_from_force, list_populations
from succession.progress import Progress, bar

DEMO_WORLD_COMPANIES = 300_000
DEMO_WORLD_SEED = 1
SMALLEST_WORLD, LARGEST_WORLD = 10_000, 10_000_000
ERRORS_SHOWN = 20


def run(arguments: list[str]) -> int:
    """`succession population import FILE ...`, `list`, `show VERSION` or `build ...`."""
    options = _parser().parse_args(arguments)
    settings = Settings.from_env()
    if options.command == "build" and not settings.demo_mode:
        print("The synthetic world is for the demo: set SUCCESSION_DEMO=1, or import a register.")
        return 2
    if settings.database_url is None and not getattr(options, "dry_run", False):
        print("DATABASE_URL is not set.")
        return 2
    match options.command:
        case "build":
            asyncio.run(build_demo_world(settings.database_url, options.demo_world, options.seed, print, options.weights))
            return 0
        case "list" | "show":
            return _show(settings.database_url, getattr(options, "version", None))
    return _import(options, settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="succession population", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    importing = commands.add_parser(
        "import", help="a register of companies or a census cube, CSV in UTF-8 or Shift_JIS (cp932), in one file or several",
        epilog=f"Columns of a register: {', '.join(REGISTER_HEADINGS)}, and fact:CODE for phrases of the vocabulary; "
        f"only the place is required. Columns of a cube: {', '.join(CUBE_HEADINGS)}. What is missing is drawn from official "
        "margins and marked.")
    importing.add_argument("files", type=Path, nargs="+", metavar="FILE")
    importing.add_argument("--name", help="what this population is called in reports; default the file's name")
    importing.add_argument("--source", help="where it comes from and of which day; default the file's name")
    importing.add_argument("--dry-run", action="store_true", help="read, build, compare and report; store nothing")
    importing.add_argument("--shape", choices=(REGISTER, CUBE), help="a row a company, or rows of counts; told by the headings")
    importing.add_argument("--map", action="append", default=[], type=_pair, metavar="COLUMN=HEADING", help="may be repeated")
    importing.add_argument("--mapping", type=Path, metavar="FILE", help="lines of COLUMN=HEADING; # begins a comment")
    importing.add_argument("--unit", action="append", default=[], type=_unit, metavar="COLUMN=UNIT",
                           help="where a heading does not say it: revenue=千円")  # fmt: skip
    importing.add_argument("--keep", action="append", default=[], type=_pair, metavar="HEADING=LABEL",
                           help="which rows of a cube to use, where it splits by more than we know; may be repeated")  # fmt: skip
    importing.add_argument("--k", type=int, help="more companies per teaser than its provenance asks for")
    importing.add_argument("--finest", choices=FINEST_INDUSTRY_LEVEL, help="coarser industries than its provenance allows")
    importing.add_argument("--weights", type=_weights, metavar="FILE",
                           help="what a buyer loses per level, as `succession codebook weights` proposes it")  # fmt: skip
    commands.add_parser("list", help="the populations of this installation, the newest first")
    showing = commands.add_parser("show", help="where each column of a population comes from")
    showing.add_argument("version", nargs="?", default="current")
    building = commands.add_parser("build", help="the synthetic world of the demo, with official margins")
    building.add_argument("--demo-world", type=_world_size, default=DEMO_WORLD_COMPANIES, metavar="COMPANIES")
    building.add_argument("--seed", type=int, default=DEMO_WORLD_SEED)
    building.add_argument("--weights", type=_weights, metavar="FILE", help="as in `import`")
    return parser


def _weights(text: str) -> Losses:
    try:
        return read_losses(Path(text))
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from error


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in text.partition("="))
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _unit(text: str) -> tuple[str, str]:
    column, unit = _pair(text)
    if unit not in UNITS:
        raise argparse.ArgumentTypeError(f"{unit!r} is none of {', '.join(UNITS)}")
    return column, unit


def _world_size(text: str) -> int:
    if not SMALLEST_WORLD <= int(text) <= LARGEST_WORLD:
        raise argparse.ArgumentTypeError(f"from {SMALLEST_WORLD:,} to {LARGEST_WORLD:,} companies")
    return int(text)


async def build_demo_world(owner_url: str, companies: int = DEMO_WORLD_COMPANIES, seed: int = DEMO_WORLD_SEED,
                           say: object = print, losses: Losses | None = None) -> tuple[Population, Codebook]:
    """Build the world and its codebook and put it in force. The caller has checked that this is a demo."""
    population = build_world(companies, seed, bar("demo world"))
    codebook = build_codebook(population, k_and_finest(population), losses)
    await _store(owner_url, population, codebook)
    for line in report_lines(codebook):
        say(line)
    return population, codebook


def build_codebook(population: Population, choice: KChoice, losses: Losses | None = None) -> Codebook:
    """`losses` order its nodes, those of the house by default."""
    counter = bar("codebook  ")
    codebook = build(population, choice.k, choice.finest_industry, counter, losses=losses)
    counter(1, 1)  # a few companies may have no cell, and the build is over all the same
    return codebook


async def _store(owner_url: str, population: Population, codebook: Codebook, fact_books: Sequence[Codebook] = ()) -> None:
    owner = await asyncpg.connect(owner_url, timeout=10)
    try:
        await store_codebook(owner, population, codebook, fact_books)
    finally:
        await owner.close()


# --- import


def _import(options: argparse.Namespace, settings: Settings) -> int:
    locale = _locale()
    called = options.files[0].name + (f" and {len(options.files) - 1} more" if len(options.files) > 1 else "")
    try:
        wishes = Wishes(dict([*_mapping(options.mapping), *options.map]), dict(options.unit), options.shape)
        read = import_population(options.files, name=options.name or called, source=options.source or called, wishes=wishes,
                                 keep=_grouped(options.keep), progress=_bars)  # fmt: skip
    except (ImportRefused, OSError) as error:
        told = translate(error.message, locale) if isinstance(error, ImportRefused) else str(error)
        print(f"{', '.join(map(str, options.files))}: {told}")
        return 1
    print("\n".join(reading_lines(read, locale)))
    if read.population is None:
        print("No usable row: nothing was stored.")
        return 1
    print("where each column comes from:")
    print("\n".join(provenance_lines(read.population.provenance)))
    choice = _choice(options, read.population)
    codebook = build_codebook(read.population, choice, options.weights)
    fact_books = build_fact_books(read.population, codebook, bar("facts     "))
    print("\n".join((*report_lines(codebook), *fact_lines(read.population, fact_books))))
    print("\n".join(_compared(settings.database_url, read.population, codebook)))
    if read.notes:
        print("look at this before you go on:")
        print("\n".join(f"  - {translate(note, locale)}" for note in read.notes))
    if not codebook.cells:
        print("No cell of this population is large enough: nothing was stored.")
        return 1
    if options.dry_run:
        print("dry run: nothing was stored")
        return 0
    asyncio.run(_store(settings.database_url, read.population, codebook, fact_books))
    print(f"codebook {codebook.version} is in force")
    return 0


def _locale() -> str:
    """The language of the terminal, as far as we speak it."""
    said = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return negotiate(said.split(".")[0].replace("_", "-"))


def _bars(what: str) -> Progress:
    return bar(f"{shown(what)[:24]:<10}")


def _mapping(path: Path | None) -> list[tuple[str, str]]:
    if path is None:
        return []
    lines = path.read_text(encoding=examine(path).encoding).splitlines()
    try:
        return [_pair(line) for line in lines if line.strip() and not line.startswith("#")]
    except argparse.ArgumentTypeError as error:
        raise OSError(f"{path}: {error}") from error


def _grouped(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _choice(options: argparse.Namespace, population: Population) -> KChoice:
    asked = k_and_finest(population)
    if options.k and options.k < asked.k:
        print(f"k stays {asked.k}: this population's provenance asks for it")
    finest = max(options.finest or asked.finest_industry, asked.finest_industry, key=FINEST_INDUSTRY_LEVEL.__getitem__)
    return KChoice(max(options.k or 0, asked.k), finest)


def _compared(owner_url: str | None, population: Population, codebook: Codebook) -> list[str]:
    if owner_url is None:
        return ["no DATABASE_URL: not compared with the population in force"]

    async def ask() -> Difference | None:
        owner = await asyncpg.connect(owner_url, timeout=10)
        try:
            return await difference_from_force(owner, population, codebook)
        finally:
            await owner.close()

    found = asyncio.run(ask())
    return ["no population is in force yet"] if found is None else difference_lines(found)


# --- what is printed


def reading_lines(read: Imported, locale: str) -> list[str]:
    """Per file how it was read and which heading became which column, then the rows left out."""
    shape = {REGISTER: "company register (a row a company)", CUBE: "census cube (rows of counts)"}[read.shape]
    lines = []
    for source in read.sources:
        lines.append(f"{shown(source.file)}: {source.encoding}, headings in line {source.header_line}, read as a {shape}")
        lines += [f"  {name:<17}{_few(headings)}" for name, headings in source.columns.items()]
        lines.append(f"  {'not used' if read.shape == REGISTER else 'further columns':<17}{_few(source.unused)}")
    what = "rows" if read.shape == REGISTER else "figures"
    lines.append(f"{read.rows:,} {what} read, {read.rows_left_out:,} left out")
    for wrong in read.errors[:ERRORS_SHOWN]:
        where = f"{shown(wrong.file)}, line" if len(read.sources) > 1 else "line"
        lines.append(f"  {where} {wrong.line}, {wrong.column} {wrong.cell!r}: {translate(wrong.reason, locale)}")
    if len(read.errors) > ERRORS_SHOWN:
        lines.append("  ...")
    if read.shape == CUBE and read.population is not None:
        stated = f", {read.stated:,} by the table's own totals" if read.stated is not None else ""
        lines.append(f"{read.rows_totals:,} figures are totals of others; the rest count {len(read.population):,} companies{stated}")
    return lines


def _few(headings: tuple[str, ...]) -> str:
    return ", ".join(map(shown, headings[:12])) + (f" (+{len(headings) - 12})" if len(headings) > 12 else "") or "-"


def provenance_lines(columns: dict[str, Provenance]) -> list[str]:
    return [f"  {name:<17}{column.kind:<12}{column.source}" for name, column in columns.items()]


def difference_lines(found: Difference) -> list[str]:
    """What changes against the population in force, and what happens to the teasers that are published."""
    if found.version_before == found.version_after and found.moved == 0 and found.k_before == found.k_after:
        return ["this population and its cells are in force already"]
    lines = [
        f"compared with {found.version_before}, in force:",
        f"  companies        {found.members_before:,} -> {found.members_after:,}",
        f"  eligible         {found.eligible_before:,} -> {found.eligible_after:,}",
        f"  k                {found.k_before} -> {found.k_after}",
        f"  cells            {found.cells_kept:.1%} of those in force are cells again",
        f"  companies that would get another teaser: {found.moved:.1%}",
        f"  published teasers: {found.pinned:,}, all keep the cells they have",
    ]
    if found.thin:
        lines.append(f"    of them {found.thin:,} show a cell that fewer than k companies of the new population would get")
    for change in found.columns:
        was, becomes = (f"{side.kind} ({side.source})" if side else "none" for side in (change.before, change.after))
        lines.append(f"  {change.column:<17}{was} -> {becomes}")
    return lines


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


def fact_lines(population: Population, fact_books: Sequence[Codebook]) -> list[str]:
    """Which linkable facts may be shown, by how many companies; nothing where the population holds none."""
    known = linkable(population.facts)
    if not known:
        return []
    found = [f"  {' + '.join(book.header.facts):<60}{book.report.eligible:>10,} holders in {book.report.cells:,} cells" for book in fact_books]
    return [f"facts on record: {', '.join(known)}; shown with them are, all together or none:", *(found or ["  nothing: too few hold any"])]


def _show(owner_url: str, version: str | None) -> int:
    async def ask() -> list[StoredPopulation]:
        owner = await asyncpg.connect(owner_url, timeout=10)
        try:
            return await list_populations(owner, version)
        finally:
            await owner.close()

    found = asyncio.run(ask())
    for stored in found:
        whose = "in force" if stored.in_force else "demo" if stored.demo else "kept"
        print(f"{stored.version}  {stored.added_at:%Y-%m-%d}  {whose:<9}{stored.companies:>11,} companies  k {stored.k or '-'}  "
              f"{stored.published:,} published  {shown(stored.name)}")
        if version is not None:
            print("\n".join(provenance_lines(stored.columns)))
    if not found:
        print("no population has been imported" if version in (None, "current") else f"no population {version}")
        return 0 if version is None else 1
    return 0
