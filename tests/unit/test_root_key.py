"""Does a new root key leave what was sealed a little while ago readable, and nothing else?"""

from types import SimpleNamespace

import pytest

from succession.config import Settings
from succession.errors import Problem
from succession.idempotency import _open, _seal
from succession.paging import open_cursor, seal_cursor


def settings(key, previous=None):
    return Settings.from_env({"SUCCESSION_DEMO": "1", "SUCCESSION_SECRET_KEY": key * 32} | ({"SUCCESSION_SECRET_KEY_PREVIOUS": previous * 32} if previous else {}))


def request(settings):
    return SimpleNamespace(app=SimpleNamespace(state=SimpleNamespace(settings=settings)))


BEFORE, AFTER, LATER = settings("k"), settings("n", "k"), settings("n")


def test_a_cursor_of_before_opens_until_the_previous_key_is_taken_away():
    cursor = seal_cursor(BEFORE.key("cursor"), [1, "x"], b"bound")
    assert open_cursor(AFTER.key("cursor"), cursor, b"bound") == [1, "x"]
    fresh = seal_cursor(AFTER.key("cursor"), [2], b"bound")
    assert open_cursor(LATER.key("cursor"), fresh, b"bound") == [2], "sealed under the new one alone"
    for key, bound in ((LATER, b"bound"), (AFTER, b"another")):
        with pytest.raises(Problem, match="cursor_invalid"):
            open_cursor(key.key("cursor"), cursor, bound)


def test_a_stored_answer_of_before_is_given_again():
    sealed = _seal(request(BEFORE), b'{"secret": 1}', b"hash")
    assert _open(request(AFTER), sealed, b"hash") == b'{"secret": 1}'
    with pytest.raises(Problem, match="unavailable"):
        _open(request(LATER), sealed, b"hash")


def test_a_purpose_has_its_own_key_and_the_previous_root_seals_nothing():
    assert BEFORE.key("cursor") != BEFORE.key("idempotency") and AFTER.key("cursor") == LATER.key("cursor")
    assert AFTER.key("cursor").all() == (LATER.key("cursor"), BEFORE.key("cursor")) and LATER.key("cursor").before == ()
