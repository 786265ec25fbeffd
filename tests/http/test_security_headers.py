"""Does every answer of every route, right or wrong, carry the headers a browser needs to be safe with us?"""

from __future__ import annotations

import re
import uuid

import pytest

from succession.app import create_app
from succession.config import Settings, resource
from succession.http import DOWNLOAD_POLICY, HSTS, SECURITY_HEADERS

APP = create_app(Settings.from_env({"SUCCESSION_DEMO": "1", "SUCCESSION_SECRET_KEY": "k" * 32}))
# Each route by the methods it has and, for the refusal, by one it has not.
ROUTES = {route.path: sorted({*route.methods, "PATCH", "OPTIONS"}) for route in APP.routes if hasattr(route, "route_handlers")}


def filled(path):
    return re.sub(r"\{[^}]*\}", lambda found: str(uuid.uuid4()) if "uuid" in found[0] else "qa", path)


def assert_safe(answer, what):
    for name, value in SECURITY_HEADERS.items():
        wanted = DOWNLOAD_POLICY if name == "Content-Security-Policy" and "attachment" in answer.headers.get("content-disposition", "") else value
        assert answer.headers.get(name) == wanted, (what, name, answer.status_code)
    assert answer.headers.get("referrer-policy") in ("no-referrer", "same-origin"), what
    assert "server" not in answer.headers, what


@pytest.mark.parametrize("path", sorted(ROUTES))
async def test_every_route_by_every_method_for_nobody(http, path):
    for method in ROUTES[path]:
        assert_safe(await http.request(method, filled(path)), f"{method} {path}")


async def test_errors_static_files_and_what_does_not_exist(http, world, monkeypatch):
    await world.app.state.redis.flushdb()
    seller = await world.intermediary()
    answers = {
        "no such route": await http.get("/v1/nothing"), "no such page": await http.get("/nothing"), "static": await http.get("/static/owner.css"),
        "no such file": await http.get("/static/nothing.css"), "above": await http.get("/static/%2e%2e/routes.py"),
        "a wrong key": await http.get("/v1/sessions/current", headers={"Authorization": "Bearer nothing"}),
        "a wrong origin": await http.post("/v1/sessions", json={"email": "a@b.example", "password": "x"}, headers={"Origin": "https://elsewhere.example"}),
        "no JSON": await seller.client.post("/v1/listings", content=b"{", headers={"Content-Type": "application/json"}),
        "no media type": await seller.client.post("/v1/listings", content=b"x", headers={"Content-Type": "text/plain"}),
        "too large": await http.post("/v1/sessions", content=b"x" * 30_000_000, headers={"Content-Type": "application/json"}),
        "openapi": await http.get("/v1/openapi.json"), "healthz": await http.get("/healthz"), "readyz": await http.get("/readyz"),
    }
    for what, answer in answers.items():
        assert_safe(answer, what)
    assert {what: answer.status_code for what, answer in answers.items() if answer.status_code < 300}.keys() == {"static", "openapi", "healthz", "readyz"}

    async def fails(*_arguments, **_more):
        raise RuntimeError("planted")
    monkeypatch.setattr("succession.accounts.queries.list_members", fails)
    failed = await (await world.signed_in(seller)).get("/v1/members")
    assert failed.status_code == 500
    assert_safe(failed, "500")


async def test_a_download_is_a_file_and_nothing_else(world):
    published, buyer = await world.published(), await world.acquirer()
    seller = published.seller
    added = await seller.post(f"/v1/listings/{published.listing_id}/documents", {
        "level": "dossier", "filename": "page.txt", "content_base64": "PHNjcmlwdD4="})
    if added.status_code == 422:  # declarations a document needs by now
        pytest.fail(added.text)
    answer = await seller.get(f"/v1/documents/{added.json()['id']}")
    assert answer.status_code == 200 and answer.headers["content-disposition"].startswith("attachment")
    assert_safe(answer, "download")


async def test_browsers_are_told_to_come_back_by_https_where_that_is_the_address(http, settings, monkeypatch):
    assert "strict-transport-security" not in (await http.get("/healthz")).headers
    monkeypatch.setattr(type(settings), "secure_cookies", True)
    for path in ("/healthz", "/nothing", "/static/owner.css"):
        assert (await http.get(path)).headers["strict-transport-security"] == HSTS


def test_the_policy_allows_nothing_inline_nothing_from_elsewhere_and_no_frame():
    policy = dict(part.strip().split(" ", 1) for part in SECURITY_HEADERS["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'" and policy["form-action"] == "'self'"
    assert not {source for sources in policy.values() for source in sources.split()} - {"'none'", "'self'", "data:"}
    assert policy["script-src"] == policy["style-src"] == "'self'"


def test_no_template_has_inline_script_style_or_handlers():
    templates = list((resource("src/succession/pages/templates")).glob("*.html"))
    assert templates
    for path in templates:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=|javascript:", text, re.IGNORECASE), path.name
