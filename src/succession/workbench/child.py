"""What does a process at the workbench do? One job after another on what the parent lets it read, until the parent is gone.

`python -m succession.workbench.child <descriptor>`; started by `pool.py` alone.
"""

from __future__ import annotations

import io
import resource
import socket
import sys
from collections.abc import Callable
from typing import Any

from succession.workbench import clean, mark, show
from succession.workbench.filetypes import RefusedFile
from succession.workbench.wire import Done, Failed, Line, Refused, Sink, Source

ADDRESS_SPACE_BYTES = 1536 * 1024 * 1024
PROCESSOR_S = 600
_BUFFER_BYTES = 64 * 1024

# job: (source, sink, arguments) -> result
JOBS: dict[str, Callable[[io.BufferedReader, Sink, dict[str, Any]], dict[str, Any]]] = {
    "clean": clean.clean,
    "page": show.page,
    "copy": mark.copy,
}


def work(line: Line) -> None:
    while True:
        job = line.receive()
        sink = Sink(line)
        try:
            source = io.BufferedReader(Source(line, job.size_bytes), _BUFFER_BYTES)
            result = JOBS[job.name](source, sink, job.arguments)
            sink.finish()
            line.send(Done(result))
        except RefusedFile as refused:
            line.send(Refused(refused.code))
        except MemoryError:
            line.send(Refused("too_much_inside"))
        except EOFError:
            raise
        except Exception as error:
            line.send(Failed(f"{type(error).__name__} in {job.name}"))


def run(descriptor: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        work(Line(socket.socket(fileno=descriptor)))
    except (EOFError, OSError):
        return


if __name__ == "__main__":
    run(int(sys.argv[1]))
