"""Is every route named, permitted and documented?"""

import pytest
from litestar.handlers import HTTPRouteHandler

from succession.app import create_app
from succession.config import Settings
from succession.permissions import PERMISSIONS

APP = create_app(Settings.from_env({"SUCCESSION_DEMO": "1", "SUCCESSION_SECRET_KEY": "k" * 32}))
BUILT_IN = "/v1/_openapi"
# POSTs that create nothing a retry could double: each is a state change that a second call refuses or repeats harmlessly.
HANDLERS = sorted(
    {(method, route.path, handler) for route in APP.routes if hasattr(route, "route_handlers") and not route.path.startswith(BUILT_IN)
     for handler in route.route_handlers if isinstance(handler, HTTPRouteHandler) for method in handler.http_methods if method != "OPTIONS"},
    key=lambda found: (found[1], found[0]))
IDS = [f"{method} {path}" for method, path, _handler in HANDLERS]


@pytest.mark.parametrize(("method", "path", "handler"), HANDLERS, ids=IDS)
def test_it_names_its_permission_or_is_public(method, path, handler):
    permission = handler.opt.get("permission")
    assert handler.opt.get("public") or permission in PERMISSIONS
    assert not (handler.opt.get("public") and permission)


@pytest.mark.parametrize(("method", "path", "handler"), HANDLERS, ids=IDS)
def test_it_is_documented(method, path, handler):
    if handler.include_in_schema is False or path.startswith("/static/"):
        assert not path.startswith("/v1/")
        return
    assert handler.summary and handler.operation_id
    if path.startswith("/v1/") and not path.endswith("openapi.json"):
        assert handler.responses, "document the problems it may answer"


@pytest.mark.parametrize(("method", "path", "handler"), HANDLERS, ids=IDS)
def test_a_post_that_creates_can_be_repeated(method, path, handler):
    if method == "POST" and handler.status_code == 201 and path.startswith("/v1/"):
        assert getattr(handler.fn, "replays", False) or handler.opt.get("creates_nothing"), "@creates, or opt creates_nothing with a reason"


@pytest.mark.parametrize(("method", "path", "handler"), HANDLERS, ids=IDS)
def test_no_table_model_is_returned(method, path, handler):
    from sqlmodel import SQLModel

    annotation = handler.parsed_fn_signature.return_type.annotation
    assert not (isinstance(annotation, type) and issubclass(annotation, SQLModel))


def test_operation_ids_are_unique():
    seen = [handler.operation_id for _m, path, handler in HANDLERS if path.startswith("/v1/")]
    assert len(set(map(str, seen))) == len(seen)


def test_every_permission_is_used():
    used = {handler.opt.get("permission") for _m, _p, handler in HANDLERS}
    assert set(PERMISSIONS) <= used, set(PERMISSIONS) - used
