"""Holes between the agreement and the papers: who decides, who is bound, the clean team, answers, persons and links."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID

from gate.bench import Bench
from gate.cast import Road
from gate.holes import REVOKED, Hole, Step, alter, both, patched, policy
from gate.model import LATE_STEPS
from gate.town import Town
from succession.disclosure import viewing


def on(road: str, *steps: Callable[[Town, Road], Awaitable[Any]]) -> Step:
    """These steps on this road, each of which succeeds."""

    async def go(town: Town) -> None:
        for step in steps:
            answer = await step(town, town.roads[road])
            assert answer in (None, 200, 201, 204), f"{road}: {step} was answered with {answer}"

    return go


def opens(where: str) -> Callable[[Town, Road], Awaitable[Any]]:
    return lambda town, road: town.opens_folder(road, where, far=where in LATE_STEPS)


def competes(competes: bool) -> Callable[[Town, Road], Awaitable[Any]]:
    return lambda town, road: town.competes(road, competes)


def joins(town: Town, road: Road, accepted: bool = True) -> Awaitable[Any]:
    return town.joins_clean_team(road, road.buyer, accepted)


def named(town: Town, road: Road) -> Awaitable[Any]:
    return joins(town, road, accepted=False)


def leaves(town: Town, road: Road) -> Awaitable[Any]:
    return town.leaves_clean_team(road, road.buyer)


def revokes(town: Town, road: Road) -> Awaitable[Any]:
    return town.revokes(road, 0)


def dossier(town: Town, road: Road) -> Awaitable[Any]:
    return town.releases(road, "dossier")


async def one_signature(town: Town, road: Road) -> None:
    await town.overrule("UPDATE vault.nda SET countersigned_at = NULL, in_force_at = NULL WHERE deal_id = $1", UUID(road.id))
    road.model.nda.countersigned = False


async def both_signatures(town: Town, road: Road) -> None:
    await town.overrule("UPDATE vault.nda SET countersigned_at = now(), in_force_at = now() WHERE deal_id = $1", UUID(road.id))
    road.model.nda.countersigned = True


async def runs_again(town: Town, road: Road) -> None:
    await town.overrule("UPDATE vault.nda SET expires_at = now() + interval '700 days' WHERE deal_id = $1", UUID(road.id))
    road.model.nda.days, road.model.nda.renewal = 700, "in force"


async def ends_last_folder(town: Town, road: Road) -> None:
    await town.overrule("UPDATE vault.folder_grant SET revoked_at = now() WHERE id = $1", UUID(road.folders[-1]))


def lose_grants(town: Town, _road: Road) -> Awaitable[Any]:
    return REVOKED[0](town)


ASKED = "vault.party(deal_id) = ANY (ARRAY['buyer', 'representative'])"
TEAM, LINK = "vault.in_clean_team(uuid,uuid)", "vault.use_document_link(bytea)"


@contextlib.contextmanager
def a_link_without_hours(bench: Bench) -> Iterator[None]:
    """Closed twice: where a use is counted, and where the page is taken out."""
    def make(honest: str) -> str:
        leaky = honest.replace(" AND l.expires_at > now()", "")
        assert leaky != honest, "the hole must be cut elsewhere"
        return leaky

    with patched(viewing, "_OPENED", make), Hole("", alter(LINK, r"AND k\.expires_at > now\(\)", "")).planted(bench):
        yield


ROOM_HOLES = [
    # the clean team, and steps of know-how
    Hole("a competitor reads past its clean team", alter(
        "vault.folder_grant_holds(uuid,uuid)",
        r"AND \(NOT vault\.needs_clean_team\(g\.folder_id, g\.deal_id\) OR vault\.in_clean_team\(g\.deal_id, reader\)\)", ""),
         on("ueno-uk", competes(False), opens("prices"), competes(True))),
    Hole("who was only named reads for the clean team", alter(TEAM, r"AND t\.accepted_at IS NOT NULL", ""), on("ueno-uk", named),
         found_at_random=False),
    Hole("who left the clean team reads on", alter(TEAM, r"AND t\.ended_at IS NULL", ""), on("ueno-uk", joins, leaves),
         found_at_random=False, long=True),
    Hole("the parameters of a process are for the whole firm", alter("vault.needs_clean_team(uuid,uuid)", r"coalesce\(k\.clean_team, false\)\s+OR", ""),
         on("kanda-uk", competes(False), joins, opens("K0"), opens("K1"), opens("K2"), opens("K3"), leaves), found_at_random=False,
         long=True),
    Hole("a step that the owner takes back leaves the next one open", alter("vault.later_steps_end()", r"AND g\.revoked_at IS NULL", "AND false"),
         on("kanda-uk", competes(False), opens("K0"), opens("K1")), on("kanda-uk", ends_last_folder), found_at_random=False,
         act=on("kanda-uk", lambda town, road: town.closes_folder(road, by_owner=True, which=-2))),
    # answers
    Hole("an answer that waits for its reader is read", policy("asker", "vault.answer", f"{ASKED} AND (before_name_clear OR vault.live_grant(listing_id, 'dossier'))"),
         on("kanda-us", lambda town, road: town.expires(road, "screening"), lambda town, road: town.asks_question(road)),
         on("kanda-us", lambda town, road: town.screens(road)), found_at_random=False, readers=("us",)),
    Hole("an answer to one buyer is read by another", policy("cleared", "vault.answer", "released_at IS NOT NULL AND vault.live_grant(listing_id, 'dossier')"),
         on("kanda-uk", lambda town, road: town.asks_question(road)), found_at_random=False, readers=("nl",), long=True),
    Hole("answers by name are read on without a grant", policy("asker", "vault.answer", f"released_at IS NOT NULL AND {ASKED}"),
         on("kanda-uk", lambda town, road: town.asks_question(road), lose_grants), REVOKED[1], found_at_random=False),
    # persons
    Hole("personal data go abroad without a consent of their own", alter("vault.personal_data_open(uuid)", r"AND a\.personal_data", ""), readers=("us",)),
    Hole("a relative is named who took the word back", alter("vault.third_person_open(uuid,text)", r"AND t\.withdrawn_at IS NULL", ""),
         on("kanda-uk", lambda town, road: town.relative_agrees(road), lambda town, road: town.relative_withdraws(road)),
         found_at_random=False, long=True),
    # links
    Hole("a link outlives its hours", a_link_without_hours,
         on("ueno-uk", lambda town, road: town.makes_link(road, road.buyer), lambda town, road: town.expires(road, "link", -1)),
         found_at_random=False, in_program=True),
    # the agreement
    Hole("a name on a list suspends nothing", alter(
        "vault.screened(uuid)", r"AND NOT EXISTS \(SELECT FROM vault\.screening_alert a\s+WHERE [^)]*\([^)]*\)\)", ""),
         on("kanda-uk", lambda town, road: town.is_found_on_a_list(road)), on("kanda-uk", lambda town, road: town.screens(road))),
    Hole("whoever was released from the agreement reads on", alter("vault.bound_by(uuid,uuid)", r"AND b\.released_at IS NULL", ""),
         on("kanda-nl", lambda town, road: town.releases_member(road, town.people["bank"])),
         on("kanda-nl", lambda town, road: town.binds(road, town.people["bank"])), readers=("bank",)),
    Hole("one of two signatures is an agreement", alter("vault.nda_in_force(uuid)", r"n\.in_force_at IS NOT NULL AND", ""),
         on("ueno-uk", one_signature), on("ueno-uk", both_signatures), found_at_random=False),
    Hole("a renewal counts when one side has signed it", alter("vault.nda_signature_counts()", r"new\.act = 'renewal_countersignature' OR NOT mutual", "true"),
         on("ueno-uk", lambda town, road: town.comes_near_its_end(road)), on("ueno-uk", runs_again),
         act=on("ueno-uk", lambda town, road: town.renews(road), lambda town, road: town.a_month_passes(road)), found_at_random=False,
         long=True),
    Hole("the seller's own paper binds the buyer's people unasked", both(
        alter("vault.nda_paper_binds()", r"m\.id = p\.entered_by AND m\.organisation_id", "m.organisation_id"),
        alter("vault.nda_paper_binds()", r"AND p\.side = 'buyer'", "")),
         on("kanda-nl", revokes, lambda town, road: town.ends_nda(road)),
         on("kanda-nl", lambda town, road: town.releases_member(road, road.buyer)), found_at_random=False, readers=("nl",),
         act=on("kanda-nl", lambda town, road: town.hands_in_paper(road, by_buyer=False), lambda town, road: town.puts_to_owner(road),
                lambda town, road: town.all_say_yes(road), dossier), long=True),
    Hole("one of two persons lets a folder be shown", alter("vault.deciders_verdict(uuid)", r"bool_and\(p\.decision", "bool_or(p.decision"),
         on("ueno-uk", lambda town, road: town.closes_folder(road, by_owner=False, which=0)),
         on("ueno-uk", lambda town, road: town.closes_folder(road, by_owner=False)), found_at_random=False,
         act=on("ueno-uk", lambda town, road: town.opens_folder(road, persons=1)), long=True),
    Hole("one of two persons is enough", alter("vault.consent_verdict(uuid)", r"bool_and\(a\.decision", "bool_or(a.decision"), on("ueno-uk", revokes),
         act=on("ueno-uk", lambda town, road: town.puts_to_owner(road), lambda town, road: town.owner_says(road, "yes", 1), dossier),
         found_at_random=False, long=True),
]
