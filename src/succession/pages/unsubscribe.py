"""How do letters of saved searches end? One click in the mail program (RFC 8058), or a button on this page; no signing in.

The click, and the first button, end exactly the searches that the letter was about; the second button ends all of its reader's.
Opening the page changes nothing: programs that look at links beforehand end no letters. What a link stands for stays ended
however often it is pressed.
"""

import hashlib
from typing import Annotated

from litestar import Request, Response, get, post
from litestar.params import FromPath
from msgspec import Meta
from sqlalchemy import text

from succession.errors import Problem
from succession.i18n import _, translate
from succession.outbox import record
from succession.pages.rendering import page
from succession.wiring import Locale, Pools, Tx

PUBLIC = {"public": True}
Token = Annotated[str, Meta(max_length=100)]
_KNOWN, _END = "SELECT vault.unsubscribe_known($1)", text("SELECT vault.unsubscribe(:hash, :everything)")


@get("/unsubscribe/{token:str}", opt=PUBLIC, operation_id="OpenUnsubscribePage", summary="End letters of a saved search",
     include_in_schema=False)
async def open_page(databases: Pools, locale: Locale, token: FromPath[Token]) -> Response[str]:
    if not await databases.app.fetchval(_KNOWN, _hash(token)):
        raise Problem("not_found")
    return _page(locale, _("The first button ends the letters of the saved searches that this letter was about, the second one those of all your saved "
                           "searches. What you saved stays, and you can ask for letters again."), True)


@post("/unsubscribe/{token:str}", opt=PUBLIC, operation_id="AnswerUnsubscribePage", summary="No more of these letters", status_code=200,
      include_in_schema=False, request_max_body_size=8192)
async def answer_page(request: Request, tx: Tx, locale: Locale, token: FromPath[Token]) -> Response[str]:
    everything = (await request.form()).get("end") == "all"
    if not await tx.scalar(_END, {"hash": _hash(token), "everything": everything}):
        raise Problem("not_found")
    await record(tx, "unsubscribe", _hash(token).hex()[:16], everything=everything)
    return _page(locale, _("Done: you get no more letters of any saved search.") if everything else _("Done: you get no more letters of these saved searches."),
                 False)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _page(locale: str, sentence: str, open_: bool) -> Response[str]:
    return page("unsubscribe.html", locale, title=translate(_("Letters of saved searches"), locale), sentence=translate(sentence, locale), open=open_)


UNSUBSCRIBE_PAGE: list = [open_page, answer_page]
