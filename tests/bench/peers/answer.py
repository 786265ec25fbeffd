"""What do the peers share with us: the data, the meaning of a search, and the words of an answer?

Only the road to the database is compared, so parsing, hierarchy and rendering are ours for everybody. The peers get a table of
their own without policies: all they show in one row, every index that one of their statements can use, fresh statistics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import asyncpg
import msgspec

from succession.codes import ATTRIBUTES
from succession.market.facets import COLUMN, POSSIBLE, TOTAL, counts_of, facets_of
from succession.market.matched import matched_in
from succession.market.queries import FoundTeaser, teaser_view
from succession.market.search import FILTERS, Search, read_search

LIMIT = 20
COLUMN_OF = {name: name for name in ATTRIBUTES} | {name: column for name, (column, _is_set) in COLUMN.items()}
SETS = frozenset(name for name, (_column, is_set) in COLUMN.items() if is_set)

_TABLE = f"""
CREATE SCHEMA peer;
CREATE TABLE peer.teaser AS
SELECT t.ref, t.batch, {", ".join(f"c.{name}" for name in ATTRIBUTES)}, c.codebook_version, t.price, t.schemes, t.timing, t.phrases,
       t.fiscal_year, t.vocabulary_version, t.revenue_rank, t.shuffle
FROM market.teaser t JOIN market.cell c ON c.id = t.cell_id WHERE t.audiences & 1 <> 0;
ALTER TABLE peer.teaser ADD PRIMARY KEY (ref);
CREATE INDEX ON peer.teaser (batch DESC, shuffle, ref);
CREATE INDEX ON peer.teaser USING gin (schemes);
CREATE INDEX ON peer.teaser USING gin (phrases);
CREATE INDEX ON peer.teaser (place, industry);
CREATE INDEX ON peer.teaser (place, price);
CREATE INDEX ON peer.teaser (industry, price);
CREATE INDEX ON peer.teaser (price, timing);
""" + "".join(f"CREATE INDEX ON peer.teaser ({column});" for name, column in COLUMN_OF.items() if name not in SETS)


async def make_table(owner_url: str) -> None:
    """Once per database."""
    owner = await asyncpg.connect(owner_url)
    if not await owner.fetchval("SELECT to_regclass('peer.teaser') IS NOT NULL"):
        async with owner.transaction():
            await owner.execute("SET LOCAL row_security = off; SET LOCAL maintenance_work_mem = '512MB'")
            await owner.execute(_TABLE)
        await owner.execute("VACUUM ANALYZE peer.teaser")
    await owner.close()


def asked_for(parameters: Mapping[str, list[str]]) -> Search:
    return read_search({name: parameters.get(name) for name in FILTERS}, None)


def wishes(search: Search, possible: bool = False) -> dict[str, list[str]]:
    """Field -> the codes of which a teaser shows one."""
    codes = {name: [code for code, _share in shares] for name, shares in search.overlapping.items()} if possible else \
        {name: list(codes) for name, codes in search.certain.items()}
    return codes | {name: list(sets[0]) for name, sets in search.others.items()}


def body(asked: Search, certain: int, possible: int, counted: Iterable[tuple[str, str, int]], rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The same JSON as ours, without a cursor."""
    counts = counts_of([(TOTAL, "", certain), (POSSIBLE, "", possible), *counted])
    return {"total_certain": certain, "total_possible": possible,
            "items": msgspec.to_builtins([FoundTeaser(*msgspec.structs.astuple(teaser_view(row, "en")), matched_in(row, asked, "en")) for row in rows]),
            "facets": msgspec.to_builtins(facets_of(counts, FILTERS, "en"))}
