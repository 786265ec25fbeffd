"""Does a log hold what happened and nothing of what was in it?"""

import asyncio
import logging

import pytest

from succession.logs import PlainFormatter, set_up


@pytest.fixture
def restored():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def line(message, *arguments, error=None):
    exc_info = (type(error), error, error.__traceback__) if error else None
    return PlainFormatter().format(logging.LogRecord("succession.x", logging.INFO, "f.py", 1, message, arguments, exc_info))


def test_one_event_is_one_plain_line():
    assert line("mail %d failed", 7).endswith("Z INFO succession.x mail 7 failed")
    assert "\n" not in line("first\nsecond planted")


def test_of_an_exception_only_type_and_place_are_written():
    try:
        raise ValueError("planted identity")
    except ValueError as error:
        written = line("it broke", error=error)
    assert written.endswith("[ValueError at test_logs.py:32]") and "planted" not in written


def test_what_asyncio_says_of_a_forgotten_task_holds_no_value(restored, capsys):
    set_up()

    async def forget():
        async def broken():
            raise ValueError("planted identity")

        task = asyncio.create_task(broken())
        await asyncio.sleep(0)
        del task

    asyncio.run(forget())
    written = capsys.readouterr().err
    assert "asyncio" in written and "ValueError" in written and "planted" not in written


def test_libraries_that_name_addresses_are_quiet(restored, capsys):
    set_up()
    for name in ("aiosmtplib", "httpx", "sqlalchemy.engine", "uvicorn.error"):
        logging.getLogger(name).info("planted identity")
    logging.getLogger("succession.x").info("kept")
    written = capsys.readouterr().err
    assert "kept" in written and "planted" not in written
