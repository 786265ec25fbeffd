"""How does the walk sign an agreement: a code in the mail, and exactly the text that was read?"""

from __future__ import annotations

import re
from typing import Any

from succession.demo.walk import Answer, Walk

_CODE = re.compile(r"^[0-9]{6}$", re.MULTILINE)


def code_for(walk: Walk, who: str, path: str) -> str:
    """Ask for a code and take it from this account's mail."""
    walk.post(who, f"{path}/code")
    return _CODE.search(walk.letter(walk.accounts[who].email, "nda_code"))[0]


def sign(walk: Walk, who: str, path: str, shown: Answer, name: str, title: str, step: str = "signature", **expected: Any) -> Answer:
    """Sign under `path` (a request's NDA) what this account has read."""
    return walk.post(who, f"{path}/{step}", given(shown, name, title, code_for(walk, who, path)), **expected)


def given(shown: Answer, name: str, title: str, code: str) -> dict[str, str]:
    """What a signature states."""
    return {"text_hash": shown["text_hash"], "name": name, "title": title, "authority": "legal_representative", "locale_shown": "en", "code": code}
