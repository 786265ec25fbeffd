"""How does the demo speak: in colour where somebody watches, plainly where it is kept?"""

from __future__ import annotations

import os
import sys

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "dim": "2", "bold": "1"}


def painted(text: str, colour: str) -> str:
    """The text in a colour, unless the output is a file or NO_COLOR is set (no-color.org)."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def say(text: str = "", colour: str | None = None) -> None:
    """One line, at once: whoever pipes the output reads it as it happens."""
    print(painted(text, colour) if colour else text, flush=True)
