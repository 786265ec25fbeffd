"""Holes to be found: the gate with one board missing. A judge that stays silent over one of them proves nothing.

`alter` takes a piece out of a function of the database as it stands, so that a hole stays a hole when the function grows.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from sqlalchemy import text

from gate.bench import Bench
from gate.judge import Judge
from gate.town import Town
from succession.disclosure import routes
from succession.disclosure.commands import release
from succession.outbox import mail

Step = Callable[[Town], Awaitable[Any]]


async def nothing(town: Town) -> None:
    """The hole shows without anybody doing anything."""


@dataclass
class Hole:
    """`plant`: done by the owner of the database, or (`in_program`) a context manager that patches the program. `spoil` brings a
    cause to fall, `mend` brings it back; both act on rows and on the model. `act` is done while the hole is there, `whole` asks
    every route, `readers` are who reads. `found_at_random`: the machine's steps lead there too. `long`: planted under --full alone."""

    name: str
    plant: Callable[[asyncpg.Connection], Awaitable[list[str]]] | Callable[[Bench], contextlib.AbstractContextManager[None]]
    spoil: Step = nothing
    mend: Step = nothing
    act: Step = nothing
    found_at_random: bool = True
    whole: bool = False
    in_program: bool = False
    readers: tuple[str, ...] = ("uk",)
    long: bool = False

    @contextlib.contextmanager
    def planted(self, bench: Bench) -> Iterator[None]:
        if self.in_program:
            with self.plant(bench):
                yield
            return
        undo = bench.run(self._plant(bench))
        try:
            yield
        finally:
            bench.run(_execute(bench, undo))
            bench.sql.forget()

    async def _plant(self, bench: Bench) -> list[str]:
        connection = await asyncpg.connect(bench.settings.database_url)
        try:
            undo = await self.plant(connection)
        finally:
            await connection.close()
        bench.sql.forget()
        return undo

    async def seen(self, judge: Judge) -> list[str]:
        """What the judge says of a town with this hole in it, asking a few people."""
        await self.act(judge.town)
        few = [judge.town.people[name] for name in self.readers]
        return await judge.at_rest(few if self.whole else [], thorough=False) if self.in_program else await judge.glance(few)


async def _execute(bench: Bench, statements: list[str]) -> None:
    connection = await asyncpg.connect(bench.settings.database_url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def alter(function: str, piece: str, put: str) -> Callable[[asyncpg.Connection], Awaitable[list[str]]]:
    """`piece` (a pattern) of a function's body replaced; undone by the body as it was."""

    async def plant(connection: asyncpg.Connection) -> list[str]:
        body = await connection.fetchval("SELECT pg_get_functiondef($1::regprocedure)", function)
        leaky, changed = re.subn(piece, put, body)
        assert changed, f"{function} has no {piece}: the hole must be cut elsewhere"
        await connection.execute(leaky)
        return [body]

    return plant


def say(*statements: str, undo: tuple[str, ...]) -> Callable[[asyncpg.Connection], Awaitable[list[str]]]:
    async def plant(connection: asyncpg.Connection) -> list[str]:
        for statement in statements:
            await connection.execute(statement)
        return list(undo)

    return plant


def both(*plants: Callable[[asyncpg.Connection], Awaitable[list[str]]]) -> Callable[[asyncpg.Connection], Awaitable[list[str]]]:
    """What is closed twice has to be opened twice."""

    async def plant(connection: asyncpg.Connection) -> list[str]:
        return [statement for each in plants for statement in await each(connection)]

    return plant


def policy(name: str, table: str, using: str) -> Callable[[asyncpg.Connection], Awaitable[list[str]]]:
    async def plant(connection: asyncpg.Connection) -> list[str]:
        was = await connection.fetchval("SELECT qual FROM pg_policies WHERE schemaname || '.' || tablename = $1 AND policyname = $2", table, name)
        await connection.execute(f"ALTER POLICY {name} ON {table} USING ({using})")
        return [f"ALTER POLICY {name} ON {table} USING ({was})"]

    return plant


# ---------------------------------------------------------------------------------------------------------------------
# How one cause falls, and stands again


def row(sql: str, change: Callable[[Town], None], road: str = "kanda-uk") -> Step:
    async def go(town: Town) -> None:
        await town.overrule(sql, UUID(town.roads[road].id))
        change(town)

    return go


def flag(field: str, value: bool, of: str) -> Callable[[Town], None]:
    """Of the first deal's grants, NDA or consents in the model."""

    def change(town: Town) -> None:
        deal = town.roads["kanda-uk"].model
        for each in {"grants": deal.grants, "ndas": deal.ndas, "consents": deal.consents}[of]:
            setattr(each, field, value)

    return change


def of_deal(field: str, value: object) -> Callable[[Town], None]:
    return lambda town: setattr(town.roads["kanda-uk"].model, field, value)


def of_folders(revoked: bool) -> Callable[[Town], None]:
    def change(town: Town) -> None:
        for each in town.roads["kanda-uk"].model.folders:
            each.revoked = revoked

    return change


def causes(table: str, column: str, over: str, again: str, field: str, of: str) -> tuple[Step, Step]:
    where = f"UPDATE vault.{table} SET {column} = {{}} WHERE deal_id = $1"
    return row(where.format(over), flag(field, True, of)), row(where.format(again), flag(field, False, of))


async def screening_runs_out(town: Town) -> None:
    await town.expires(town.roads["kanda-uk"], "screening")


async def suspend(town: Town) -> None:
    assert await town.operator_decides("uk", "suspended") in (200, 201)


async def verify(town: Town) -> None:
    assert await town.operator_decides("uk", "verified") in (200, 201)


async def exclude(town: Town) -> None:
    assert await town.excludes("kanda", "uk") == 201


async def readmit(town: Town) -> None:
    assert await town.readmits("kanda", "uk") == 204


async def take_out(town: Town) -> None:
    assert await town.removed("kanda", "books") == 204


async def lose_data_room(town: Town) -> None:
    await _data_room(town, revoked=True)


async def regain_data_room(town: Town) -> None:
    await _data_room(town, revoked=False)


async def _data_room(town: Town, revoked: bool) -> None:
    road = town.roads["kanda-uk"]
    await town.overrule(f"UPDATE vault.disclosure_grant SET revoked_at = {'now()' if revoked else 'NULL'} WHERE deal_id = $1 AND level = 'data_room'",
                        UUID(road.id))
    for grant in road.model.grants:
        grant.revoked = revoked and grant.level == "data_room"


async def end_representation(town: Town) -> None:
    assert await town.ends_representation() in (200, 201)


REVOKED = causes("disclosure_grant", "revoked_at", "now()", "NULL", "revoked", "grants")
EXPIRED = causes("disclosure_grant", "expires_at", "clock_timestamp()", "now() + interval '30 days'", "expired", "grants")
NDA_ENDED = causes("nda", "ended_at", "now()", "NULL", "ended", "ndas")
NDA_EXPIRED = causes("nda", "expires_at", "clock_timestamp()", "now() + interval '300 days'", "expired", "ndas")
CONSENT = causes("name_clear", "revoked_at", "now()", "NULL", "revoked", "consents")
SCREENED = row("UPDATE vault.screening SET expires_at = now() + interval '100 days' WHERE deal_id = $1", of_deal("screening", "cleared"))
FOLDER_CLOSED = (row("UPDATE vault.folder_grant SET revoked_at = now() WHERE deal_id = $1", of_folders(True)),
                 row("UPDATE vault.folder_grant SET revoked_at = NULL WHERE deal_id = $1", of_folders(False)))
CLOSED = (row("UPDATE vault.deal SET terminal = 'seller_withdrew', terminal_reason = 'owner_withdrew' WHERE id = $1", of_deal("closed", True)),
          row("UPDATE vault.deal SET terminal = NULL, terminal_reason = NULL WHERE id = $1", of_deal("closed", False)))


# ---------------------------------------------------------------------------------------------------------------------
# Holes in the program


@contextlib.contextmanager
def patched(module: Any, name: str, make: Callable[[Any], Any]) -> Iterator[None]:
    honest = getattr(module, name)
    setattr(module, name, make(honest))
    try:
        yield
    finally:
        setattr(module, name, honest)


def a_list_read_by_the_wrong_role(bench: Bench) -> contextlib.AbstractContextManager[None]:
    """The list of requests, with one careless query past row-level security."""

    def make(honest: Any) -> Any:
        async def leaky(read: Any, *rest: Any) -> Any:
            found, owner = await honest(read, *rest), await asyncpg.connect(bench.settings.database_url)
            try:
                for each in found.items:
                    each.purpose = await owner.fetchval("SELECT string_agg(legal_name, ' ') FROM vault.listing_identity")
            finally:
                await owner.close()
            return found
        return leaky

    return patched(routes, "list_requests", make)


def a_letter_that_names_the_company(bench: Bench) -> contextlib.AbstractContextManager[None]:
    def make(honest: Any) -> Any:
        async def leaky(tx: Any, deal: Any, template: str, **params: object) -> None:
            name = await tx.scalar(text("SELECT legal_name FROM vault.listing_identity WHERE listing_id = :id"), {"id": deal.listing_id})
            await mail(tx, template, organisation=deal.buyer_id, project=f"{deal.project_name} ({name})")
        return leaky

    return patched(release, "tell_buyer", make)


async def revoke(town: Town) -> None:
    assert await town.revokes(town.roads["kanda-uk"], 1) == 201


GRANT_HOLDS, CAUSES_HOLD = "vault.grant_holds(uuid)", "vault.causes_hold(uuid)"
HOLES = [
    Hole("a revoked grant is read on", alter(GRANT_HOLDS, r"g\.revoked_at IS NULL AND", ""), *REVOKED),
    Hole("an expired grant is read on", alter(GRANT_HOLDS, r"AND g\.expires_at > now\(\)", ""), *EXPIRED),
    Hole("an ended NDA binds on", alter("vault.nda_in_force(uuid)", r"AND n\.ended_at IS NULL", ""), *NDA_ENDED),
    Hole("an expired NDA binds on", alter("vault.nda_in_force(uuid)", r"AND n\.expires_at > now\(\)", ""), *NDA_EXPIRED),
    # Taking a consent back ends its grants as well, so that only this cause alone shows the hole.
    Hole("a consent taken back stands", alter("vault.consent_stands(uuid)", r"AND c\.revoked_at IS NULL", ""), *CONSENT, found_at_random=False),
    Hole("a screening never runs out", alter("vault.screened(uuid)", r"AND s\.expires_at > now\(\)", ""), screening_runs_out, SCREENED),
    Hole("an excluded buyer reads on", alter(CAUSES_HOLD, r"e\.listing_id = d\.listing_id", "false"), exclude, readmit),
    Hole("a suspended buyer reads on", alter(CAUSES_HOLD, r"AND b\.status = 'verified'", ""), suspend, verify),
    Hole("a closed deal is read on", alter(CAUSES_HOLD, r"AND d\.terminal IS NULL", ""), *CLOSED),
    Hole("buyers of one company read each other's schedules", policy("granted", "vault.nda_schedule", "vault.live_grant(listing_id, 'dossier')"),
         readers=("uk", "nl")),
    Hole("the dossier opens the data room", policy("granted", "vault.document", "vault.live_grant(listing_id, 'dossier')"),
         lose_data_room, regain_data_room),
    Hole("a folder is read on when it was closed", both(
        alter("vault.folder_grant_holds(uuid,uuid)", r"AND g\.revoked_at IS NULL", ""),
        alter("vault.document_open(uuid,uuid)", r"AND g\.revoked_at IS NULL AND d\.id", "AND d.id")), *FOLDER_CLOSED),
    Hole("every verified buyer reads profiles", say("CREATE POLICY leak ON vault.listing_profile TO succession_app USING (ops.kind() = 'acquirer')",
                                                    undo=("DROP POLICY leak ON vault.listing_profile",)), readers=("uk", "nl")),
    Hole("a buyer with the dossier reads what no level shows", say(
        "CREATE POLICY leak ON vault.listing_contact TO succession_app USING (vault.live_grant(listing_id, 'dossier'))",
        undo=("DROP POLICY leak ON vault.listing_contact",))),
    Hole("the worker reads identity", say(
        "GRANT SELECT ON vault.listing_identity TO succession_worker", "CREATE POLICY leak ON vault.listing_identity TO succession_worker USING (true)",
        undo=("DROP POLICY leak ON vault.listing_identity", "REVOKE SELECT ON vault.listing_identity FROM succession_worker"))),
    Hole("the search reads the vault", say(
        "GRANT USAGE ON SCHEMA vault TO market_public", "GRANT SELECT ON vault.listing_contact TO market_public",
        "CREATE POLICY leak ON vault.listing_contact TO market_public USING (true)",
        undo=("DROP POLICY leak ON vault.listing_contact", "REVOKE SELECT ON vault.listing_contact FROM market_public",
              "REVOKE USAGE ON SCHEMA vault FROM market_public"))),
    Hole("a gate that never opens", alter(GRANT_HOLDS, r"SELECT EXISTS \(", "SELECT false AND EXISTS (")),
    Hole("a representation goes on after its end", alter("vault.represents(uuid,uuid)", r"AND r\.ended_at IS NULL", ""), end_representation,
         readers=("bank",)),
    Hole("a document that was taken out is read", both(alter("vault.document_open(uuid,uuid)", r"AND d\.removed_at IS NULL", ""), say(
        "DROP POLICY kept ON vault.document", "DROP POLICY kept ON vault.document_content",
        undo=("CREATE POLICY kept ON vault.document AS RESTRICTIVE FOR SELECT TO succession_app USING (removed_at IS NULL OR vault.holds(listing_id))",
              "CREATE POLICY kept ON vault.document_content AS RESTRICTIVE FOR SELECT TO succession_app "
              "USING (EXISTS (SELECT FROM vault.document d WHERE d.id = document_id))"))), take_out),
    Hole("a list names the companies", a_list_read_by_the_wrong_role, whole=True, readers=("nl",), in_program=True),
    Hole("a letter names the company", a_letter_that_names_the_company, act=revoke, in_program=True),
]
