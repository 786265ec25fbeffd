"""How does the walk play the owner, who has no account: a letter, one page, one answer?"""

from __future__ import annotations

import html
import re

from succession.demo.walk import Answer, Walk

_LINK = re.compile(r"https?://[^/\s]+(/owner/[\w-]+)")
_CODE = re.compile(r"^[0-9]{6}$", re.MULTILINE)
_CARD = re.compile(r'<section[^>]*lang="ja">(.*?)</section>', re.DOTALL)
_FORM_KEY = re.compile(r'name="form_key" value="([0-9a-f]+)"')


def link_in(walk: Walk, template: str) -> str:
    """The path of the link in the owner's next letter of this kind."""
    return _LINK.search(walk.letter(walk.company.owner_email, template))[1]


def open_page(walk: Walk, link: str) -> Answer:
    """What the owner sees; opening it changes nothing."""
    return walk.get("", f"{link}?lang=ja")


def text_of(page: Answer) -> str:
    """The Japanese text the answer will be about."""
    quoted = re.search(r'<blockquote lang="ja">(.*?)</blockquote>', page.body, re.DOTALL)
    parts = [quoted[1]] if quoted else [re.sub(r"</strong>", "：", part) for part in _CARD.findall(page.body)]
    lines = (html.unescape(re.sub(r"<[^>]+>", "", line)).strip() for part in parts for line in part.splitlines())
    return "\n".join(line for line in lines if line)


def answer(walk: Walk, link: str, page: Answer, decision: str, *boxes: str) -> Answer:
    """The owner ticks these boxes, declares to have read the text, presses one button, and types the number that comes by mail."""
    form = {"form_key": _FORM_KEY.search(page.body)[1], "decision": decision, "read": "yes", "box": list(boxes)}
    answered = walk.call("", "POST", f"{link}?lang=ja", data=form)
    if 'name="code"' not in answered.body:
        return answered
    code = _CODE.search(walk.letter(walk.company.owner_email, "owner_code"))[0]
    return walk.call("", "POST", f"{link}?lang=ja", data=form | {"code": code})
