"""What do our programs write down? Plain lines on standard error: time, level, who speaks, what happened.

Never a name, a payload, a query or a secret: messages of exceptions quote data, so only their type and place are
written. What happened to whom is in the audit, behind row-level security.
"""

from __future__ import annotations

import logging
import sys
import time
from types import TracebackType

# Libraries that tell of every connection they make, some with its address and password.
_QUIET = ("asyncio", "httpx", "httpcore", "aiosmtplib", "sqlalchemy", "redis", "multipart", "uvicorn.error")


class PlainFormatter(logging.Formatter):
    """`2025-01-31T09:00:00Z INFO succession.http message`; one line per event, whatever the message holds."""

    converter = time.gmtime

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")

    def format(self, record: logging.LogRecord) -> str:
        # asyncio and uvicorn put the exception's own words on the lines that follow.
        record.message = (record.getMessage().splitlines() or [""])[0]
        record.asctime = self.formatTime(record, self.datefmt)
        line = self.formatMessage(record)
        return f"{line} [{self.formatException(record.exc_info)}]" if record.exc_info else line

    def formatException(self, ei: tuple[type[BaseException], BaseException, TracebackType | None]) -> str:
        return type(ei[1]).__name__ + " at " + place_of(ei[1])


def place_of(error: BaseException) -> str:
    """File and line where an exception was raised; says nothing of the values there."""
    trace, place = error.__traceback__, "?"
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def set_up(level: int = logging.INFO) -> None:
    """Replace every handler of this process by ours."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        # Its access log writes addresses, paths and queries; serve.py has one that does not.
        logger.handlers[:], logger.propagate = [], name != "uvicorn.access"
