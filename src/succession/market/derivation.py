"""From a listing to its cell: where would this company be placed, and what of it would its teaser say?

Reads the codebook in force and what an earlier publication showed; decides nothing that `publication.py`, `linkable.py`
and `anonymity/` do not say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import msgspec

from succession.anonymity.alternatives import coarser_codes
from succession.anonymity.codebook import Codebook
from succession.anonymity.codebook import Profile as Figures
from succession.anonymity.preview import AnonymityReport, report
from succession.codes import ATTRIBUTES, SCHEMES
from succession.config import Settings
from succession.errors import Problem
from succession.i18n import Message
from succession.listings.profile import Profile
from succession.market.codebooks import codebook_in_force, load_codebook, load_fact_book, load_look_alikes
from succession.market.linkable import TOO_FEW_HOLDERS, Facts, facts_of, place_of
from succession.market.publication import Earlier, Place, blurred, choose_cell, claim, figures_of


class Choice(msgspec.Struct, frozen=True):
    """What the seller chose. None: as the earlier publication has it, at first everything the cell says and no facts."""

    coarser: Mapping[str, str] | None
    show_facts: bool | None


@dataclass(frozen=True)
class Derivation:
    """A profile placed in a cell. `codebook` is the one the cell belongs to, and `report` counts look-alikes in
    it; `base` is the one in force."""

    profile: Profile
    figures: Figures
    place: Place | None
    earlier: Earlier | None
    base: Codebook
    codebook: Codebook
    report: AnonymityReport
    facts: Facts
    claim: Message

    @property
    def population_version(self) -> str:
        return self.codebook.header.population


# What is shown may be a label beside the cells (0011): `s` is what is shown, `c` the cell behind it.
CELL_BEHIND = """JOIN market.cell s ON s.id = {}
JOIN market.cell c ON c.codebook_version = s.codebook_version AND c.number = coalesce(s.parent, s.number)"""
SHOWN_AND_CELL = ", ".join(f"c.{name}, s.{name} AS shown_{name}" for name in ATTRIBUTES)
_EARLIER = f"""
SELECT c.id AS cell_of, p.codebook_version, b.facts, (b.header -> 'schemes')::text AS schemes,
       NOT (b.demo AND market.imported()) AS in_this_world, {SHOWN_AND_CELL}
FROM vault.publication p JOIN market.codebook b ON b.version = p.codebook_version {CELL_BEHIND.format("p.cell_id")}
WHERE p.listing_id = $1 AND p.published_at IS NOT NULL ORDER BY p.published_at DESC LIMIT 1
"""


async def find_earlier(connection: asyncpg.Connection, listing_id: UUID) -> Earlier | None:
    """What the last publication of a listing showed."""
    row = await connection.fetchrow(_EARLIER, listing_id)
    if row is None:
        return None
    codes = {name: row[name] for name in ATTRIBUTES}
    readable = row["in_this_world"] and json.loads(row["schemes"] or "null") == {name: SCHEMES[name].version for name in ATTRIBUTES}
    return Earlier(row["cell_of"], row["codebook_version"], codes, coarser_in(row), tuple(row["facts"]), readable)


def coarser_in(row: asyncpg.Record) -> dict[str, str]:
    """What a row of SHOWN_AND_CELL says less than its cell."""
    return coarser_codes({name: row[name] for name in ATTRIBUTES}, {name: row[f"shown_{name}"] for name in ATTRIBUTES})


async def known_facts(connection: asyncpg.Connection, listing_id: UUID, settings: Settings) -> tuple[str, ...]:
    """The linkable phrases a listing may name: columns of the population in force, and what it showed before."""
    force, earlier = await codebook_in_force(connection, settings.demo_mode), await find_earlier(connection, listing_id)
    return (*force.columns, *(earlier.facts if earlier else ()))


async def derivation(connection: asyncpg.Connection, listing_id: UUID, profile: Profile, settings: Settings,
                     choice: Choice) -> Derivation:
    """Where this profile would be placed now, and what of its cell and facts it would show.

    Problem population_needed; not_publishable while figures are missing; facts_settled.
    """
    force = await codebook_in_force(connection, settings.demo_mode)
    base = codebook = await load_codebook(connection, force.version)
    figures, earlier = figures_of(profile), await find_earlier(connection, listing_id)
    facts = facts_of(profile, force.columns, earlier, choice.show_facts)
    try:
        place = choose_cell(base, figures, earlier)
    except (KeyError, ValueError):
        raise Problem("not_anonymous") from None
    if place and place.kept:
        codebook = await load_codebook(connection, place.codebook_version)
    elif facts.shown:
        book = await load_fact_book(connection, base.version, facts.shown)
        place, codebook = place_of(base, book, figures, facts), book or base
    coarser = choice.coarser if choice.coarser is not None else earlier.coarser if earlier else {}
    place = place and msgspec.structs.replace(blurred(place, coarser), withheld=facts.withheld)
    if facts.shown and place is None:
        found = AnonymityReport(None, base.k, 0, 0, (), Message(TOO_FEW_HOLDERS))
    else:
        look_alikes = await load_look_alikes(connection, codebook.version)
        found = report(codebook, look_alikes, figures, place and place.codes, place and place.coarser)
    return Derivation(profile, figures, place, earlier, base, codebook, found, facts, claim(codebook))
