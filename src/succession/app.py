"""Everything the API consists of, on one screen: routes, middleware, errors, dependencies, start and stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from litestar import Litestar, Request, Response, Router, get
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.params import FromPath
from redis.client import AbstractRedis
from sqlalchemy.ext.asyncio import AsyncSession

from succession import __version__
from succession.accounts import routes as accounts
from succession.actor import Actor, Sessions, send_renewed_cookie
from succession.admission import within_share
from succession.config import Settings
from succession.database import Databases, open_databases
from succession.deals import routes as deals
from succession.disclosure import routes as disclosure
from succession.errors import PROBLEMS, Problem
from succession.http import EXCEPTION_HANDLERS, add_language_headers, documented, locale_of, speaks_json
from succession.i18n import Message, _, translate
from succession.listings import routes as listings
from succession.market import routes as market
from succession.market.filter_log import FilterLog
from succession.market.held import Held
from succession.memory import open_memory
from succession.metrics import routes as metrics
from succession.pages import routes as pages
from succession.permissions import CONFIRMED_ANEW, allow
from succession.rates import CountedAuthentication, send_rate, within_rate
from succession.store.vault import Vault, open_vault
from succession.wiring import Locale, Memory, Pools

V1 = [*accounts.ROUTES, *listings.ROUTES, *market.ROUTES, *disclosure.ROUTES, *deals.ROUTES, *metrics.ROUTES]
BODY_LIMIT_BYTES = 25 * 1024 * 1024
HOW_TO_CONFIRM = _("Give its present code at POST /v1/sessions/current/second-factor; the confirmation is good for ten minutes.")
HOW_TO_SET_UP = _("Sign in and set one up at POST /v1/members/me/second-factor.")
COUNTS_STOP_S = 1.0  # counts of the last minute are worth a moment, not a slow stop


async def provide_actor(request: Request) -> Actor:
    return request.user


async def provide_locale(request: Request) -> str:
    return locale_of(request)


async def provide_read(request: Request) -> AsyncIterator[asyncpg.Connection]:
    async with request.app.state.databases.read(request.user.scope()) as connection:
        yield connection


async def provide_tx(request: Request) -> AsyncIterator[AsyncSession]:
    async with request.app.state.databases.tx(request.user.scope()) as session:
        yield session


async def provide_databases(state: State) -> Databases:
    return state.databases


async def provide_redis(state: State) -> AbstractRedis:
    return state.redis


async def provide_sessions(state: State) -> Sessions:
    return state.sessions


async def provide_settings(state: State) -> Settings:
    return state.settings


async def provide_store(state: State) -> Vault:
    return state.vault


async def at_the_door(connection: ASGIConnection, handler: BaseRouteHandler) -> None:
    """Counted, then known and allowed, then confirmed anew where that is asked for, speaking JSON, and with no more than its share of
    the large line.

    One guard: the framework copies the handler for each, and a plain function would run in a thread.
    """
    await within_rate(connection, handler)
    permitted(connection, handler)
    await confirmed_anew(connection, handler)
    speaks_json(connection, handler)
    await within_share(connection, handler)


def permitted(connection: ASGIConnection, handler: BaseRouteHandler) -> None:
    """Every route names its permission or is public; one that does neither is refused to everybody."""
    if handler.opt.get("public"):
        return
    if "permission" not in handler.opt:
        raise Problem("not_found")
    allow(connection.user, handler.opt["permission"])


async def confirmed_anew(connection: ASGIConnection, handler: BaseRouteHandler) -> None:
    """What leaves the house by somebody's hand asks for a code not older than ten minutes, of a session and of a key."""
    if handler.opt.get("permission") not in CONFIRMED_ANEW:
        return
    state = await connection.app.state.databases.app.fetchrow("SELECT * FROM vault.second_factor_of($1)", connection.user.member_id,
                                                              timeout=5)
    if not state["fresh"]:
        raise Problem("second_factor_needed", Message.of(HOW_TO_CONFIRM if state["enrolled"] else HOW_TO_SET_UP))


@get("/healthz", opt={"public": True, "uncounted": True}, operation_id="Healthz", summary="Is the process alive?", sync_to_thread=False)
def healthz() -> dict[str, str]:
    return {"status": "ok"}


@get("/readyz", opt={"public": True, "uncounted": True}, operation_id="Readyz", summary="Can it serve: database and Redis answer?")
async def readyz(databases: Pools, redis: Memory) -> Response[dict[str, str]]:
    await databases.app.fetchval("SELECT 1", timeout=3)
    await redis.ping()
    return Response({"status": "ready"})


@get("/v1/openapi.json", opt={"public": True}, operation_id="ReadOpenapi", summary="This API as OpenAPI 3.1", sync_to_thread=False)
def openapi_document(request: Request) -> dict[str, Any]:
    return request.app.openapi_schema.to_schema()


@get("/v1/problems/{code:str}", opt={"public": True}, operation_id="ReadProblem", summary="What a problem's `type` means",
     sync_to_thread=False, responses=documented("not_found", public=True))
def problem_type(locale: Locale, code: FromPath[str]) -> dict[str, str | int]:
    if code not in PROBLEMS:
        raise Problem("not_found")
    status, title = PROBLEMS[code]
    return {"code": code, "status": status, "title": translate(title, locale)}


def create_app(settings: Settings) -> Litestar:
    """The ASGI application; pools open when it starts and close when it stops."""

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        app.state.settings = settings
        app.state.redis = open_memory(settings.redis_url)
        app.state.databases = await open_databases(settings, app.state.redis)
        app.state.sessions = Sessions(app.state.redis, settings)
        app.state.filter_log = FilterLog()
        app.state.databases.held[Held] = Held(settings.answers_kept)
        app.state.vault = open_vault(settings)
        counting = asyncio.create_task(app.state.filter_log.keep(app.state.databases.app))
        watching = asyncio.create_task(standbys.watch()) if (standbys := app.state.databases.standbys) else None
        try:
            yield
        finally:
            counting.cancel()
            if watching is not None:
                watching.cancel()
            await asyncio.wait([counting], timeout=COUNTS_STOP_S)
            app.state.vault.close()
            await app.state.redis.aclose()
            await app.state.databases.close()

    return Litestar(
        route_handlers=[healthz, readyz, openapi_document, problem_type, Router("/v1", route_handlers=V1), *pages.ROUTES],
        lifespan=[lifespan],
        middleware=[CountedAuthentication],
        guards=[at_the_door],
        dependencies={
            "actor": Provide(provide_actor),
            "locale": Provide(provide_locale),
            "read": Provide(provide_read),
            "tx": Provide(provide_tx),
            "databases": Provide(provide_databases),
            "redis": Provide(provide_redis),
            "sessions": Provide(provide_sessions),
            "settings": Provide(provide_settings),
            "store": Provide(provide_store),
        },
        exception_handlers=EXCEPTION_HANDLERS,
        before_send=[add_language_headers, send_renewed_cookie, send_rate],
        logging_config=None,  # the programs set logging up (logs.py); the framework's own would print exceptions
        request_max_body_size=BODY_LIMIT_BYTES,
        openapi_config=OpenAPIConfig(
            title="succession",
            version=__version__,
            description="Marketplace backend for Japanese SMEs without a successor. Hints and evidence, never clearance.",
            path="/v1/_openapi",  # the built-in pages load from other people's servers: nobody is let in there
            components=Components(security_schemes={
                "api_key": SecurityScheme(type="http", scheme="bearer"),
                "session": SecurityScheme(type="apiKey", name="succession_session", security_scheme_in="cookie"),
            }),
        ),
        debug=False,
    )
