"""Do errors, refusals and the documentation name what is hidden?

A28: wrong types, huge numbers, unknown fields, hidden columns. A28o: the OpenAPI document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from attacks.harness import Door, Finding, altered, attack
from attacks.questions import without
from attacks.scene import Scene, Truth
from succession.listings.storage import COLUMNS, YEAR_COLUMNS
from succession.market.search import FILTERS

# --- A28 ------------------------------------------------------------------------------------------------------------

SHOWN_NAMES = {"price", "schemes", "timing", "phrases", "founded", "employees", "revenue", "margin", "place",
               "industry", "name", "country",
               "reason", "facts", "conditions", "status", "channel", "kind", "label", "title", "number"}  # fmt: skip
HIDDEN = {column for columns in COLUMNS.values() for column in columns} | set(YEAR_COLUMNS) | {
    "municipality", "shuffle", "slot", "batch", "cell_id", "listing_id", "population_version", "codebook_version",
    "queued_at", "published_at",
    "intermediary_id"}  # fmt: skip
HIDDEN -= SHOWN_NAMES
SQL = re.compile(r"vault\.|market\.|\bops\.|SELECT |asyncpg|sqlalchemy|psycopg|Traceback|File \"|syntax error|relation \\*\"|column \\*\"|"
                 r"violates|DETAIL:|\bmsgspec\b|litestar", re.I)
STRANGE = {"fields": "legal_name", "select": "*", "include": "identity", "expand": "listing", "order_by": "created_at",
           "sort_by": "revenue_yen",
           "filter[legal_name]": "x", "where": "1=1", "embed": "profile", "columns": "municipality", "debug": "1",
           "format": "csv"}  # fmt: skip
SORTS = ("revenue_yen", "employees", "margin", "created_at", "-created_at", "founded", "shuffle", "slot", "legal_name",
         "batch", "id", "random", "1", "")
VALUES = ("9" * 400, "-" + "9" * 40, "1e999", "NaN", "Infinity", "-0", "0x10", "null", "true", "[]", "{}", "'", "\"",
          "' OR 1=1--", "%", "_",
          "${jndi:ldap://x}", "{{7*7}}", "../../etc/passwd", "\u202e", "\u200b", "\u0000", "a" * 5000, "JP-13,JP-14",
          "ＪＰ－１３", "jp-13")  # fmt: skip
OUTSIDERS = ("anonymous", "buyer-a", "desk", "monitor")


@attack("A28", "wrong types, huge numbers, unknown fields, hidden columns in sort and fields, and what errors and OpenAPI name",
        actors=", ".join(OUTSIDERS), bound="nothing hidden is named, accepted or compared; no SQL, no trace", routes=(
            "GET /v1/teasers", "GET /v1/teasers/{ref}", "GET /v1/codes", "GET /v1/codes/{scheme}",
            "GET /v1/problems/{code}", "GET /v1/deals", "GET /v1/disclosure-requests", "GET /v1/grants",
            "GET /v1/desks", "GET /v1/briefs",
            "GET /v1/introductions", "GET /v1/representations", "GET /v1/organisations", "GET /v1/metrics",
            "POST /v1/briefs",
            "POST /v1/disclosure-requests", "GET /healthz", "GET /readyz"))
async def strange_questions(scene: Scene, door: Door) -> Finding:
    found, asked = [], 0
    for who in OUTSIDERS:
        for path, params, expected in _strange_questions(next(iter(scene.seen_by("anonymous"))), scene.full):
            asked += 1
            answer = await door.ask(who, path, params=params)
            found += [f"{who} {path} {params}: {wrong}" for wrong in _tells(answer)]
            if expected == "refused" and answer.status_code < 400:
                found.append(f"{who} {path}: {params} is answered")
            if expected == "ignored" and answer.status_code == 200 and _said(answer) != _said(await door.ask(who, path)):
                found.append(f"{who} {path}: {params} changes the answer")
            if door.enough(found):
                return Finding(f"{asked} questions", found)
    for path in ("/v1/briefs", "/v1/disclosure-requests"):
        for body in ({"legal_name": "x"}, {"wishes": {"revenue_yen": 1}}, {"teaser_ref": 7}, {"teaser_ref": "x" * 9000},
                     [], "x", None,
                     {"wishes": {"places": ["JP-13-101"]}}, {"purpose": "\ud800"}, {"desk_id": {"$ne": None}}):
            asked += 1
            answer = await door.ask("buyer-a", path, "POST", content=json.dumps(body).encode(),
                                    headers={"Content-Type": "application/json"})
            found += [f"POST {path} {body!r:.60}: {wrong}" for wrong in _tells(answer)]
    return Finding(f"{asked} questions, {len(HIDDEN)} hidden names looked for", found)


def _said(answer: Any) -> Any:
    """The body but for its cursor, which is never the same twice."""
    body = answer.json()
    return {name: value for name, value in body.items() if name != "next_cursor"} if isinstance(body, dict) else body


def _strange_questions(ref: str, all_of_them: bool) -> Iterator[tuple[str, dict[str, str], str]]:
    """(path, parameters, whether they have to be refused or ignored, or only survived)."""
    values, step = (VALUES, 1) if all_of_them else (VALUES[::9], 3)
    for value in SORTS:
        yield "/v1/teasers", {"sort": value, "limit": "3"}, "refused"
    for name in ("place", "revenue", "employees", "price", "limit", "match", "cursor", "facets", "acting_for", "q"):
        for value in values:
            yield "/v1/teasers", {name: value}, "refused" if name in FILTERS else "survived"
    for name, value in list(STRANGE.items())[::step]:
        for path in ("/v1/teasers", f"/v1/teasers/{ref}", "/v1/codes", "/v1/codes/place", "/v1/problems/not_found",
                     "/v1/deals",
                     "/v1/disclosure-requests", "/v1/grants", "/v1/desks", "/v1/briefs", "/v1/introductions",
                     "/v1/representations",
                     "/v1/organisations", "/v1/metrics", "/healthz", "/readyz"):
            yield path, {name: value}, "ignored"


def _tells(answer: Any) -> Iterator[str]:
    """What an answer to a stranger says that it must not."""
    if answer.status_code >= 500:
        yield f"status {answer.status_code}"
    if answer.status_code >= 400 and not answer.headers["content-type"].startswith("application/problem+json"):
        yield f"{answer.headers['content-type']} for status {answer.status_code}"
    if hit := SQL.search(answer.text):
        yield f"{hit[0]!r} in the body"
    if answer.status_code >= 400:
        told = answer.json()
        typed = f"{answer.request.url} {answer.request.content!r}"
        for error in told.get("errors", ()):
            for name in {error["field"], *error["allowed"]} & HIDDEN:
                if name not in typed:
                    yield f"an error names {name}"


@attack("A28o", "read the OpenAPI document for hidden columns in what strangers are answered", actors="anonymous",
        bound="no hidden name in the answer of a stranger's operation", routes=("GET /v1/openapi.json",))
async def schema_oracle(_scene: Scene, door: Door) -> Finding:
    names = _named_for_strangers((await door.ask(None, "/v1/openapi.json")).json())
    return Finding(f"{len(names)} names read, {len(HIDDEN)} hidden ones looked for", sorted(names & HIDDEN))


def _named_for_strangers(document: dict[str, Any]) -> set[str]:
    """Every property in a successful answer of an operation that needs no permission of parties: the public ones, briefs
    before an introduction, and what a buyer reads of its requests."""
    operations = {"SearchTeasers", "ReadTeaser", "ListSchemes", "ReadScheme", "ReadProblem", "ListDesks",
                  "ListCandidates", "FileBrief",
                  "ReadBrief", "ListBriefs", "ListMetrics"}
    names: set[str] = set()
    for methods in document["paths"].values():
        for operation in methods.values():
            if isinstance(operation, dict) and operation.get("operationId") in operations:
                for status, response in operation["responses"].items():
                    if status.startswith("2"):
                        names |= _properties(response, document, set())
    names |= _properties(document["components"]["schemas"]["RequestForBuyer"], document, set())
    assert {"ref", "place", "outcome"} <= names, "the document was read"
    return names


def _properties(schema: Any, document: dict[str, Any], seen: set[str]) -> set[str]:
    if isinstance(schema, list):
        return set().union(*(_properties(each, document, seen) for each in schema))
    if not isinstance(schema, dict):
        return set()
    found = set(schema["properties"]) if isinstance(schema.get("properties"), dict) else set()
    for name, value in schema.items():
        if name == "$ref":
            if value not in seen:
                seen.add(value)
                found |= _properties(document["components"]["schemas"][value.rpartition("/")[2]], document, seen)
        elif name not in ("example", "examples", "enum"):
            found |= _properties(value, document, seen)
    return found


@strange_questions.leaky
async def a_sort_by_a_hidden_column(scene: Scene, request: Any, send: Any) -> Any:
    if request.url.params.get("sort") == "revenue_yen":
        return await send(without(request, "sort"))
    return await send(request)


@strange_questions.leaky
async def fields_that_name_the_company(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if request.url.params.get("fields") == "legal_name" and answer.status_code == 200:
        body = answer.json()
        truth: Truth | None = scene.truth.get(body.get("ref", "")) if isinstance(body, dict) else None
        return altered(answer, body | {"legal_name": truth.words["legal_name"]}) if truth else answer
    return answer


@strange_questions.leaky
async def the_text_of_the_database(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if answer.status_code == 422:
        return altered(answer, answer.json() | {"detail": 'column "legal_name" does not exist'})
    return answer


@strange_questions.leaky
async def an_error_that_lists_the_columns(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if answer.status_code == 422 and answer.json().get("errors"):
        body = answer.json()
        body["errors"][0]["allowed"] += ["municipality", "revenue_yen"]
        return altered(answer, body)
    return answer


@schema_oracle.leaky
async def openapi_that_documents_the_batch(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if request.url.path != "/v1/openapi.json":
        return answer
    body = answer.json()
    body["components"]["schemas"]["TeaserView"]["properties"]["batch"] = {"type": "integer"}
    return altered(answer, body)
