"""How does HTTP speak for us: language, versions, and every error as a problem document?"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import asyncpg
import msgspec
from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.datastructures import MutableScopeHeaders
from litestar.enums import RequestEncodingType
from litestar.exceptions import HTTPException, ValidationException
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import Message as AsgiMessage
from litestar.types import Scope as AsgiScope
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from succession.codes import NAME_LOCALES
from succession.errors import CONSTRAINTS, PROBLEMS, FieldError, Problem, render
from succession.i18n import Message, _, negotiate
from succession.memory import AWAY

log = logging.getLogger("succession.http")
PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_S = "5"

# On every answer, whatever it is. Nothing inline, nothing from elsewhere, in nobody's frame; data: only for pictures (QR codes).
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
                               "font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "accelerometer=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
                          "microphone=(), payment=(), usb=()",
    "X-Permitted-Cross-Domain-Policies": "none",
}
_SECURITY = {name.lower().encode(): value.encode() for name, value in SECURITY_HEADERS.items()}
DOWNLOAD_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"  # a file that is opened all the same does nothing
HSTS = "max-age=31536000"  # wherever people come by https; subdomains may be somebody else's
_UNSTORABLE = ("22021", "22P05", "22003", "22008")  # a null character, a number or a date that no column holds

_BY_STATUS = {400: "malformed_body", 401: "unauthenticated", 403: "forbidden", 404: "not_found", 405: "method_not_allowed",
              406: "not_acceptable", 413: "body_too_large", 415: "unsupported_media_type", 429: "rate_limited"}


def locale_of(connection: ASGIConnection) -> str:
    """The reader's language: Accept-Language, else what the member chose, else the installation's."""
    accepted = connection.headers.get("accept-language")
    if accepted:
        return negotiate(accepted)
    user = connection.scope.get("user")
    return getattr(user, "locale", None) or connection.app.state.settings.locale


def names_locale_of(connection: ASGIConnection) -> str:
    """The language for names of codes, which there are in more languages than sentences."""
    accepted = connection.headers.get("accept-language")
    return negotiate(accepted, NAME_LOCALES) if accepted else locale_of(connection)


async def add_language_headers(message: AsgiMessage, scope: AsgiScope) -> None:
    """Content-Language and Vary on everything a reader gets; security headers on everything."""
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    headers.setdefault("Content-Language", locale_of(Request(scope)))
    headers.setdefault("Vary", "Accept-Language, Cookie, Authorization")
    headers.setdefault("Cache-Control", "no-store")
    headers.setdefault("Referrer-Policy", "no-referrer")
    # No handler says otherwise.
    message["headers"] = [each for each in message["headers"] if each[0].lower() not in _SECURITY] + [*_SECURITY.items()]
    headers = MutableScopeHeaders.from_message(message)
    if headers.get("Content-Disposition", "").startswith("attachment"):
        headers["Content-Security-Policy"] = DOWNLOAD_POLICY
    if scope["app"].state.settings.secure_cookies:
        headers["Strict-Transport-Security"] = HSTS


def speaks_json(connection: ASGIConnection, handler: BaseRouteHandler) -> None:
    """Guard: a body that is read as JSON says that it is JSON. A form on a foreign page cannot say so."""
    body = handler.parsed_data_field if isinstance(handler, HTTPRouteHandler) else None
    if body is None or getattr(body.kwarg_definition, "media_type", None) != RequestEncodingType.JSON:
        return
    stated = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
    if stated != "application/json" and connection.headers.get("content-length") != "0":
        raise Problem("unsupported_media_type")


# ---------------------------------------------------------------- versions


def etag(version: int) -> dict[str, str]:
    """The header that lets a client say which version it edits."""
    return {"ETag": f'"{version}"'}


def if_match(request: Request) -> int:
    """The version an edit was made from; Problem precondition_required when it is not stated."""
    stated = request.headers.get("if-match", "")
    found = re.fullmatch(r'"(\d{1,9})"', stated.strip())
    if not found:
        raise Problem("precondition_required")
    return int(found[1])


# ---------------------------------------------------------------- what the OpenAPI document says of problems


class ProblemField(msgspec.Struct):
    """One field that cannot be accepted, and the values that would have been."""

    field: str
    message: str
    allowed: list[str]


class ProblemDocument(msgspec.Struct):
    """RFC 9457: every error of this API, told apart by `code`."""

    type: str
    title: str
    status: int
    code: str
    instance: str
    detail: str | msgspec.UnsetType
    errors: list[ProblemField] | msgspec.UnsetType


_ALWAYS = ("malformed_body", "body_too_slow", "unsupported_media_type", "validation", "rate_limited", "overloaded", "unavailable", "unexpected")
_TO_THE_KNOWN = ("unauthenticated", "forbidden", "organisation_not_verified")


def documented(*codes: str, public: bool = False) -> dict[int, ResponseSpec]:
    """For `responses=` of a handler: the problems it raises, next to those that any route (any that is not `public`)
    answers. KeyError for a code that is not in PROBLEMS."""
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys((*_ALWAYS, *(() if public else _TO_THE_KNOWN), *codes)):
        by_status.setdefault(PROBLEMS[code][0], []).append(code)
    return {
        status: ResponseSpec(ProblemDocument, generate_examples=False, media_type=PROBLEM_JSON,
                             description="; ".join(f"`{code}`: {PROBLEMS[code][1]}" for code in found))
        for status, found in sorted(by_status.items())
    }


# ---------------------------------------------------------------- errors


def answer_problem(request: Request, problem: Problem) -> Response:
    headers = dict(problem.headers)
    if problem.status in (429, 503):
        headers.setdefault("Retry-After", RETRY_AFTER_S)
    body = render(problem, locale_of(request), request.url.path)
    return Response(content=body, status_code=problem.status, media_type=PROBLEM_JSON, headers=headers)


def answer_http_exception(request: Request, error: HTTPException) -> Response:
    if isinstance(error, ValidationException):
        return answer_problem(request, Problem("validation", errors=tuple(_field_errors(request, error))))
    if isinstance(cause := error.__cause__, msgspec.ValidationError) and "at `$.data" in str(cause):
        # Litestar takes a body field for a dependency of the same name ("locale") and blames us.
        return answer_problem(request, Problem("validation", errors=(_from_msgspec(request, str(cause).replace("$.data", "$", 1)),)))
    code = _BY_STATUS.get(error.status_code, "unexpected" if error.status_code >= 500 else "conflict")
    if code == "malformed_body" and "at `$" in str(error.detail):
        return answer_problem(request, Problem("validation", errors=(_from_msgspec(request, str(error.detail)),)))
    problem = Problem(code)
    if error.headers:
        problem.headers.update({k: v for k, v in error.headers.items() if k.lower() in ("allow", "retry-after", "www-authenticate")})
    return answer_problem(request, problem)


def answer_database_error(request: Request, error: Exception) -> Response:
    cause = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig is not None else error
    return answer_problem(request, database_problem(cause or error))


def database_problem(cause: BaseException) -> Problem:
    """What a refusal of PostgreSQL means to the caller."""
    state = getattr(cause, "sqlstate", None)
    constraint = getattr(cause, "constraint_name", None)
    if constraint in CONSTRAINTS:
        return Problem(CONSTRAINTS[constraint])
    if state == "SU001":
        return Problem("evidence_immutable")
    if state in _UNSTORABLE or type(cause) is asyncpg.DataError:  # the latter: the driver could not even send it
        return Problem("validation")
    if state == "42501":  # a row policy refused: the caller may not know that the row exists
        log.error("row-level security refused a write: %s", type(cause).__name__)
        return Problem("not_found")
    if state is None or state[:2] in ("08", "53", "57", "58", "25", "XX") or state in ("55P03", "40001", "40P01"):
        return Problem("unavailable")
    log.error("unmapped database refusal %s on %s", state, constraint)
    return Problem("conflict" if state[:2] == "23" else "unexpected")


def answer_unavailable(request: Request, error: Exception) -> Response:
    log.warning("a server we need did not answer: %s", type(error).__name__)
    return answer_problem(request, Problem("unavailable"))


def answer_unreadable(request: Request, error: Exception) -> Response:
    """Bytes that are no text, or nested so deep that no reader follows."""
    log.info("unreadable body: %s at %s", type(error).__name__, _place(error))
    return answer_problem(request, Problem("malformed_body"))


def answer_unexpected(request: Request, error: Exception) -> Response:
    # The traceback names code, never data: locals are not logged.
    log.error("unexpected %s at %s", type(error).__name__, _place(error))
    return answer_problem(request, Problem("unexpected"))


def _place(error: BaseException) -> str:
    trace, place = error.__traceback__, "?"
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def answer_group(request: Request, group: BaseExceptionGroup) -> Response:
    """Dependency clean-up wraps what was raised; the first real cause is the answer."""
    first = group.exceptions[0]
    for kind, handler in EXCEPTION_HANDLERS.items():
        if isinstance(kind, type) and kind is not Exception and isinstance(first, kind):
            return handler(request, first)
    return answer_unexpected(request, first)


EXCEPTION_HANDLERS: dict[Any, Any] = {
    Problem: answer_problem,
    HTTPException: answer_http_exception,
    BaseExceptionGroup: answer_group,
    PoolTimeout: answer_unavailable,
    DBAPIError: answer_database_error,
    asyncpg.PostgresError: answer_database_error,
    asyncpg.InterfaceError: answer_unavailable,
    asyncpg.InternalClientError: answer_unavailable,  # a connection that was cut between two messages
    **dict.fromkeys(AWAY, answer_unavailable),
    UnicodeDecodeError: answer_unreadable,
    RecursionError: answer_unreadable,
    ConnectionError: answer_unavailable,
    TimeoutError: answer_unavailable,
    OSError: answer_unavailable,
    Exception: answer_unexpected,
}


# ---------------------------------------------------------------- which field, and what would have been accepted


def _field_errors(request: Request, error: ValidationException) -> Iterable[FieldError]:
    found = False
    for item in error.extra if isinstance(error.extra, list) else []:
        found = True
        field, said = str(item.get("key", "")), str(item.get("message", ""))
        if "at `$" in said:
            yield _from_msgspec(request, said)
        elif item.get("source") == "body":  # Litestar took the path out of msgspec's sentence; "data" is the whole body
            yield _from_msgspec(request, f"{said} - at `$.{'' if field == 'data' else field}`")
        else:
            annotation = _parameter(request, field)
            yield FieldError(field.removeprefix("$."), _sentence(said), _allowed(annotation))
    if not found:
        yield _from_msgspec(request, str(error.detail))


def _from_msgspec(request: Request, said: str) -> FieldError:
    """msgspec says "<what> - at `$.a.b`": the path becomes the field, its annotation the allowed values."""
    what, _sep, where = said.partition(" - at `")
    path = where.rstrip("`").removeprefix("$").lstrip(".")
    missing = re.search(r"missing required field `([^`]+)`", what)
    unknown = re.search(r"contains unknown field `([^`]+)`", what)
    if name := missing or unknown:
        path = f"{path}.{name[1]}".lstrip(".")
    names = [part for part in re.split(r"[.\[\]]+", path) if part and part != "..." and not part.isdigit()]
    annotation = _at(_parameter(request, "data"), names[:-1] if unknown else names)
    allowed = _struct_fields(annotation) if unknown else _allowed(annotation)
    return FieldError(path or "body", _sentence(what), allowed)


_SENTENCES: tuple[tuple[str, str], ...] = (
    (r"missing required", _("This field is required.")),
    (r"unknown field", _("There is no such field here.")),
    (r"Invalid enum value|is not one of|Invalid literal", _("This is not one of the allowed values.")),
    (r"length (<=|>=)|matching regex", _("This has the wrong length or form.")),
    (r"`(int|float)` (<=|>=|<|>)", _("This number is outside the allowed range.")),
    (r"Expected `([^`]+)`", _("This is a value of the wrong kind.")),
    (r"Invalid (UUID|uuid)", _("This is not a reference.")),
    (r"Invalid (RFC3339|date)", _("This is not a date.")),
)


def _sentence(said: str) -> Message:
    for pattern, sentence in _SENTENCES:
        if re.search(pattern, said):
            return Message.of(sentence)
    return Message.of(_("This value cannot be accepted."))


def _parameter(request: Request, name: str) -> Any:
    handler = request.scope.get("route_handler")
    try:
        return get_type_hints(handler.fn.__wrapped__ if hasattr(handler.fn, "__wrapped__") else handler.fn).get(name)
    except Exception:  # an annotation we cannot resolve costs the list of allowed values, not the answer
        return None


def _at(annotation: Any, path: list[str]) -> Any:
    for name in path:
        annotation = _bare(annotation)
        if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
            annotation = get_type_hints(annotation, include_extras=True).get(name)
    return annotation


def _bare(annotation: Any) -> Any:
    """Optional, Annotated and list wrappers taken off."""
    while True:
        origin = get_origin(annotation)
        if hasattr(annotation, "__metadata__"):
            annotation = annotation.__origin__
        elif origin in (list, tuple, set, frozenset):
            annotation = get_args(annotation)[0]
        elif origin is Union or type(annotation).__name__ == "UnionType":
            kept = [a for a in get_args(annotation) if a is not type(None) and a is not msgspec.UnsetType]
            annotation = kept[0] if kept else None
        else:
            return annotation


def _allowed(annotation: Any) -> tuple[str, ...]:
    if get_origin(bare := _bare(annotation)) is Literal:
        return tuple(str(value) for value in get_args(bare))
    return ()


def _struct_fields(annotation: Any) -> tuple[str, ...]:
    bare = _bare(annotation)
    return tuple(bare.__struct_fields__) if isinstance(bare, type) and issubclass(bare, msgspec.Struct) else ()
