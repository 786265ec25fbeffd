"""What would the codebook show if its order followed what buyers filter by? A proposal, adopted by whoever imports."""

from __future__ import annotations

import argparse
import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import msgspec

from succession.anonymity.codebook import Codebook, build
from succession.anonymity.nodes import Losses, buyer_losses, losses_as_text
from succession.anonymity.weights import (
    DAYS_LEAST,
    PRIOR_SEARCHES,
    SEARCHES_LEAST,
    SHOWN_LEAST,
    Asked,
    TooFewSearches,
    answered,
    answered_in_all,
    proposed_losses,
)
from succession.anonymity.world import build_world
from succession.codes import ATTRIBUTES
from succession.config import Settings
from succession.market.codebooks import load_codebook
from succession.market.filter_log import PUBLIC, VERIFIED, read_asked
from succession.market.populations import StoredPopulation, list_populations
from succession.progress import bar

READERS = {"verified": (VERIFIED,), "all": (PUBLIC, VERIFIED)}
DAYS, DAYS_MOST = 180, 400
SYNTHETIC = re.compile(r"synthetic world \d+, seed (\d+)")


class InForce(msgspec.Struct, frozen=True):
    """The codebook in force, and the population it rests on."""

    codebook: Codebook
    population: StoredPopulation


def run(arguments: list[str]) -> int:
    """`succession codebook weights [--days N] [--readers verified|all] [--out FILE]`; changes nothing in the database."""
    options = _parser().parse_args(arguments)
    settings = Settings.from_env()
    if settings.database_url is None:
        print("DATABASE_URL is not set.")
        return 2
    asked, found = asyncio.run(_read(settings.database_url, options.days, READERS[options.readers]))
    print("\n".join(asked_lines(asked, options.readers)))
    if found is None:
        print("no codebook is in force: nothing to compare with")
        return 1
    try:
        losses = proposed_losses(asked, buyer_losses())
    except TooFewSearches:
        print(f"too few to learn from: {SEARCHES_LEAST:,} searches on {DAYS_LEAST} days are the least")
        return 1
    about = f"Learnt from {asked.searches:,} searches on {asked.days} days ({options.readers} readers); our own losses count like " \
            f"{PRIOR_SEARCHES} more. What the columns mean: db/reference/buyer_loss.tsv."  # fmt: skip
    text = losses_as_text(losses, about)
    print("proposed (in force):")
    print("\n".join(proposal_lines(losses, found.codebook.header.losses)))
    print("\n".join(_gain(found, losses, asked)))
    if options.out:
        options.out.write_text(text, encoding="utf-8")
        print(f"{options.out} written; to adopt it: succession population import ... --weights {options.out}")
    else:
        print(text, end="")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="succession codebook", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    weights = commands.add_parser("weights", help="propose losses learnt from how finely buyers asked")
    weights.add_argument("--days", type=_days, default=DAYS, help=f"how far back, 1 to {DAYS_MOST}; default {DAYS}")
    weights.add_argument("--readers", choices=READERS, default="verified",
                         help="whose searches count: `all` includes the public, where one program can be many readers")  # fmt: skip
    weights.add_argument("--out", type=Path, metavar="FILE", help="write the table here instead of printing it")
    return parser


def _days(text: str) -> int:
    if not 1 <= int(text) <= DAYS_MOST:
        raise argparse.ArgumentTypeError(f"from 1 to {DAYS_MOST} days")
    return int(text)


async def _read(owner_url: str, days: int, readers: tuple[str, ...]) -> tuple[Asked, InForce | None]:
    owner = await asyncpg.connect(owner_url, timeout=10)
    try:
        asked = await read_asked(owner, days, readers)
        found = await list_populations(owner, "current")
        if not found or found[0].codebook is None:
            return asked, None
        async with owner.transaction(readonly=True):
            await owner.execute("SET LOCAL ROLE succession_seeder")
            return asked, InForce(await load_codebook(owner, found[0].codebook), found[0])
    finally:
        await owner.close()


def _gain(found: InForce, losses: Losses, asked: Asked) -> list[str]:
    synthetic = SYNTHETIC.fullmatch(found.population.name)
    if not (found.population.demo and synthetic):
        return ["what it would gain: succession population import FILE --dry-run --weights FILE, with the register in force"]
    world = build_world(found.population.companies, int(synthetic[1]), bar("demo world"))
    header = found.codebook.header
    other = build(world, header.k, header.finest_industry, bar("codebook  "), header.rule, losses=losses)
    return gain_lines(found.codebook, other, asked)


# --- what is printed


def asked_lines(asked: Asked, readers: str) -> list[str]:
    """How many searches needed which level; small counts are not told."""
    told = {name: [f"{n:,}" if n >= SHOWN_LEAST else f"<{SHOWN_LEAST}" for n in counts] for name, counts in asked.needs.items()}
    return [
        f"{asked.searches:,} searches on {asked.days} days ({readers} readers) asked for, finest level first:",
        *(f"  {name:<10}" + "".join(f"{cell:>10}" for cell in told[name][:-1]) for name in ATTRIBUTES),
    ]


def proposal_lines(proposed: Losses, in_force: Losses) -> list[str]:
    """Weights and losses beside those in force."""
    return [
        f"  {name:<10}weight {weight:>3} ({was:>3})   losses {_spaced(losses)} ({_spaced(before)})"
        for (name, weight, losses), (_, was, before) in zip(proposed, in_force, strict=True)
    ]


def _spaced(losses: Sequence[int]) -> str:
    return " ".join(map(str, losses))


def gain_lines(before: Codebook, after: Codebook, asked: Asked) -> list[str]:
    """Wishes that teasers are fine enough to answer, and what a teaser shows, in force and as proposed."""
    old, new = answered(before.report.levels, asked), answered(after.report.levels, asked)
    return [
        f"with it: {after.report.cells:,} cells, smallest {after.report.smallest_cell}, {after.report.leftovers:,} without a teaser",
        f"wishes a teaser is fine enough to answer: {answered_in_all(before.report.levels, asked):.1%} -> "
        f"{answered_in_all(after.report.levels, asked):.1%}",
        *(f"  {name:<10}{old[name]:8.1%} -> {new[name]:.1%}" for name in ATTRIBUTES if name in old),
        f"region, 2-digit industry and revenue band together: {before.report.useful:.1%} -> {after.report.useful:.1%}",
        "share of teasers at the finest level:",
        *(f"  {name:<10}{before.report.levels[name][0]:8.1%} -> {after.report.levels[name][0]:.1%}" for name in ATTRIBUTES),
    ]
