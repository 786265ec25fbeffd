"""May this password be used, and is it the right one?

argon2id at OWASP's first recommended setting (46 MiB, one pass). Hashing is the dearest thing a stranger can make us do:
two threads do it, and who comes when the queue is full is told to come back.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from succession.errors import Problem
from succession.i18n import Message, _

LENGTH_LEAST, LENGTH_MOST = 12, 200
QUEUE_MOST = 20  # at about 0.1 s each and two at a time: one second of waiting

_hasher = PasswordHasher(time_cost=1, memory_cost=47104, parallelism=1)
# The hash of a password that nobody knows: an address we do not know costs the same work as one we do.
NOBODY = "$argon2id$v=19$m=47104,t=1,p=1$B54VAZ3F1ZOPr8hDAeAl3Q$wotLmO4eeGqcRlYEoEr3sNK6f7l6ZsHxdmtKuhgW3zg"

_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
_waiting = 0


def weakness(password: str, *known: str) -> Message | None:
    """Why this password cannot be used, or None. `known`: what an attacker would try first (address, names).

    Length, not composition, after NIST SP 800-63B: no rule asks for digits or signs.
    """
    written = _written_once(password)
    if len(written) < LENGTH_LEAST:
        return Message.of(_("A password has at least {length} characters."), length=LENGTH_LEAST)
    if len(set(written)) < 5:
        return Message.of(_("This password repeats itself too much."))
    folded = written.casefold()
    for word in (part for text in known for part in text.casefold().replace("@", " ").split()):
        if len(word) >= 4 and word in folded and len(folded) - len(word) < LENGTH_LEAST // 2:
            return Message.of(_("This password can be guessed from your address or name."))
    return None


async def hash_password(password: str) -> str:
    """The argon2id string to store; Problem unavailable when too many are waiting."""
    return await _in_thread(_hasher.hash, _written_once(password))


async def is_password(stored: str | None, password: str) -> bool:
    """Whether it is the right one; the same work when nothing is stored. Problem unavailable when too many are waiting."""
    return await _in_thread(_verify, stored or NOBODY, _written_once(password)) and stored is not None


def needs_rehash(stored: str) -> bool:
    """Whether the stored hash was made with other settings than today's."""
    return _hasher.check_needs_rehash(stored)


def _verify(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (Argon2Error, InvalidHashError):
        return False


def _written_once(password: str) -> str:
    """One spelling for what two input methods write differently (full-width letters), as NIST advises."""
    return unicodedata.normalize("NFKC", password)


async def _in_thread(work: Callable[..., Any], *arguments: str) -> Any:
    global _waiting
    if _waiting >= QUEUE_MOST:
        raise Problem("unavailable")
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, work, *arguments)
    finally:
        _waiting -= 1
