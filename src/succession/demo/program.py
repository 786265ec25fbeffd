"""In which order does the demo come up, and how does it end?

Databases, migrations, the market where it is missing, the processes, the walk; then it stays up until it is told to stop.
What a demo that is there already needs to answer comes first; the rest of this program is loaded meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
from collections.abc import Mapping

import succession.demo
from succession.commands.migrate import role_passwords
from succession.config import Settings
from succession.demo.presence import DemoRefused, is_demo
from succession.demo.servers import Processes, ServersFailed, databases, free_port, leave_on_sigterm
from succession.demo.terminal import say
from succession.embedded_files import EmbeddedError
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
    parser = argparse.ArgumentParser(prog="succession demo", description=succession.demo.__doc__)
    parser.add_argument("--exit", action="store_true", help="stop after the walk")
    parser.add_argument("--port", type=int, help="port of the API; the next free one is taken when somebody listens there")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier demo built in the data directory")
    parser.add_argument("--listings", type=int, help=argparse.SUPPRESS)  # a smaller market in a smaller world, for tests
    parser.add_argument("--world", type=int, help=argparse.SUPPRESS)
    return parser


def _run(environ: dict[str, str], options: argparse.Namespace) -> int:
    environ["SUCCESSION_PORT"] = str(_port(Settings.from_env(environ), options.port))
    settings = Settings.from_env(environ)
    asyncio.run(migrate(settings.database_url, role_passwords(settings)))
    with Processes(settings, environ) as processes:
        if asyncio.run(is_demo(settings.database_url)):
            processes.start("api")
        from succession.demo import tour

        accounts = tour.build(settings, options.listings, options.world)
        processes.start("api")
        processes.await_api()
        say(f"ready: {processes.address}", "green")
        for name in ("worker", "figures"):
            processes.start(name)
        status = tour.walk(settings, environ, accounts, processes)
        processes.check()
        if options.exit:
            return status
        tour.introduce(settings, accounts, processes.address)
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


def _forget(environ: Mapping[str, str], settings: Settings) -> None:
    """Only what we made ourselves: a database somebody gave us is theirs to drop."""
    if environ.get("DATABASE_URL") or environ.get("DATABASE_URL_FILE"):
        raise DemoRefused("--fresh forgets embedded databases only; empty the one DATABASE_URL names yourself.")
    from succession.embedded import start

    start(settings.data_dir).discard()
    for directory in (settings.data_dir / "demo", settings.mail_dir):
        shutil.rmtree(directory, ignore_errors=True)
