"""A whole market on one machine: fictitious people and companies, every process, and one deal walked over HTTP."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime

import asyncpg

from succession.commands.migrate import role_passwords
from succession.commands.population import DEMO_WORLD_COMPANIES
from succession.config import Settings
from succession.days import add_months, day_in_japan
from succession.demo.build import LISTINGS, DemoRefused, build_market, saved_world
from succession.demo.companies import Company
from succession.demo.people import Accounts
from succession.demo.servers import Processes, ServersFailed, databases, free_port, leave_on_sigterm
from succession.demo.story import CHAPTERS, company_of_a_walk
from succession.demo.terminal import say
from succession.demo.walk import Walk
from succession.embedded_files import EmbeddedError
from succession.market.codebooks import codebook_in_force, load_codebook
from succession.migrations import MigrationError, migrate

# Whatever the environment says: letters to people who do not exist go into the folder, never to a relay.
DEMO = {"SUCCESSION_DEMO": "1", "SMTP_URL": "", "SMTP_URL_FILE": ""}


def run(arguments: list[str]) -> int:
    """`succession demo [--exit] [--port P] [--fresh]`: exit status 0 only if every step of the walk answered as it should."""
    options = _parser().parse_args(arguments)
    leave_on_sigterm()
    environ = {**os.environ, **DEMO}
    try:
        if options.fresh:
            _forget(environ, Settings.from_env(environ))
        with databases(environ, Settings.from_env(environ).data_dir) as reached:
            return _run({**environ, **reached}, options)
    except (ServersFailed, EmbeddedError, MigrationError, DemoRefused) as failed:
        say(str(failed), "red")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="succession demo", description=__doc__)
    parser.add_argument("--exit", action="store_true", help="stop after the walk")
    parser.add_argument("--port", type=int, help="port of the API; the next free one is taken when somebody listens there")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier demo built in the data directory")
    parser.add_argument("--listings", type=int, default=LISTINGS, help=argparse.SUPPRESS)  # a smaller market, for tests
    parser.add_argument("--world", type=int, default=DEMO_WORLD_COMPANIES, help=argparse.SUPPRESS)
    return parser


def _run(environ: dict[str, str], options: argparse.Namespace) -> int:
    environ["SUCCESSION_PORT"] = str(_port(Settings.from_env(environ), options.port))
    settings = Settings.from_env(environ)
    asyncio.run(migrate(settings.database_url, role_passwords(settings)))
    accounts = asyncio.run(build_market(settings, options.listings, options.world))
    with Processes(settings, environ) as processes:
        processes.start()
        say(f"ready: {processes.address}", "green")
        company = asyncio.run(_walking_company(settings))
        walk = Walk(settings, environ, accounts, processes.address, company, lambda: processes.wait_for("figures"))
        status = 1 if walk.take(CHAPTERS) else 0
        processes.check()
        if options.exit:
            return status
        _introduce(settings, accounts, processes.address)
        try:
            processes.supervise()
        except KeyboardInterrupt:
            say("\nstopping")
        return status


def _port(settings: Settings, asked: int | None) -> int:
    wanted = asked or settings.port
    port = free_port(settings.host, wanted)
    if port != wanted:
        say(f"port {wanted} is taken: the demo listens on {port}", "yellow")
    return port


async def _walking_company(settings: Settings) -> Company:
    owner = await asyncpg.connect(settings.database_url, timeout=10)
    try:
        async with owner.transaction():
            await owner.execute("SET LOCAL ROLE succession_seeder")
            codebook = await load_codebook(owner, (await codebook_in_force(owner, demo_mode=True)).version)
    finally:
        await owner.close()
    return company_of_a_walk(saved_world(settings), codebook, day_in_japan(datetime.now(UTC)))


def _forget(environ: Mapping[str, str], settings: Settings) -> None:
    """Only what we made ourselves: a database somebody gave us is theirs to drop."""
    if environ.get("DATABASE_URL") or environ.get("DATABASE_URL_FILE"):
        raise DemoRefused("--fresh forgets embedded databases only; empty the one DATABASE_URL names yourself.")
    from succession.embedded import start

    start(settings.data_dir).discard()
    for directory in (settings.data_dir / "demo", settings.mail_dir):
        shutil.rmtree(directory, ignore_errors=True)


def _introduce(settings: Settings, accounts: Accounts, address: str) -> None:
    """Where it is, who can sign in, and what to try."""
    say(f"\nThe demo stays up at {address}  (Ctrl-C stops it)", "bold")
    say(f"API document: {address}/v1/openapi.json    letters: {settings.mail_dir}")
    say(f"password of everybody: {accounts.password}\n")
    for account in accounts.accounts:
        say(f"  {account.email:<24} {account.what}\n    {account.api_key}", None)
    key = {name: accounts[name].api_key for name in ("buyer-a", "monitor")}
    last = _last_month(datetime.now(UTC))
    say("\nTry:", "bold")
    say(f"  curl -G '{address}/v1/teasers' -H 'Accept-Language: ja' --data-urlencode 'q=金属 九州'")
    say(f"  curl '{address}/v1/teasers?industry=09&sort=-revenue&limit=3' -H 'Authorization: Bearer {key['buyer-a']}'")
    say(f"  curl '{address}/v1/metrics/funnel?from={last}&to={last}' -H 'Authorization: Bearer {key['monitor']}'")


def _last_month(now: datetime) -> str:
    """The last month that has closed in Japan, as the metrics write it."""
    return add_months(day_in_japan(now).replace(day=1), -1).isoformat()[:7]
