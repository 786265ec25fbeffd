"""How does a process at the workbench get at a document? Through its parent: it asks for bytes and hands bytes back.

One message each way, in turn, over a socket pair: four bytes of length, then MessagePack. The child reads at any place (`read`) and
writes in order (`write`); nothing of a document is ever put on a disk in the clear.

    parent: Job                          child: Read -> parent: Data, any number of times
                                         child: Write -> parent: Data(b""), when it wants the next
                                         child: Done, Refused or Failed, once
"""

from __future__ import annotations

import io
import socket
import struct
from typing import Any

import msgspec

PIECE_BYTES = 1024 * 1024
CACHED_PIECES = 8


class Job(msgspec.Struct, tag="job"):
    name: str
    arguments: dict[str, Any]
    size_bytes: int


class Data(msgspec.Struct, tag="data"):
    content: bytes


class Read(msgspec.Struct, tag="read"):
    offset: int
    length: int


class Write(msgspec.Struct, tag="write"):
    content: bytes


class Done(msgspec.Struct, tag="done"):
    result: dict[str, Any]


class Refused(msgspec.Struct, tag="refused"):
    """The document cannot be accepted, or not be shown so: a code of REFUSALS."""

    code: str


class Failed(msgspec.Struct, tag="failed"):
    """The job broke down: the kind of the exception and where, never its words."""

    reason: str


FromParent = Job | Data
FromChild = Read | Write | Done | Refused | Failed


class Line:
    """The child's end, blocking. EOFError when the parent is gone."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._decoder = msgspec.msgpack.Decoder(FromParent)

    def send(self, message: FromChild) -> None:
        body = msgspec.msgpack.encode(message)
        self._connection.sendall(struct.pack(">I", len(body)))
        self._connection.sendall(body)

    def receive(self) -> FromParent:
        return self._decoder.decode(self._exactly(struct.unpack(">I", self._exactly(4))[0]))

    def _exactly(self, length: int) -> bytearray:
        found, view = bytearray(length), 0
        while view < length:
            got = self._connection.recv_into(memoryview(found)[view:])
            if got == 0:
                raise EOFError
            view += got
        return found


class Source(io.RawIOBase):
    """The document as a file that can be read at any place; keeps the pieces last used."""

    def __init__(self, line: Line, size_bytes: int) -> None:
        self._line, self._size, self._at = line, size_bytes, 0
        self._pieces: dict[int, bytes] = {}

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at >= self._size or not len(buffer):
            return 0
        number, inside = divmod(self._at, PIECE_BYTES)
        part = self._piece(number)[inside : inside + len(buffer)]
        memoryview(buffer)[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _piece(self, number: int) -> bytes:
        if number in self._pieces:
            self._pieces[number] = found = self._pieces.pop(number)  # the newest is the last
            return found
        start = number * PIECE_BYTES
        self._line.send(Read(start, min(PIECE_BYTES, self._size - start)))
        found = self._line.receive().content
        self._pieces[number] = found
        if len(self._pieces) > CACHED_PIECES:
            del self._pieces[next(iter(self._pieces))]
        return found


class Sink(io.RawIOBase):
    """Where the result goes, in order; never more than a piece waits here."""

    def __init__(self, line: Line) -> None:
        self._line, self._waiting, self.written = line, bytearray(), 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.written

    def write(self, content: Any) -> int:
        view = memoryview(content).cast("B")
        for start in range(0, len(view), PIECE_BYTES):
            self._waiting += view[start : start + PIECE_BYTES]
            while len(self._waiting) >= PIECE_BYTES:
                self._pass_on(PIECE_BYTES)
        self.written += len(view)
        return len(view)

    def finish(self) -> None:
        if self._waiting:
            self._pass_on(len(self._waiting))

    def _pass_on(self, length: int) -> None:
        self._line.send(Write(bytes(self._waiting[:length])))
        del self._waiting[:length]
        self._line.receive()
