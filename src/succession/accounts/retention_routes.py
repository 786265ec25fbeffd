"""How does the operator read what is kept for how long, what is due, and what was purged?"""

from __future__ import annotations

import msgspec
from litestar import get

from succession.http import documented
from succession.retention import RetentionLine, report
from succession.wiring import Read


class RetentionTable(msgspec.Struct):
    """The whole table: one line per class of records."""

    items: list[RetentionLine]


@get("/retention", opt={"permission": "retention:read"}, operation_id="ReadRetention",
     summary="What is kept for how long, what is due, and what was purged when", responses=documented())
async def read_retention(read: Read) -> RetentionTable:
    return RetentionTable(await report(read))


RETENTION_ROUTES: list = [read_retention]
