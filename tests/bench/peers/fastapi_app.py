"""How would one write this search with FastAPI and SQLModel?

Run: python fastapi_app.py PORT DATABASE_URL. An async session per request, one statement per facet, pydantic for the answer.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).parents[1]))

import asyncpg  # noqa: E402
import uvicorn  # noqa: E402
from fastapi import Depends, FastAPI, Request  # noqa: E402
from pydantic import BaseModel  # noqa: E402
from sqlalchemy import BigInteger, Column, Text, func  # noqa: E402
from sqlalchemy.dialects.postgresql import ARRAY  # noqa: E402
from sqlalchemy.ext.asyncio import create_async_engine  # noqa: E402
from sqlmodel import Field, SQLModel, select  # noqa: E402
from sqlmodel.ext.asyncio.session import AsyncSession  # noqa: E402

from peers.answer import COLUMN_OF, LIMIT, SETS, asked_for, body, wishes  # noqa: E402

PORT, DATABASE_URL = int(sys.argv[1]), sys.argv[2]
engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(DATABASE_URL), pool_size=6)
app = FastAPI()


class Teaser(SQLModel, table=True):
    __table_args__ = {"schema": "peer"}
    ref: UUID = Field(primary_key=True)
    batch: int
    place: str
    industry: str
    founded: str
    employees: str
    revenue: str
    margin: str
    codebook_version: str
    price: str
    schemes: list[str] = Field(sa_column=Column(ARRAY(Text)))
    timing: str
    phrases: list[str] = Field(sa_column=Column(ARRAY(Text)))
    fiscal_year: int
    vocabulary_version: str
    shuffle: int = Field(sa_column=Column(BigInteger))


class Page(BaseModel):
    total_certain: int
    total_possible: int
    items: list[dict[str, Any]]
    facets: dict[str, list[dict[str, Any]]]


async def opened() -> AsyncIterator[AsyncSession]:
    async with AsyncSession(engine) as session:
        yield session


def conditions(codes: dict[str, list[str]], but: Collection[str] = ()) -> list[Any]:
    return [getattr(Teaser, COLUMN_OF[name]).overlap(wanted) if name in SETS else getattr(Teaser, COLUMN_OF[name]).in_(wanted)
            for name, wanted in codes.items() if name not in but]


@app.get("/teasers")
async def search(request: Request, session: Annotated[AsyncSession, Depends(opened)]) -> Page:
    asked = asked_for({name: request.query_params.getlist(name) for name in request.query_params})
    codes = wishes(asked)
    certain = (await session.exec(select(func.count()).select_from(Teaser).where(*conditions(codes)))).one()
    possible = 0
    if asked.certain:
        wide = select(func.count()).select_from(Teaser).where(*conditions(wishes(asked, possible=True)))
        possible = (await session.exec(wide)).one() - certain
    counted = []
    for name, column in COLUMN_OF.items():
        code = func.unnest(getattr(Teaser, column)) if name in SETS else getattr(Teaser, column)
        statement = select(code.label("code"), func.count()).where(*conditions(codes, but=[name])).group_by("code")
        counted += [(name, *row) for row in await session.exec(statement)]
    found = await session.exec(select(Teaser).where(*conditions(codes)).order_by(Teaser.batch.desc(), Teaser.shuffle, Teaser.ref).limit(LIMIT))
    return Page(**body(asked, certain, possible, counted, [each.model_dump() for each in found]))


if __name__ == "__main__":
    uvicorn.run(app, port=PORT, log_level="warning", loop="uvloop", http="httptools")
