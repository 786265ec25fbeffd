"""Do the programs start, do their work, say little, and stop when told to? And who makes the first operator?"""

import asyncio
import io
import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from succession.__main__ import main
from world import ORIGIN, PASSWORD


@pytest.fixture
def environ(settings):
    return {
        "SUCCESSION_DEMO": "1", "SUCCESSION_DATA_DIR": str(settings.data_dir), "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url, "SUCCESSION_PUBLIC_URL": ORIGIN,
    }


@pytest.fixture
def command(environ, monkeypatch, capsys, request):
    """`await command("worker", "--once")`: (status, what it printed, what it complained of), in this process."""
    import logging

    root = logging.getLogger()
    handlers = root.handlers[:]
    request.addfinalizer(lambda: root.handlers.__setitem__(slice(None), handlers))
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    async def call(*arguments, given=""):
        monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        capsys.readouterr()
        status = await asyncio.to_thread(main, list(arguments))
        return status, *capsys.readouterr()

    return call


def start(environ, *arguments):
    return subprocess.Popen([sys.executable, "-m", "succession", *arguments], env=os.environ | environ, stderr=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)


def stop(program, number, within_s):
    started = time.monotonic()
    program.send_signal(number)
    try:
        _out, err = program.communicate(timeout=within_s)
    finally:
        program.kill()
    return err, time.monotonic() - started


# ---------------------------------------------------------------- worker and API


def test_a_worker_stops_in_order_when_told(environ):
    program = start(environ, "worker")
    for line in program.stderr:
        if "worker started" in line:
            break
    err, took_s = stop(program, signal.SIGTERM, 20)  # its own grace is two seconds; a busy machine adds to it
    assert program.returncode == 0 and took_s < 20 and "worker stopped" in err


async def test_a_worker_delivers_what_a_request_promised(command, world, http, settings):
    await world.seed("DELETE FROM ops.outbox")
    member = await world.acquirer()
    await http.post("/v1/password-resets", json={"email": member.email})
    status, _out, err = await command("worker", "--once")
    found = [path for path in settings.mail_dir.glob("*.txt") if f"To: {member.email}\n" in path.read_text()]
    assert status == 0 and len(found) == 1 and member.email not in err and "token" not in err


async def test_the_api_serves_stops_and_logs_no_query_no_path_no_address(environ, world):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    caller = await world.intermediary()
    program = start(environ, "serve", "--port", str(port))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            for _try in range(100):
                try:
                    assert (await client.get("/healthz?planted=query")).status_code == 200
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
            refused = await client.get("/v1/planted-path?planted=query")
            assert refused.json()["code"] == "not_found" and "server" not in refused.headers
            read = await client.get(f"/v1/organisations/{caller.organisation_id}", headers={"Authorization": caller.client.headers["Authorization"]})
            assert read.status_code == 200
            failed = await client.post("/v1/sessions", json={"email": "planted@fictitious.example", "password": PASSWORD},
                                       headers={"X-Forwarded-For": "203.0.113.9"})
            assert failed.status_code == 401
    finally:
        err, took_s = await asyncio.to_thread(stop, program, signal.SIGTERM, 10)
    assert program.returncode == 0 and took_s < 20
    assert "GET /v1/organisations/{organisation_id} 200" in err and "GET (no such route) 404" in err
    for planted in ("planted", str(caller.organisation_id), "203.0.113.9", PASSWORD):
        assert planted not in err


async def test_a_program_without_its_settings_says_which(command, monkeypatch):
    for name in ("DATABASE_URL", "SUCCESSION_DEMO"):
        monkeypatch.delenv(name)
    status, _out, err = await command("worker", "--once")
    assert status == 2 and "DATABASE_URL" in err


# ---------------------------------------------------------------- the first operator


async def test_the_first_operator_is_made_on_the_command_line_and_verifies(command, world, http):
    await world.app.state.redis.flushdb()
    email = f"operator-{time.monotonic_ns()}@fictitious.example"
    create = ("operator", "create", "--email", email.upper(), "--name", "First Operator")
    status, out, err = await command(*create, given=PASSWORD + "\n")
    assert status == 0 and PASSWORD not in out + err
    assert (await http.post("/v1/sessions", json={"email": email, "password": PASSWORD})).status_code == 204
    await world.set_up_app(http)
    who = (await http.get("/v1/sessions/current")).json()
    assert (who["kind"], who["role"], who["verified"]) == ("operator", "admin", True) and "organisation:verify" in who["permissions"]
    status, _out, err = await command(*create, given=PASSWORD + "\n")
    assert status == 1 and "in use" in err
    audit = await world.seed("SELECT actor_kind FROM vault.audit_event WHERE member_id = $1 AND action = 'operator_created'", who["member_id"])
    assert [row[0] for row in audit] == ["system"]


async def test_with_a_link_no_password_passes_through_the_shell(command, world, http):
    await world.app.state.redis.flushdb()
    email = f"operator-{time.monotonic_ns()}@fictitious.example"
    status, out, _err = await command("operator", "create", "--email", email, "--name", "Second Operator", "--link")
    token = out.strip().partition("token=")[2]
    assert status == 0 and token
    assert (await http.post("/v1/passwords", json={"token": token, "password": PASSWORD})).status_code == 204
    assert (await http.post("/v1/sessions", json={"email": email, "password": PASSWORD})).status_code == 204
    houses = await world.seed("SELECT organisation_id FROM vault.member WHERE name IN ('First Operator', 'Second Operator')")
    assert len({row[0] for row in houses}) == 1, "operators share one house"


@pytest.mark.parametrize(("email", "name", "given", "said"), [
    ("nobody", "X", PASSWORD, "e-mail address"), ("a@b.example", "http://x", PASSWORD, "name"), ("a@b.example", "X", "short", "at least 12"),
])
async def test_a_wrong_call_makes_nobody(command, world, email, name, given, said):
    status, _out, err = await command("operator", "create", "--email", email, "--name", name, given=given)
    assert status == 1 and said in err
    assert await world.seed("SELECT 1 FROM vault.member WHERE email = $1", email) == []
