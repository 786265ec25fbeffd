"""Which answers may a cache keep, for how long, and when is it told that it still has the right one?

Only what anybody gets who says nothing about themselves: a request with a cookie or credentials, whosever, is answered for
nobody else. The tag is a hash of the bytes that are sent, so it tells what they tell. A cache may show what it holds for
`max_age_s` and asks afterwards; what was taken down by then is a problem document, which is never kept (decision 33).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TypeVar

import msgspec
from litestar import Request, Response
from litestar.openapi.datastructures import ResponseSpec

ANSWER = TypeVar("ANSWER", bound=msgspec.Struct)

MARKET_MAX_AGE_S = 60  # how long a teaser may still be shown by caches after it was taken down
NOT_MODIFIED = {304: ResponseSpec(None, description="What `If-None-Match` names is still what there is.")}
_TAG_HEX = 32


def anonymous(request: Request) -> bool:
    """Whether the request says nothing about who asks. A cookie of somebody else's making is not looked into."""
    return not {"cookie", "authorization"} & set(request.headers)


def kept_for(request: Request, answer: ANSWER, max_age_s: int, headers: Mapping[str, str] | None = None) -> Response[ANSWER]:
    """The answer, with leave to keep it where nobody in particular asked; 304 for who already has these bytes."""
    if not anonymous(request):
        return Response(answer, headers=headers)
    body = msgspec.json.encode(answer)
    tag = tag_of(body)
    told = {**(headers or {}), "ETag": tag, "Cache-Control": f"public, max-age={max_age_s}, must-revalidate"}
    if has(request.headers.get("if-none-match", ""), tag):
        return Response(None, status_code=304, headers=told)
    return Response(body, media_type="application/json", headers=told)


def tag_of(body: bytes) -> str:
    """A strong validator: the same bytes have the same tag, whichever process sends them."""
    return f'"{hashlib.sha256(body).hexdigest()[:_TAG_HEX]}"'


def has(if_none_match: str, tag: str) -> bool:
    """Whether one of the tags named is this one, or any is asked for (RFC 9110, 13.1.2: compared weakly)."""
    return any(named.strip().removeprefix("W/") in (tag, "*") for named in if_none_match.split(","))
