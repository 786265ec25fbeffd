"""What was shown of a company so far, through which channels, and is a release one too many?

A channel is a way by which something of a listing reaches somebody else. Each has a table whose rows *are* its showing,
and a trigger there writes the exposure (0010): no command can show something and forget. A test holds this table against
every route and letter there is.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID
from zipfile import BadZipFile

import asyncpg
import msgspec

from succession.anonymity.codebook import attributes_of
from succession.anonymity.mosaic import Reference, Shown, Verdict, judge, lies_in, versions_of
from succession.errors import Problem
from succession.i18n import _
from succession.listings.profile import Business, FiscalYear, Profile
from succession.market.codebooks import load_codebook, load_look_alikes
from succession.market.publication import figures_of


class Channel(NamedTuple):
    """`shows`: what of the company; `to`: whom; `table`: whose trigger writes the exposure; then what lets it out."""

    shows: str
    to: str
    table: str
    routes: tuple[str, ...]
    letters: tuple[str, ...]


CHANNELS: dict[str, Channel] = {
    "publication": Channel(
        _("the teaser"), "the audiences", "vault.publication",
        ("SearchTeasers", "ReadTeaser", "ListCandidates", "ListMatches", "ProposeIntroduction"), ("alert_found", "alert_digest")),
    "introduction": Channel(
        _("the teaser, and the name of the intermediary"), "one acquirer and its desk", "vault.introduction",
        ("AcceptIntroduction", "ListIntroductions", "ReadIntroduction"), ("introduction_accepted", "introduced_to_seller")),
    "nda": Channel(
        _("the name of the intermediary"), "one buyer and who represents it", "vault.nda",
        ("OfferNda", "ReadNda", "SignNda", "AcknowledgeNda", "ReadNdaRenewal", "RenewNda", "EnterNdaPaper", "ReadNdaPaper", "ReadNdaPaperContent",
         "DecideNdaPaper", "OpenNdaPage", "SignNdaPage", "ReadDisclosureRequest", "ListDisclosureRequests"),
        ("nda_offered",)),
    "answer": Channel(
        _("an answer before the name clear"), "one buyer and who represents it", "vault.answer",
        ("AskQuestion", "ListQuestions", "AnswerQuestion", "ReviewAnswer"), ("question_answered",)),
    "dossier": Channel(
        _("which company it is"), "one buyer and who represents it", "vault.disclosure_grant",
        ("ReleaseDossier", "ReadDossier", "ReadDocument", "ReadDocumentPage", "OpenDocumentPage", "MakeDocumentLink", "OpenDocumentLink", "ListDocuments",
         "ReadNdaSchedule", "ReadNdaDocument", "ListGrants"), ("released",)),
    "data_room": Channel(
        _("which company it is"), "one buyer and who represents it", "vault.disclosure_grant",
        ("ReleaseDataRoom", "ReadDocument", "ReadDocumentPage", "OpenDocumentPage", "MakeDocumentLink", "OpenDocumentLink", "ListDocuments", "ReleaseFolder",
         "ListFolders", "ListFolderGrants"), ("released",)),
}


# --- from rows to what can be counted ---------------------------------------------------------------------------------

_COLUMNS = "s.own, s.settled, s.codebook_version, s.cell, s.codes, s.facts::text AS facts, s.in_force"
#: $1 listings. Shown to anybody, per listing; for the worker.
OF_EACH = f"SELECT l.id, {_COLUMNS} FROM unnest($1::uuid[]) AS l(id) CROSS JOIN LATERAL vault.shown_about(l.id, NULL) s"
#: $1 the listing, $2 to whom something is to be told next; for its holder.
OF_HOLDER = f"SELECT {_COLUMNS} FROM vault.shown_so_far($1, $2::uuid[]) s"
#: $1 the listing. What its holder may know without asking further: what its own publications showed.
OF_LISTING = f"""
SELECT {_COLUMNS} FROM (
    SELECT DISTINCT true AS own, false AS settled, c.codebook_version, c.number AS cell, '{{}}' AS facts, e.in_force,
           ARRAY[c.place, c.industry, c.founded, c.employees, c.revenue, c.margin] AS codes
    FROM vault.exposure e JOIN market.cell shown ON shown.id = e.cell_id
    JOIN market.cell c ON c.codebook_version = shown.codebook_version AND c.number = coalesce(shown.number, shown.parent)
    WHERE e.listing_id = $1 AND e.audiences IS NOT NULL) s
"""


class Known(NamedTuple):
    """`shown` of the company by all of its listings together; `own`: by this one alone."""

    shown: tuple[Shown, ...]
    own: tuple[Shown, ...]


NOTHING = Known((), ())


def known(rows: Iterable[Mapping[str, Any]], own: Mapping[str, str] | None) -> Known:
    """What one of these statements found.

    A cell that contradicts `own`, the company's finest codes of today, is left out once a person has let a later one go
    in spite of it: from then on the later one counts.
    """
    kept = [(row["own"], shown_of(row)) for row in rows
            if not (row["settled"] and own and row["codes"] and not lies_in(own, row["codes"]))]
    mine = [shown for own_row, shown in kept if own_row]
    return Known(tuple(dict.fromkeys(shown for _own, shown in kept)), tuple(dict.fromkeys(mine)))


def shown_of(row: Mapping[str, Any]) -> Shown:
    codes = tuple(row["codes"]) if row["codes"] else None
    return Shown(row["codebook_version"], row["cell"], codes, facts_of(row["facts"]), row["in_force"])


def facts_of(written: str) -> tuple[tuple[str, str], ...]:
    """The facts of an exposure, from their JSON text."""
    return tuple(sorted(json.loads(written).items()))


# --- what the company is today ----------------------------------------------------------------------------------------

#: Columns a cell is made of, and where they are: `FIGURES_OF.format(...)` with the listing's id. No identity is read.
FIGURES = "f.jsic_code, f.prefecture, f.founded_on, f.founded_year, f.employees, y.period_end, y.revenue_yen, y.operating_profit_yen"
FIGURES_OF = """
LEFT JOIN vault.listing_profile f ON f.listing_id = {0}
LEFT JOIN LATERAL (SELECT * FROM vault.listing_financials y WHERE y.listing_id = {0} ORDER BY y.period_end DESC LIMIT 1) y ON true
"""
#: $1 the listing
OWN_FIGURES = f"SELECT {FIGURES} FROM (SELECT $1::uuid AS id) l {FIGURES_OF.format('l.id')}"


def profile_of_figures(row: Mapping[str, Any]) -> Profile:
    """A profile of nothing but the columns of FIGURES."""
    business = Business(jsic_code=row["jsic_code"], prefecture=row["prefecture"], founded_on=row["founded_on"],
                        founded_year=row["founded_year"], employees=row["employees"])
    years = [FiscalYear(row["period_end"], row["revenue_yen"], row["operating_profit_yen"])] if row["period_end"] else []
    return Profile(business=business, financials=years)


def own_codes(row: Mapping[str, Any]) -> dict[str, str] | None:
    """The company's finest codes of today, from the columns of FIGURES; None while one is missing or no band holds it."""
    try:
        return attributes_of(figures_of(profile_of_figures(row)))
    except (Problem, LookupError, ValueError):
        return None


# --- is it one too many? ----------------------------------------------------------------------------------------------

#: Why a release waits -> what the operator reads of it. No intermediary is told more than that somebody looks at it.
REASONS = {
    "few_candidates": _("Together with what was shown before, too few companies are left."),
    "same_company": _("Together with what another intermediary shows of the same company, too few companies are left."),
    "figures_moved": _("An earlier teaser shows bands that the company has left. Nobody can count how many made the same move."),
    "cannot_count": _("What was shown before rests on a population that cannot be read any more."),
    "spot_check": _("Picked at random: some releases are looked at so that waiting tells nobody anything."),
}


class Weighed(NamedTuple):
    """`why`: a key of REASONS, None when it may go; `verdict` None when it could not be counted."""

    why: str | None
    verdict: Verdict | None


async def weigh(connection: asyncpg.Connection, before: Known, new: Sequence[Shown],
                own: Mapping[str, str] | None = None) -> Weighed:
    """May `new` be shown after `before`? `own` as in `judge`. What cannot be counted waits."""
    if not before.shown and all(each.cell is not None and each.in_force == each.codebook for each in new):
        return Weighed(None, None)  # a cell holds k in the population it was built from: that is what the build is
    try:
        references = await _references(connection, (*before.shown, *new))
        verdict = judge(before.shown, new, references, own)
        if verdict.why and before.own != before.shown and judge(before.own, new, references, own).why is None:
            return Weighed("same_company", verdict)
    except (LookupError, ValueError, EOFError, BadZipFile, msgspec.MsgspecError):
        return Weighed("cannot_count", None)
    return Weighed(verdict.why, verdict)


async def _references(connection: asyncpg.Connection, shown: Collection[Shown]) -> dict[str, Reference]:
    return {version: Reference(await load_codebook(connection, version), await load_look_alikes(connection, version))
            for version in versions_of(shown)}


async def weigh_relisting(connection: asyncpg.Connection, listing_id: UUID, new: Shown, own: Mapping[str, str]) -> Weighed:
    """The same for a listing that was published before, for its holder: by what this listing itself showed."""
    before = known(await connection.fetch(OF_LISTING, listing_id), own)
    return await weigh(connection, before, [new], own) if before.shown else Weighed(None, None)
