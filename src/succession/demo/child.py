"""How does a server of the demo notice that the demo is gone?

Run as `python -m succession.demo.child serve`: the command itself, with a thread beside it that reads standard input.
The demo holds the other end of that pipe and never writes. The kernel closes it however the demo ends, by `kill -9` too,
and then this process asks itself to stop. A pipe and not PR_SET_PDEATHSIG, which is Linux's alone and is sent when the
starting *thread* ends; and not a look at the parent's id, which would have to be repeated for ever.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from succession.__main__ import main

GRACE_S = 8.0


def _follow_parent() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)  # a request that never ends must not keep a port that the next start wants


if __name__ == "__main__":
    threading.Thread(target=_follow_parent, name="follow-parent", daemon=True).start()
    sys.exit(main(sys.argv[1:]))
