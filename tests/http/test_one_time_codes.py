"""Do six digits bind exactly one act of one holder, and can nobody try his way to them?"""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from succession.database import Scope
from succession.errors import Problem
from succession.one_time_code import DIGITS, SpentCode, issue, spend, typed

MEMBER = Scope("acquirer", uuid4(), uuid4(), None, "member:somebody")
OWNER = Scope("owner", None, None, uuid4(), "owner:a-link")


@pytest.fixture
def codes(app):
    """`issue`, `spend`, `refused` in a unit of work of their own, as app.state has them."""

    class Codes:
        databases, settings = app.state.databases, app.state.settings

        async def issue(self, purpose, subject, holder, scope=MEMBER, **more):
            async with self.databases.tx(scope) as tx:
                return await issue(tx, self.settings, purpose, subject, holder, **more)

        async def spend(self, purpose, subject, holder, code, scope=MEMBER) -> SpentCode:
            async with self.databases.tx(scope) as tx:
                return await spend(tx, self.databases, self.settings, purpose, subject, holder, code)

        async def refused(self, *asked, **more) -> str:
            with pytest.raises(Problem) as refusal:
                await self.spend(*asked, **more)
            return refusal.value.code

    return Codes()


def other(code: str) -> str:
    return f"{(int(code) + 1) % 10**DIGITS:0{DIGITS}d}"


async def test_a_code_is_spent_once_by_its_holder_for_its_act_and_leaves_evidence(codes, world):
    subject, holder = uuid4(), f"member:{uuid4()}"
    code = await codes.issue("nda_signature", subject, holder)
    assert len(code) == 6 and code.isdigit()
    for wrong in (("name_clear", subject, holder), ("nda_signature", uuid4(), holder), ("nda_signature", subject, f"member:{uuid4()}")):
        assert await codes.refused(*wrong, code) == "code_invalid"
    spent = await codes.spend("nda_signature", subject, holder, f" {code[:3]}-{code[3:]} ")
    row = (await world.seed("SELECT * FROM ops.one_time_code WHERE id = $1", spent.id))[0]
    assert (row["spent_at"], row["issued_at"], row["channel"]) == (spent.spent_at, spent.issued_at, "mail")
    assert row["issued_by"] == "member:somebody" and code.encode() not in row["code_hash"]
    assert await codes.refused("nda_signature", subject, holder, code) == "code_invalid", "spent"


async def test_an_adviser_speaks_a_code_and_the_owner_types_it(codes):
    subject, holder = uuid4(), f"contact:{uuid4()}"
    code = await codes.issue("name_clear", subject, holder, channel="spoken")
    full_width = "".join(chr(0xFF10 + int(digit)) for digit in code)
    assert typed(full_width) == code
    assert (await codes.spend("name_clear", subject, holder, full_width, scope=OWNER)).channel == "spoken"


async def test_five_wrong_tries_end_a_code_even_though_each_was_rolled_back(codes, world):
    subject, holder = uuid4(), "member:guesser"
    code = await codes.issue("nda_signature", subject, holder)
    assert [await codes.refused("nda_signature", subject, holder, other(code)) for _try in range(6)] == \
        ["code_invalid"] * 4 + ["rate_limited"] * 2
    assert await codes.refused("nda_signature", subject, holder, code) == "rate_limited", "the right one comes too late"
    fresh = await codes.issue("nda_signature", subject, holder)
    assert (await codes.spend("nda_signature", subject, holder, fresh)).id


async def test_tries_at_once_are_counted_one_by_one(codes):
    subject, holder = uuid4(), "member:many"
    code = await codes.issue("nda_signature", subject, holder)
    said = await asyncio.gather(*(codes.refused("nda_signature", subject, holder, other(code)) for _try in range(8)))
    assert sorted(said) == ["code_invalid"] * 4 + ["rate_limited"] * 4


async def test_a_code_expires_and_a_newer_one_ends_the_older(codes, world):
    subject, holder = uuid4(), "member:slow"
    old = await codes.issue("nda_signature", subject, holder)
    await world.overrule("UPDATE ops.one_time_code SET expires_at = now() WHERE subject_id = $1", subject)
    assert await codes.refused("nda_signature", subject, holder, old) == "code_expired"
    while (new := await codes.issue("nda_signature", subject, holder)) == old:
        pass
    assert await codes.refused("nda_signature", subject, holder, old) == "code_invalid"
    assert (await codes.spend("nda_signature", subject, holder, new)).id


async def test_an_act_that_fails_leaves_its_code_and_two_acts_at_once_spend_it_once(codes):
    subject, holder = uuid4(), "member:twice"
    code = await codes.issue("nda_signature", subject, holder)
    with pytest.raises(RuntimeError):
        async with codes.databases.tx(MEMBER) as tx:
            await spend(tx, codes.databases, codes.settings, "nda_signature", subject, holder, code)
            raise RuntimeError("the act failed")
    outcomes = await asyncio.gather(*(codes.spend("nda_signature", subject, holder, code) for _try in range(3)), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Problem", "Problem", "SpentCode"]


async def test_issuing_has_an_end(codes, world):
    subject, holder = uuid4(), "member:insistent"
    for _code in range(5):
        await codes.issue("nda_signature", subject, holder)
    with pytest.raises(Problem) as refusal:
        await codes.issue("nda_signature", subject, holder)
    assert refusal.value.code == "rate_limited" and 3500 <= int(refusal.value.headers["Retry-After"]) <= 3600
    await world.overrule("UPDATE ops.one_time_code SET issued_at = issued_at - interval '2 hours' WHERE subject_id = $1", subject)
    for _code in range(5):
        await codes.issue("nda_signature", subject, holder)
    await world.overrule("UPDATE ops.one_time_code SET issued_at = issued_at - interval '2 hours' WHERE subject_id = $1", subject)
    with pytest.raises(Problem) as refusal:
        await codes.issue("nda_signature", subject, holder)
    assert int(refusal.value.headers["Retry-After"]) > 3600, "ten a day"
    assert await codes.issue("nda_signature", uuid4(), holder), "another act is another matter"


async def test_nobody_reads_codes(as_database_role):
    import asyncpg

    for role in ("succession_app", "succession_worker"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await (await as_database_role(role)).fetch("SELECT code_hash FROM ops.one_time_code")
