"""What does a visitor of the demo see: a market being built, one deal walked, and what to try next?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

import asyncpg

from succession.commands.population import DEMO_WORLD_COMPANIES
from succession.config import Settings
from succession.days import add_months, day_in_japan
from succession.demo.build import LISTINGS, build_market, saved_world
from succession.demo.companies import Company
from succession.demo.people import Accounts
from succession.demo.presence import seeding
from succession.demo.servers import Processes
from succession.demo.story import CHAPTERS, company_of_a_walk
from succession.demo.terminal import say
from succession.demo.walk import Walk
from succession.market.codebooks import codebook_in_force, load_codebook


def build(settings: Settings, listings: int | None, world: int | None) -> Accounts:
    """Whatever of the market is missing; returns who can sign in."""
    return asyncio.run(build_market(settings, listings or LISTINGS, world or DEMO_WORLD_COMPANIES))


def walk(settings: Settings, environ: Mapping[str, str], accounts: Accounts, processes: Processes) -> int:
    """One deal from beginning to end; 0 when every step answered as it should, else 1."""
    company = asyncio.run(_walking_company(settings))
    return 1 if Walk(settings, environ, accounts, processes, company).take(CHAPTERS) else 0


async def _walking_company(settings: Settings) -> Company:
    owner = await asyncpg.connect(settings.database_url, timeout=10)
    try:
        async with seeding(owner) as seeder:
            codebook = await load_codebook(seeder, (await codebook_in_force(seeder, demo_mode=True)).version)
    finally:
        await owner.close()
    return company_of_a_walk(saved_world(settings), codebook, day_in_japan(datetime.now(UTC)))


def introduce(settings: Settings, accounts: Accounts, address: str) -> None:
    """Where it is, who can sign in, and what to try."""
    say(f"\nThe demo stays up at {address}  (Ctrl-C stops it)", "bold")
    say(f"API document: {address}/v1/openapi.json    letters: {settings.mail_dir}")
    say(f"password of everybody: {accounts.password}\n")
    for account in accounts.accounts:
        app = f"    authenticator secret {account.authenticator}" if account.authenticator else ""
        say(f"  {account.email:<24} {account.what}\n    {account.api_key}{app}")
    month = add_months(day_in_japan(datetime.now(UTC)).replace(day=1), -1).isoformat()[:7]
    buyer, monitor = (f"-H 'Authorization: Bearer {accounts[key].api_key}'" for key in ("buyer-a", "monitor"))
    say("\nTry:", "bold")
    say(f"  curl -G '{address}/v1/teasers' -H 'Accept-Language: ja' --data-urlencode 'q=金属 九州'")
    say(f"  curl '{address}/v1/teasers?industry=09&sort=-revenue&limit=3' {buyer}")
    say(f"  curl '{address}/v1/metrics/funnel?from={month}&to={month}' {monitor}")
