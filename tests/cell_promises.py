"""How do tests say that a cell was read without doubt, with an assumption, or not at all?"""

from __future__ import annotations

from typing import Any

from succession.listings.cells import NotUnderstood, Result, Understood


def plainly(result: Result) -> Any:
    """The value of a cell that needed no assumption."""
    assert isinstance(result, Understood), result
    assert result.notes == (), result.notes
    return result.value


def with_note(result: Result) -> Any:
    assert isinstance(result, Understood), result
    assert result.notes
    assert all("{" not in note.msgid.format_map(note.params) for note in result.notes)
    return result.value


def refused(result: Result) -> bool:
    return isinstance(result, NotUnderstood) and bool(result.reason.msgid)
