"""How far has a long command come? A bar where somebody watches, a few lines where a log is kept."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TextIO

WIDTH = 30
LOG_STEP_PERCENT = 25

Progress = Callable[[int, int], None]


def bar(title: str, stream: TextIO | None = None) -> Progress:
    """`progress(done, total)`: draws `title` and a bar on a terminal; elsewhere prints a line at every quarter.

    The line ends when done reaches total. Going backwards or past the end is drawn as it is told, never raised.
    """
    stream = stream or sys.stderr
    watched = stream.isatty()
    said = -1

    def progress(done: int, total: int) -> None:
        nonlocal said
        percent = 100 if total <= 0 else max(0, min(100, 100 * done // total))
        step = percent if watched else percent - percent % LOG_STEP_PERCENT
        if step <= said:
            return
        said = step
        if watched:
            filled = WIDTH * percent // 100
            end = "\n" if percent == 100 else ""
            stream.write(f"\r{title}  [{'#' * filled}{'.' * (WIDTH - filled)}] {percent:3d} %{end}")
        else:
            stream.write(f"{title}  {step} %\n")
        stream.flush()

    return progress
