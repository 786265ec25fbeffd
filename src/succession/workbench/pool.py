"""Who opens a stranger's file? A child process that can do nothing else; it is killed when it takes too long or too much.

Parsers of PDF, images and office files are where hostile content strikes. Here they run with an empty environment, no key, no
database, a limit on memory and processor time, and see of the world one document through `wire.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from succession.workbench.wire import Data, Done, Failed, FromChild, Job, Read, Refused, Write

AT_ONCE = 2
WAIT_S = 30.0  # for a free place
THINK_S = 60.0  # between two messages of a child
JOBS_MOST = 40  # then a fresh child
MESSAGE_MOST = 64 * 1024 * 1024

ReadAt = Callable[[int, int], Awaitable[bytes]]
_DECODER = msgspec.msgpack.Decoder(FromChild)


class Broken(Exception):
    """The child gave up, ran out of memory or time, or died. Says where, never what was in the document."""


class RefusedContent(Exception):
    """The document is not what may be kept or shown; `code` is a key of `filetypes.REFUSALS`."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class Running:
    """One job under way: iterate over what it writes, to the end; then `result` is there."""

    def __init__(self, child: _Child, read_at: ReadAt) -> None:
        self._child, self._read_at, self.result = child, read_at, {}

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            match await self._child.receive():
                case Read(offset, length):
                    await self._child.send(Data(await self._read_at(offset, length)))
                case Write(content):
                    yield content
                    await self._child.send(Data(b""))
                case Done(result):
                    self.result = result
                    self._child.idle = True
                    return
                case Refused(code):
                    self._child.idle = True
                    raise RefusedContent(code)
                case Failed(reason):
                    raise Broken(reason)

    async def finish(self) -> dict[str, Any]:
        """For a job that writes nothing, or whose writing nobody wants."""
        async for _piece in self:
            pass
        return self.result


class Workbench:
    """The children of one process, made when needed."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._places, self._idle = asyncio.Semaphore(at_once), []

    @asynccontextmanager
    async def job(self, name: str, arguments: dict[str, Any], size_bytes: int, read_at: ReadAt) -> AsyncIterator[Running]:
        """Run one job of `child.JOBS` on a document of so many bytes. Raises TimeoutError when no place comes free."""
        await asyncio.wait_for(self._places.acquire(), WAIT_S)
        child = None
        try:
            child = self._idle.pop() if self._idle else await _Child.start()
            child.idle, child.jobs = False, child.jobs + 1
            await child.send(Job(name, arguments, size_bytes))
            yield Running(child, read_at)
        finally:
            if child is not None and child.idle and child.jobs < JOBS_MOST:
                self._idle.append(child)
            elif child is not None:
                child.kill()
            self._places.release()

    def pids(self) -> list[int]:
        """Of the children that wait for work."""
        return [child.process.pid for child in self._idle]

    def close(self) -> None:
        while self._idle:
            self._idle.pop().kill()


class _Child:
    def __init__(self, process: subprocess.Popen[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.process, self._reader, self._writer = process, reader, writer
        self.idle, self.jobs = False, 0

    @classmethod
    async def start(cls) -> _Child:
        ours, theirs = socket.socketpair()
        try:
            kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
            process = subprocess.Popen([sys.executable, "-m", "succession.workbench.child", str(theirs.fileno())], cwd="/",
                                       pass_fds=[theirs.fileno()], env=kept | {"LANG": "C.UTF-8"}, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        finally:
            theirs.close()
        reader, writer = await asyncio.open_connection(sock=ours)
        return cls(process, reader, writer)

    async def send(self, message: Job | Data) -> None:
        body = msgspec.msgpack.encode(message)
        try:
            self._writer.write(struct.pack(">I", len(body)) + body)
            await asyncio.wait_for(self._writer.drain(), THINK_S)
        except (OSError, TimeoutError):
            raise Broken("the child is gone") from None

    async def receive(self) -> FromChild:
        try:
            async with asyncio.timeout(THINK_S):
                (length,) = struct.unpack(">I", await self._reader.readexactly(4))
                if length > MESSAGE_MOST:
                    raise Broken("a message without measure")
                return _DECODER.decode(await self._reader.readexactly(length))
        except (OSError, TimeoutError, asyncio.IncompleteReadError, msgspec.MsgspecError):
            raise Broken("the child is gone, or takes too long") from None

    def kill(self) -> None:
        self._writer.close()
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(timeout=10)
