"""Was this very request answered before? Then the stored answer is given again, and nothing is done twice.

`@creates` wraps every POST that creates. The key is stored in the unit of work of the write itself: either both exist
or neither. A second request with the same key waits for the first on the primary key, then replays its answer. What is
stored is sealed: an answer may hold a secret that is shown once.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from litestar import Request, Response
from sqlalchemy import text

from succession.errors import Problem, field_problem
from succession.i18n import Message, _

_CLAIM = text("INSERT INTO ops.idempotency (actor, key, request_hash) VALUES (current_setting('succession.actor'), :key, :hash) "
              "ON CONFLICT DO NOTHING RETURNING key")
_STORED = text("SELECT request_hash, status, headers::text AS headers, body FROM ops.idempotency "
               "WHERE actor = current_setting('succession.actor') AND key = :key")
_KEEP = text("UPDATE ops.idempotency SET status = :status, headers = CAST(:headers AS jsonb), body = :body "
             "WHERE actor = current_setting('succession.actor') AND key = :key")
_NONCE_BYTES = 12


def creates(handler: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """For handlers with `request` and `tx` parameters that answer with a Struct, or with a Response that holds one."""

    @functools.wraps(handler)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        request, tx = kwargs["request"], kwargs["tx"]
        key = request.headers.get("idempotency-key")
        if key is None:
            return await handler(*args, **kwargs)
        if not 1 <= len(key) <= 200 or not key.isprintable():
            raise field_problem("Idempotency-Key", Message.of(_("A key has 1 to 200 printable characters.")))
        request_hash = hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + await request.body()).digest()
        if (await tx.execute(_CLAIM, {"key": key, "hash": request_hash})).first() is None:
            stored = (await tx.execute(_STORED, {"key": key})).one()
            if bytes(stored.request_hash) != request_hash:
                raise Problem("idempotency_key_reused")
            headers = msgspec.json.decode(stored.headers, type=dict[str, str])
            return Response(content=_open(request, stored.body, request_hash), status_code=stored.status,
                            media_type="application/json", headers=headers | {"Idempotency-Replayed": "true"})
        answer = await handler(*args, **kwargs)
        await tx.flush()
        content, headers = (answer.content, dict(answer.headers)) if isinstance(answer, Response) else (answer, {})
        await tx.execute(_KEEP, {
            "key": key, "status": request.scope["route_handler"].status_code, "headers": msgspec.json.encode(headers).decode(),
            "body": _seal(request, msgspec.json.encode(content), request_hash),
        })
        return answer

    wrapped.replays = True  # read by the test that walks every route
    return wrapped


def _seal(request: Request, body: bytes, request_hash: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(request.app.state.settings.key("idempotency")).encrypt(nonce, body, request_hash)


def _open(request: Request, sealed: bytes, request_hash: bytes) -> bytes:
    return opened(request.app.state.settings.key("idempotency").all(), sealed, request_hash)


def opened(keys: tuple[bytes, ...], sealed: bytes, request_hash: bytes) -> bytes:
    """Problem unavailable for an answer sealed under a root key that is gone: what was done stays done."""
    for key in keys:
        with contextlib.suppress(InvalidTag):
            return AESGCM(key).decrypt(bytes(sealed[:_NONCE_BYTES]), bytes(sealed[_NONCE_BYTES:]), request_hash)
    raise Problem("unavailable")
