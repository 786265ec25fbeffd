"""How do agencies read the pipeline? Fixed tables over closed months, as JSON or CSV."""

from typing import Annotated, Literal

from litestar import Response, get
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Meta

from succession.http import documented
from succession.metrics.definitions import AXES
from succession.metrics.queries import MetricShapes, MetricTable, as_csv, find_table, list_shapes, month
from succession.wiring import Locale, Read

Axis = Literal[tuple(AXES)]
Resource = Literal["funnel", "stages", "breakdown"]
First = Annotated[str, QueryParameter(name="from")]
MonthText = Annotated[str, Meta(max_length=7)]


@get("/metrics", opt={"permission": "metrics:read"}, operation_id="ListMetrics", summary="Which tables there are, and for which months",
     responses=documented())
async def list_tables(read: Read) -> MetricShapes:
    return await list_shapes(read)


@get("/metrics/{resource:str}", opt={"permission": "metrics:read"}, operation_id="ReadMetrics",
     summary="One table over closed months; small figures are hidden, and others that would reveal them",
     responses=documented())
async def read_table(read: Read, locale: Locale, resource: FromPath[Resource], first: First, to: FromQuery[MonthText],
                     by: FromQuery[Annotated[list[Axis], Meta(max_length=4)] | None] = None,
                     form: Annotated[Literal["json", "csv"], QueryParameter(name="format")] = "json") -> Response:
    table: MetricTable = await find_table(read, resource, by or [], month(first, "from"), month(to, "to"), locale)
    if form == "csv":
        headers = {"Content-Disposition": f'attachment; filename="{resource}.csv"'}
        return Response(as_csv(table), media_type="text/csv; charset=utf-8", headers=headers)
    return Response(table)


ROUTES = [list_tables, read_table]
