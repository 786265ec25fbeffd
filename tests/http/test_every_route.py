"""Does every route refuse every kind of actor as the one table says, and never fail on empty or foreign input?"""

import re
import uuid

import asyncpg
import pytest
from litestar.handlers import HTTPRouteHandler

from succession.app import create_app
from succession.config import Settings
from succession.errors import PROBLEMS
from succession.permissions import PERMISSIONS, keys_may_hold, refusal

_APP = create_app(Settings.from_env({"SUCCESSION_DEMO": "1", "SUCCESSION_SECRET_KEY": "k" * 32}))
_WALKED = ("GET", "POST", "PUT", "PATCH", "DELETE")
ROUTES = sorted({
    (method, route.path, handler.opt.get("permission"))
    for route in _APP.routes if hasattr(route, "route_handlers") and not route.path.startswith(("/v1/_openapi", "/static"))
    for handler in route.route_handlers if isinstance(handler, HTTPRouteHandler)
    for method in handler.http_methods if method in _WALKED
}, key=str)
KINDS = ("anonymous", "pending", "acquirer", "intermediary", "desk", "monitor", "operator")
# Values a path parameter takes when it is not a reference: one that exists, so that the handler itself is reached.
_WORDS = {"scheme": "place", "step": "qa", "resource": "funnel", "code": "not_found", "token": "no-such-token",
          "audience": "public", "noun": "qa", "page": "1"}


def _filled(path: str) -> str:
    def value(found: re.Match) -> str:
        name, _sep, kind = found[1].partition(":")
        return str(uuid.uuid4()) if kind == "uuid" else _WORDS.get(name, uuid.uuid4().hex)
    return re.sub(r"\{([^}]+)\}", value, path)


@pytest.fixture(scope="module")
async def callers(app, database_url):
    from world import World

    world = World(app, database_url)
    counting = await asyncpg.connect(database_url)
    await counting.execute("SET ROLE succession_seeder")
    made = {
        "anonymous": None,
        "pending": await world.organisation("acquirer", buyer_kind="company", country="FR", registry_number=uuid.uuid4().hex, status="pending"),
        "acquirer": await world.acquirer(),
        "intermediary": await world.intermediary(),
        "desk": await world.agency("desk"),
        "monitor": await world.agency("monitor"),
        "operator": await world.operator(),
    }
    for kind in ("intermediary", "operator"):  # what asks for a fresh code is asked for with one
        await made[kind].confirm()
    yield made, world, counting
    await counting.close()
    await world.close()


class _As:
    """What `refusal` reads of an actor, for a caller of tests."""

    def __init__(self, kind: str) -> None:
        self.kind = {"pending": "acquirer", "desk": "agency", "monitor": "agency"}.get(kind, kind)
        self.role, self.verified, self.half = "admin", kind != "pending", False
        self.agency_role = kind if kind in ("desk", "monitor") else None
        self.scopes = tuple(p for p in PERMISSIONS if keys_may_hold(p))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("method", "path", "permission"), ROUTES, ids=[f"{m} {p}" for m, p, _x in ROUTES])
async def test_it_is_open_to_whom_the_table_says(callers, method, path, permission, kind):
    made, world, counting = callers
    client = made[kind].client if made[kind] else world.client()
    before = await _counts(counting)
    answer = await client.request(method, _filled(path), json={} if method in ("POST", "PUT", "PATCH") else None)
    assert answer.status_code < 500 or answer.json().get("code") == "unavailable", answer.text
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400 and path.startswith("/v1/") and method != "HEAD":
        assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
        assert answer.json()["code"] in PROBLEMS
    if permission is None:
        return
    expected = refusal(_As(kind), permission)
    if expected:
        assert (answer.status_code, answer.json()["code"]) == (PROBLEMS[expected][0], expected)
        assert await _counts(counting) == before, "a refused request changed or sent something"
    else:
        assert answer.status_code not in (401, 403), answer.text


async def _counts(counting):
    return tuple((await counting.fetchrow(
        "SELECT (SELECT count(*) FROM ops.outbox) AS sent, (SELECT count(*) FROM vault.audit_event) AS audited, "
        "(SELECT count(*) FROM vault.listing) AS listings, (SELECT count(*) FROM vault.deal) AS deals, "
        "(SELECT count(*) FROM vault.organisation) AS organisations, (SELECT count(*) FROM vault.ledger_entry) AS entries")).values())
