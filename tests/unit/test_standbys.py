"""May a standby answer this read? The rule, without a server."""

from __future__ import annotations

import asyncio
import time

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from succession.memory import open_memory
from succession.standbys import REST_MOST_S, Marks, Sample, Standby, Standbys, choose, is_the_servers, proven_at, rest_s

BOUND_S = 2.0


def fresh(**changes: float) -> Standby:
    return Standby(**({"proven_at": 99.0, "replayed": 500} | changes))


def test_what_is_proven_is_the_newest_position_that_was_reached():
    samples = [Sample(10.0, 100), Sample(11.0, 100), Sample(12.0, 250), Sample(13.0, 400)]
    assert proven_at(samples, 99) is None and proven_at([], 10**9) is None
    assert proven_at(samples, 100) == 11.0  # nothing was written between 10 and 11
    assert proven_at(samples, 399) == 12.0 and proven_at(samples, 400) == 13.0


@pytest.mark.parametrize(("standby", "now", "floor"), [
    (fresh(proven_at=None), 100.0, 0),
    (fresh(), 101.01, 0),  # the proof is older than the bound
    (fresh(), 100.0, 501),  # the reader wrote after what is there
    (fresh(), 100.0, None),  # nobody knows what the reader wrote
    (fresh(rests_until=100.5), 100.0, 0),
])  # fmt: skip
def test_who_is_not_proven_fresh_is_not_read(standby, now, floor):
    assert choose([standby], now, BOUND_S, floor, 0) is None


def test_the_least_busy_is_read_and_equals_take_turns():
    standbys = [fresh(), fresh(), fresh(under_way=1)]
    assert {choose(standbys, 100.0, BOUND_S, 500, turn) for turn in range(6)} == {0, 1}
    standbys[0].under_way = standbys[1].under_way = 2
    assert choose(standbys, 100.0, BOUND_S, 500, 0) == 2
    assert choose([fresh(replayed=10), fresh()], 100.0, BOUND_S, 400, 0) == 1


# A primary that commits at some moments, standbys that replay some of it, looks at some moments: whatever the order.
STEPS = st.lists(st.tuples(st.sampled_from(["commit", "sample", "replay", "look", "read"]), st.floats(0.01, 0.9)), max_size=60)


@given(STEPS, st.floats(0.1, 3.0))
def test_no_read_of_a_standby_lacks_a_commit_older_than_the_bound(steps, bound_s):
    now, position, replayed, commits, samples, standby = 0.0, 0, 0, [], [], Standby()
    for step, passed in steps:
        now += passed
        if step == "commit":
            position += 10
            commits.append((now, position))
        elif step == "sample":
            samples.append(Sample(now, position))
        elif step == "replay":
            replayed = min(position, replayed + 10)
        elif step == "look":
            standby.replayed, standby.proven_at = replayed, proven_at(samples, replayed)
        elif choose([standby], now, bound_s, 0, 0) is not None:
            assert all(where <= replayed for when, where in commits if when < now - bound_s)


def test_failures_lengthen_the_rest_up_to_a_limit():
    assert rest_s(1) < rest_s(2) < rest_s(4) <= rest_s(1000) == REST_MOST_S


@pytest.mark.parametrize(("error", "elsewhere"), [
    (ConnectionResetError(), True), (TimeoutError(), True), (asyncpg.InterfaceError("connection is closed"), True),
    (asyncpg.ConnectionDoesNotExistError(), True), (asyncpg.AdminShutdownError(), True), (asyncpg.CannotConnectNowError(), True),
    (asyncpg.SerializationError(), True),  # cancelled by recovery
    (asyncpg.InvalidPasswordError(), True), (asyncpg.TooManyConnectionsError(), True),
    (asyncpg.QueryCanceledError(), False),  # took its whole time: it would on the primary as well
    (asyncpg.DataError(), False), (asyncpg.InsufficientPrivilegeError(), False), (ValueError(), False),
])  # fmt: skip
def test_only_what_another_server_would_answer_is_asked_again(error, elsewhere):
    assert is_the_servers(error) is elsewhere


async def test_without_redis_a_writer_waits_until_the_bound_holds_and_a_reader_asks_the_primary():
    memory, bound_s = open_memory("redis://127.0.0.1:1/0"), 0.3
    marks, begun = Marks(memory, bound_s), time.monotonic()
    assert await marks.floor(None) is None
    await marks.keep(None, lambda: asyncio.sleep(0, 7))
    assert time.monotonic() - begun >= bound_s
    await memory.aclose()


async def test_failures_of_one_blow_count_once():
    standbys = Standbys([], [None], None, None, BOUND_S)
    for _reader in range(8):
        with pytest.raises(ConnectionResetError):
            async with standbys.asking(0):
                raise ConnectionResetError
    known = standbys.known[0]
    assert (known.failures, known.under_way, known.proven_at) == (1, 0, None)
    known.rests_until, known.proven_at = 0.0, 1.0
    for harmless in (asyncpg.SerializationError(), TimeoutError(), asyncpg.DataError()):
        with pytest.raises(type(harmless)):
            async with standbys.asking(0):
                raise harmless
    assert known.proven_at == 1.0


@pytest.mark.parametrize("error", [asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress"),
                                   asyncpg.ConnectionDoesNotExistError(), ConnectionResetError()])
async def test_who_watches_goes_on_whatever_a_cut_connection_raises(error):
    class Server:
        """Its log is at 7, when it answers."""

        gone = True

        async def fetchval(self, *_asked, **_how):
            if self.gone:
                raise error
            return 7

    primary, standby = Server(), Server()
    standbys = Standbys([], [standby], primary, Marks(open_memory("redis://127.0.0.1:1/0"), 0.01), BOUND_S)
    await standbys.look()
    assert standbys.choose(0) is None and standbys.known[0].failures == 1
    assert await standbys.choose_for(7) is None
    await standbys.marks.keep(None, standbys.position)  # and a writer waits
    primary.gone = standby.gone = False
    standbys.known[0].rests_until = 0.0
    await standbys.look()
    assert standbys.choose(0) == 0
    standby.gone = True
    assert await standbys.choose_for(8) is None, "asked where it is for one who wrote a moment ago, and gone"
    await standbys.marks.memory.aclose()
