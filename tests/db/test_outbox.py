"""Is everything that was promised delivered, once, by one worker, and nothing that was rolled back?"""

import asyncio
import email
import logging
import secrets
from datetime import timedelta
from email.policy import default
from uuid import UUID

import pytest
from market_world import seed_market
from sqlalchemy import text

from succession import logs, worker
from succession.calendar_turn import AGAIN
from succession.database import Scope
from succession.jobs import PERIODIC, Job
from succession.letters import LETTERS, compose
from succession.mail import Recipient, compose_letter, deliver_mail
from succession.market.settling import SETTLED_AT
from succession.outbox import enqueue, mail, record
from succession.worker import deliver_once, open_worker_pool, retry_after_s, run_due

NOBODY = Scope("anonymous", None, None, None, "test")


@pytest.fixture
async def pool(settings):
    async with await open_worker_pool(settings) as opened:
        yield opened


@pytest.fixture(autouse=True)
async def empty(world):
    await world.seed("DELETE FROM ops.outbox")
    await world.seed("DELETE FROM ops.lease")


@pytest.fixture
def tx(app):
    return lambda scope=NOBODY: app.state.databases.tx(scope)


@pytest.fixture
def delivered(monkeypatch):
    """A topic `test` that keeps what it gets."""
    got = []

    async def keep(connection, settings, number, payload):
        got.append(payload["n"])

    monkeypatch.setitem(worker.TOPICS, "test", keep)
    return got


async def rows(world, columns="*"):
    return await world.seed(f"SELECT {columns} FROM ops.outbox ORDER BY id")


def letters(settings, ending="eml"):
    return sorted(settings.mail_dir.glob(f"*.{ending}"), key=lambda path: path.name) if settings.mail_dir.exists() else []


@pytest.fixture(autouse=True)
def no_letters(settings):
    for path in settings.mail_dir.glob("*") if settings.mail_dir.exists() else ():
        path.unlink()


# ---------------------------------------------------------------- recording


async def test_what_is_rolled_back_is_never_sent(tx, world, pool, settings, delivered):
    with pytest.raises(RuntimeError):
        async with tx() as session:
            await enqueue(session, "test", {"n": 1})
            raise RuntimeError
    assert await rows(world) == [] and await deliver_once(pool, settings) == 0 and delivered == []


async def test_what_is_committed_is_sent_once(tx, world, pool, settings, delivered):
    async with tx() as session:
        await enqueue(session, "test", {"n": 1})
        await enqueue(session, "test", {"n": 2}, dedupe_key="same")
        await enqueue(session, "test", {"n": 3}, dedupe_key="same")
    assert await deliver_once(pool, settings) == 2
    assert await deliver_once(pool, settings) == 0
    assert sorted(delivered) == [1, 2]


async def test_what_is_for_later_waits(tx, world, pool, settings, delivered):
    async with tx() as session:
        await enqueue(session, "test", {"n": 1}, delay=timedelta(hours=1))
    assert await deliver_once(pool, settings) == 0
    await world.seed("UPDATE ops.outbox SET available_at = now()")
    assert await deliver_once(pool, settings) == 1


async def test_the_api_adds_and_cannot_read_change_or_take_back(tx, as_database_role):
    app = await as_database_role("succession_app")
    async with tx() as session:
        await enqueue(session, "test", {"n": 1})
    for statement in ("SELECT * FROM ops.outbox", "UPDATE ops.outbox SET payload = '{}'", "DELETE FROM ops.outbox"):
        with pytest.raises(Exception, match="permission denied"):
            await app.execute(statement)


async def test_the_audit_line_belongs_to_the_work_it_tells_of(tx, world):
    object_id = secrets.token_hex(8)
    with pytest.raises(RuntimeError):
        async with tx() as session:
            await record(session, "tried", object_id)
            raise RuntimeError
    async with tx() as session:
        await record(session, "done", object_id, step=2)
    found = await world.seed("SELECT actor_kind, action, detail::text FROM vault.audit_event WHERE object_id = $1", object_id)
    assert [tuple(row) for row in found] == [("anonymous", "done", '{"step": 2}')]


async def test_nobody_writes_the_audit_in_anothers_name(tx, world):
    other = await world.acquirer()
    with pytest.raises(Exception, match="row-level security"):
        async with tx() as session:
            await session.execute(text("INSERT INTO vault.audit_event (actor_kind, organisation_id, action) VALUES ('x', :o, 'x')"),
                                  {"o": other.organisation_id})


# ---------------------------------------------------------------- claiming, failing, giving up


async def test_several_workers_share_the_work_and_do_nothing_twice(tx, settings, delivered):
    async with tx() as session:
        for n in range(40):
            await enqueue(session, "test", {"n": n})
    pools = [await open_worker_pool(settings) for _ in range(3)]
    counts = await asyncio.gather(*(deliver_once(pool, settings) for pool in pools))
    for pool in pools:
        await pool.close()
    assert sum(counts) == 40 and sorted(delivered) == list(range(40))


async def test_a_failure_comes_again_later_and_later_and_is_given_up(tx, world, pool, settings, monkeypatch):
    async def refuse(connection, settings, number, payload):
        raise ConnectionRefusedError("to planted-name@fictitious.example")

    monkeypatch.setitem(worker.TOPICS, "test", refuse)
    async with tx() as session:
        await enqueue(session, "test", {"n": 1})
    for attempt in range(1, worker.ATTEMPTS_MOST + 1):
        assert await deliver_once(pool, settings) == 0
        (row,) = await rows(world, "attempts, last_error, leased_until, dead_at, extract(epoch FROM available_at - now())::int AS wait_s")
        assert (row["attempts"], row["last_error"], row["leased_until"]) == (attempt, "ConnectionRefusedError", None)
        assert abs(row["wait_s"] - retry_after_s(attempt)) <= 2
        assert (row["dead_at"] is not None) == (attempt == worker.ATTEMPTS_MOST)
        assert await deliver_once(pool, settings) == 0, "not before its time"
        await world.seed("UPDATE ops.outbox SET available_at = now()")
    assert await deliver_once(pool, settings) == 0 and (await rows(world, "attempts"))[0][0] == worker.ATTEMPTS_MOST
    assert [retry_after_s(n) for n in (1, 2, 3)] == [30, 90, 270]


async def test_one_failure_does_not_hold_up_the_others(tx, pool, settings, delivered, monkeypatch):
    async def refuse(connection, settings, number, payload):
        raise OSError

    monkeypatch.setitem(worker.TOPICS, "broken", refuse)
    async with tx() as session:
        for n in range(6):
            await enqueue(session, "broken" if n % 2 else "test", {"n": n})
        await enqueue(session, "no such topic", {"n": 9})
    assert await deliver_once(pool, settings) == 3 and sorted(delivered) == [0, 2, 4]


async def test_what_a_dead_worker_held_goes_to_the_next(tx, world, pool, settings, delivered):
    async with tx() as session:
        await enqueue(session, "test", {"n": 1})
    await pool.fetch(worker._CLAIM, worker.LEASE_S, worker.ATTEMPTS_MOST, 1)
    assert await deliver_once(pool, settings) == 0, "its lease runs"
    await world.seed("UPDATE ops.outbox SET leased_until = now() - interval '1 second'")
    assert await deliver_once(pool, settings) == 1 and delivered == [1]


async def test_a_worker_that_woke_up_late_does_not_undo_the_next_ones_work(tx, world, pool, settings, delivered):
    async with tx() as session:
        await enqueue(session, "test", {"n": 1})
    (late,) = await pool.fetch(worker._CLAIM, 0, worker.ATTEMPTS_MOST, 1)
    await asyncio.sleep(0.01)
    assert await deliver_once(pool, settings) == 1
    await pool.execute(worker._FAILED, late["id"], late["attempts"], "TimeoutError", 30, worker.ATTEMPTS_MOST)
    assert (await rows(world, "done_at IS NOT NULL, last_error"))[0] == (True, None)


async def test_a_delivery_that_kills_its_worker_each_time_is_buried(tx, world, pool, settings, delivered):
    async with tx() as session:
        await enqueue(session, "test", {"n": 1})
    await world.seed("UPDATE ops.outbox SET attempts = $1, leased_until = now() - interval '1 second'", worker.ATTEMPTS_MOST)
    assert await deliver_once(pool, settings) == 0 and delivered == []
    assert (await rows(world, "dead_at IS NOT NULL, last_error"))[0] == (True, "worker ended")


async def test_secrets_end_with_their_delivery(tx, world, pool, settings):
    async with tx() as session:
        await mail(session, "password_reset", address="x@fictitious.example", link="https://x/?token=planted", until_at="2030-01-01T00:00:00+00:00")
    assert await deliver_once(pool, settings) == 1
    (row,) = await rows(world, "payload::text")
    assert "planted" not in row[0] and "password_reset" in row[0]


async def test_no_log_tells_what_was_in_a_letter(tx, pool, settings, monkeypatch, caplog):
    async def refuse(connection, settings, number, payload):
        raise ValueError(payload["params"]["link"])

    monkeypatch.setitem(worker.TOPICS, "mail", refuse)
    caplog.handler.setFormatter(logs.PlainFormatter())
    with caplog.at_level(logging.DEBUG):
        async with tx() as session:
            await mail(session, "password_reset", address="planted@fictitious.example", link="planted-link")
        await deliver_once(pool, settings)
    assert "failed, attempt 1: ValueError at test_outbox.py" in caplog.text and "planted" not in caplog.text


# ---------------------------------------------------------------- letters


async def test_a_letter_goes_to_an_address_in_its_language(tx, pool, settings):
    async with tx() as session:
        await mail(session, "password_reset", address="x@fictitious.example", locale="en", link="https://x.example/?a=1", until_at="2030-01-01T03:00:00+00:00")
    assert await deliver_once(pool, settings) == 1
    (path,) = letters(settings)
    letter = email.message_from_bytes(path.read_bytes(), policy=default)
    assert (letter["To"], letter["Subject"], letter["Content-Language"]) == ("x@fictitious.example", "Choose a new password", "en")
    assert "https://x.example/?a=1" in letter.get_content() and "January 1, 2030, 12:00 Japan time" in letter.get_content()
    (plain,) = letters(settings, "txt")
    assert plain.read_text().startswith("To: x@fictitious.example\nSubject: Choose a new password\n\n")
    assert path.stat().st_mode & 0o077 == 0 and settings.mail_dir.stat().st_mode & 0o077 == 0


async def test_a_member_is_written_to_in_the_language_they_chose_and_not_after_leaving(tx, world, pool, settings):
    member = await world.acquirer()
    gone = await world.acquirer()
    await world.seed("UPDATE vault.member SET locale = 'en' WHERE id = $1", member.member_id)
    await world.seed("UPDATE vault.member SET status = 'left' WHERE id = $1", gone.member_id)
    async with tx() as session:
        for each in (member, gone):
            await mail(session, "password_changed", member=each.member_id, link="l")
    assert await deliver_once(pool, settings) == 2
    (path,) = letters(settings)
    letter = email.message_from_bytes(path.read_bytes(), policy=default)
    assert (letter["To"], letter["Content-Language"]) == (member.email, "en")


async def test_an_organisation_is_its_active_members_each_with_a_delivery_of_their_own(tx, world, pool, settings, monkeypatch):
    first = await world.intermediary()
    second = await world.member(first.organisation_id, "intermediary")
    invited = await world.member(first.organisation_id, "intermediary")
    await world.seed("UPDATE vault.member SET status = 'invited' WHERE id = $1", invited.member_id)
    tried = []

    async def shaky(connection, settings, number, payload):
        tried.append(payload["to"].get("member"))
        if payload["to"].get("member") == str(second.member_id) and tried.count(str(second.member_id)) == 1:
            raise OSError
        await deliver_mail(connection, settings, number, payload)

    monkeypatch.setitem(worker.TOPICS, "mail", shaky)
    async with tx() as session:
        await mail(session, "organisation_verified", organisation=first.organisation_id, organisation_name="F")
    await deliver_once(pool, settings)
    await world.seed("UPDATE ops.outbox SET available_at = now()")
    await deliver_once(pool, settings)
    sent = [email.message_from_bytes(path.read_bytes(), policy=default)["To"] for path in letters(settings)]
    assert sorted(sent) == sorted([first.email, second.email])
    assert tried.count(str(first.member_id)) == 1, "nobody is written to twice for another's failure"


def test_what_people_typed_adds_no_header_and_no_line(settings):
    params = {"organisation_name": "Evil\r\nBcc: all@fictitious.example\n\n{link} {0.__class__}", "inviter": "x\u2028y", "link": "L", "until_at": "2030-01-01T00:00:00+00:00"}
    letter = compose_letter(settings, 7, "invitation", params, Recipient("x@fictitious.example", "en"))
    assert letter["Bcc"] is None and "Evil Bcc: all@fictitious.example {link} {0.__class__}" in letter["Subject"]
    assert "\nBcc:" not in letter.get_content().replace("\r\n", "\n")
    again = compose_letter(settings, 7, "invitation", params, Recipient("x@fictitious.example", "en"))
    assert letter["Message-ID"] == again["Message-ID"], "sent twice, a mailbox can tell"


@pytest.mark.parametrize("template", LETTERS)
@pytest.mark.parametrize("locale", ["ja", "en"])
def test_every_letter_can_be_written(template, locale):
    subject, body = compose(template, {}, locale)
    assert subject and "\n" not in subject and body.count("-- ") == 1


def test_the_form_of_a_param_follows_its_name():
    from succession.letters import _shown

    assert _shown("price_yen", 120_000_000, "ja") == "1億2,000万円"
    assert _shown("closing_on", "2025-03-31", "en") == "March 31, 2025"
    assert _shown("count", 3, "en") == 3


async def test_a_relay_gets_the_letter(tx, pool, settings, monkeypatch):
    """A server that speaks just enough SMTP."""
    got = []

    async def serve(reader, writer):
        async def say(line):
            writer.write(line + b"\r\n")
            await writer.drain()

        await say(b"220 here")
        while line := await reader.readline():
            word = line[:4].upper().strip()
            if word == b"DATA":
                await say(b"354 go on")
                got.append(await reader.readuntil(b"\r\n.\r\n"))
            await say({b"QUIT": b"221 bye"}.get(word, b"250 ok"))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    monkeypatch.setitem(settings.__dict__, "smtp_url", f"smtp://127.0.0.1:{port}")
    async with tx() as session:
        await mail(session, "password_changed", address="x@fictitious.example", locale="ja", link="https://x.example/")
    assert await deliver_once(pool, settings) == 1
    server.close()
    letter = email.message_from_bytes(got[0].removesuffix(b"\r\n.\r\n"), policy=default)
    assert letter["To"] == "x@fictitious.example" and "https://x.example/" in letter.get_content()
    assert letters(settings) == []


async def test_a_password_is_never_sent_to_a_relay_in_the_open(tx, world, pool, settings, monkeypatch):
    got = []

    async def serve(reader, writer):
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            got.append(line)
            writer.write(b"250-here\r\n250 AUTH PLAIN LOGIN\r\n" if line[:4] == b"EHLO" else b"502 no\r\n")

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    monkeypatch.setitem(settings.__dict__, "smtp_url", f"smtp://user:planted@127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with tx() as session:
        await mail(session, "password_changed", address="x@fictitious.example", link="l")
    assert await deliver_once(pool, settings) == 0
    server.close()
    assert got and not [line for line in got if line.upper().startswith(b"AUTH")]


# ---------------------------------------------------------------- the calendar


async def test_a_job_runs_when_due_by_one_worker_and_not_again_before_its_time(world, settings):
    ran = []

    async def slow(connection, settings):
        ran.append(1)
        await asyncio.sleep(0.2)

    jobs = (Job("test_job", 3600, slow),)
    pools = [await open_worker_pool(settings) for _ in range(3)]
    names = await asyncio.gather(*(run_due(pool, settings, jobs) for pool in pools))
    assert sorted(map(len, names)) == [0, 0, 1] and ran == [1]
    assert await run_due(pools[0], settings, jobs) == []
    await world.seed("UPDATE ops.lease SET until = now() WHERE name = 'job:test_job'")
    assert await run_due(pools[0], settings, jobs) == ["test_job"]
    for pool in pools:
        await pool.close()


async def test_every_job_of_the_calendar_runs(world, pool, settings):
    """None of them fails on a database with something in it; the market has enough notes to be settled."""
    await seed_market(world, SETTLED_AT + 10)
    await world.seed("UPDATE ops.lease SET until = now() WHERE name LIKE 'job:%'")
    names = [job.name for job in PERIODIC]
    assert await run_due(pool, settings) == names
    assert not await world.seed("SELECT id FROM market.unsettled") and await world.seed("SELECT n FROM market.tally WHERE a = '' AND b = ''")


async def test_a_job_that_has_not_come_to_its_end_goes_on_at_once(world, pool, settings):
    left = [AGAIN, AGAIN, None]

    async def in_turns(connection, settings):
        return left.pop(0)

    jobs = (Job("turns", 3600, in_turns),)
    ran = [await run_due(pool, settings, jobs) for _poll in range(5)]
    assert ran == [["turns"]] * 3 + [[]] * 2 and left == []


async def test_letters_of_a_batch_stand_behind_all_others(world, pool, settings, delivered, monkeypatch):
    monkeypatch.setattr(worker, "AT_ONCE", 1)
    await world.seed("INSERT INTO ops.outbox (topic, bulk, payload, available_at) SELECT 'test', n < 9, jsonb_build_object('n', n), now() - interval '1 hour' "
                     "+ n * interval '1 minute' FROM generate_series(1, 10) n")
    await deliver_once(pool, settings)
    assert delivered == [9, 10, 1, 2, 3, 4, 5, 6, 7, 8]


async def test_a_job_that_fails_leaves_nothing_half_done_and_tries_again_soon(world, pool, settings):
    async def half(connection, settings):
        await connection.execute("INSERT INTO ops.outbox (topic, payload) VALUES ('test', '{}')")
        raise ValueError

    async def fine(connection, settings):
        pass

    assert await run_due(pool, settings, (Job("half", 3600, half), Job("fine", 3600, fine))) == ["fine"]
    assert await rows(world) == []
    wait_s = (await world.seed("SELECT extract(epoch FROM until - now())::int FROM ops.lease WHERE name = 'job:half'"))[0][0]
    assert 50 <= wait_s <= 61


async def test_a_job_whose_worker_died_is_free_for_the_next(world, settings):
    async def fine(connection, settings):
        pass

    async def cut(connection, settings):
        connection.terminate()

    pool = await open_worker_pool(settings)
    assert await run_due(pool, settings, (Job("cut", 3600, cut),)) == []
    assert await run_due(pool, settings, (Job("cut", 3600, fine),)) == ["cut"]
    await pool.close()


async def test_a_stopped_worker_ends_within_two_seconds_even_in_the_middle_of_a_letter(tx, world, settings, monkeypatch):
    begun = asyncio.Event()

    async def hang(connection, settings, number, payload):
        begun.set()
        await asyncio.sleep(60)

    monkeypatch.setitem(worker.TOPICS, "test", hang)
    async with tx() as session:
        await enqueue(session, "test", {"n": 1})
    stop = asyncio.Event()
    working = asyncio.create_task(worker.work(settings, stop))
    await asyncio.wait_for(begun.wait(), 5)
    stop.set()
    await asyncio.wait_for(working, 2)
    assert (await rows(world, "done_at, leased_until IS NOT NULL"))[0] == (None, True), "left to its lease"


async def test_the_worker_role_reads_no_identity(as_database_role):
    role = await as_database_role("succession_worker")
    for table in ("listing_identity", "listing_contact", "owner_contact", "api_key", "member_token", "ledger_subject"):
        with pytest.raises(Exception, match="permission denied"):
            await role.fetch(f"SELECT * FROM vault.{table}")
    with pytest.raises(Exception, match="permission denied"):
        await role.fetch("SELECT password_hash FROM vault.member")
    assert await role.fetchval("SELECT count(*) FROM vault.member WHERE id = $1", UUID(int=0)) == 0
