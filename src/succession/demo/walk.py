"""How is one deal walked over real HTTP, so that the output reads like its story and no wrong answer goes unseen?

A chapter is a list of small functions; each tells a sentence and makes the calls behind it. Every call says which answer
is right: another one is printed in red, counted, and ends in exit status 1. The story goes on, because the next steps tell
what else is wrong.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import httpx
import pyotp

from succession.accounts.second_factor import DRIFT_STEPS, present_step
from succession.config import Settings
from succession.days import day_in_japan
from succession.demo.companies import Company
from succession.demo.people import Accounts
from succession.demo.servers import Processes
from succession.demo.terminal import painted, say

LETTER_TIMEOUT_S = 30.0
REQUEST_TIMEOUT_S = 60.0
DETAIL_LENGTH = 160
# References, and the secrets of owners' links: enough of each to tell it from another.
_LONG = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}|(?<=/owner/)[\w-]{43}")

Step = Callable[["Walk"], None]


@dataclass(frozen=True)
class Answer:
    """`body`: JSON as Python values, text for anything else, None when empty."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> str | None:
        """The problem's code, None when it is no problem document."""
        return self.body.get("code") if self.status >= 400 and isinstance(self.body, dict) else None

    @property
    def version(self) -> dict[str, str]:
        """The header that edits what this answer showed."""
        return {"If-Match": self.headers["etag"] if "etag" in self.headers else f'"{self.body["version"]}"'}

    def __getitem__(self, name: str) -> Any:
        return self.body[name]


class Walk:
    """One walk: who calls, what was learnt on the way (`walk["listing"]`), and how many answers were wrong."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], accounts: Accounts, processes: Processes,
                 company: Company) -> None:
        self.settings, self.environ, self.accounts, self.company = settings, dict(environ), accounts, company
        self.processes = processes
        self.today: date = day_in_japan(datetime.now(UTC))
        self.steps = self.calls = self.wrong = 0
        self._kept, self._read = {}, set(self._letters())
        self._clients: dict[str, httpx.Client] = {}
        self._codes: dict[str, int] = {}  # the last step of time whose code an account has used

    def __getitem__(self, name: str) -> Any:
        return self._kept[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._kept[name] = value

    def take(self, chapters: Iterable[tuple[str, str, Iterable[Step]]]) -> int:
        """Every step of every chapter (Japanese title, English title, steps); returns how many answers were wrong.

        Raises ServersFailed when a process is gone: then there is nobody to answer."""
        started = time.monotonic()
        for ja, en, steps in chapters:
            say(f"\n── {ja}  {en}", "bold")
            for step in steps:
                try:
                    step(self)
                except (LookupError, TypeError, ValueError, AttributeError, httpx.HTTPError, TimeoutError) as error:
                    self.mistake(f"this step could not be taken: {type(error).__name__} {error}")
                    self.processes.check()
        for client in self._clients.values():
            client.close()
        said = f"{self.steps} steps, {self.calls} calls in {time.monotonic() - started:.0f} s: "
        say(f"\n{said}{f'{self.wrong} answered otherwise than they should' if self.wrong else 'every one answered as it should'}",
            "red" if self.wrong else "green")
        return self.wrong

    # ------------------------------------------------------------ speaking

    def tell(self, ja: str, en: str) -> None:
        """What happens now, in a sentence for each reader."""
        self.steps += 1
        say(f"\n{self.steps:3}. {ja}\n     {en}")

    def note(self, text: str) -> None:
        """Something to look at in what was answered."""
        say(f"       {text}", "dim")

    def mistake(self, text: str) -> None:
        self.wrong += 1
        say(f"     ✗ {text}", "red")

    def check(self, right: bool, what: str) -> None:
        """A fact that must hold beside the status."""
        if right:
            self.note(f"✓ {what}")
        else:
            self.mistake(f"not so: {what}")

    # ------------------------------------------------------------ calling

    def get(self, who: str, path: str, **expected: Any) -> Answer:
        return self.call(who, "GET", path, **expected)

    def post(self, who: str, path: str, body: Any = None, **expected: Any) -> Answer:
        return self.call(who, "POST", path, {} if body is None else body, **({"expect": 201} | expected))

    def call(self, who: str, method: str, path: str, body: Any = None, *, expect: int = 200, code: str | None = None,
             headers: Mapping[str, str] | None = None, **options: Any) -> Answer:
        """One request of one account ("" is nobody) and the answer it must get: status and, for a refusal, its code."""
        content = {} if body is None else {"json": body}
        got = self._client(who).request(method, path, headers=headers, **content, **options)
        kind = got.headers.get("content-type", "")
        answer = Answer(got.status_code, (got.json() if "json" in kind else got.text) if got.content else None, got.headers)
        self.calls += 1
        self._print(who, method, str(got.request.url.raw_path.decode()), answer, expect, code)
        return answer

    def version_of(self, who: str, path: str) -> dict[str, str]:
        """What an edit made from the present version says; read without a word, to keep the story short."""
        return {"If-Match": self._client(who).get(path).headers.get("etag", "")}

    def sign_in(self, who: str) -> None:
        """From here on this account calls with a cookie, as a browser does, instead of its key."""
        client = httpx.Client(base_url=self.processes.address, timeout=REQUEST_TIMEOUT_S,
                              headers={"Accept-Language": "ja", "Origin": self.settings.public_url})
        self._clients[who] = client
        self.call(who, "POST", "/v1/sessions", {"email": self.accounts[who].email, "password": self.accounts.password}, expect=204)
        if self.accounts[who].authenticator:
            self.give_code(who)

    def give_code(self, who: str) -> Answer:
        """The code of this account's authenticator app, as its member types it. Each is taken once: waits for the next where needed."""
        step = max(self._codes.get(who, 0) + 1, present_step(time.time()))
        while step > present_step(time.time()) + DRIFT_STEPS:
            time.sleep(0.2)
        self._codes[who] = step
        code = pyotp.TOTP(self.accounts[who].authenticator).generate_otp(step)
        return self.post(who, "/v1/sessions/current/second-factor", {"code": code})

    def run(self, *arguments: str) -> str:
        """One command of the program, as an operator types it; what it printed."""
        done = subprocess.run([sys.executable, "-m", "succession", *arguments], env=self.environ, capture_output=True, text=True,
                              check=False)
        self.calls += 1
        shown = " ".join(_LONG.sub(_short, each) for each in arguments)
        said = (done.stdout.strip().splitlines() or done.stderr.strip().splitlines() or [""])[-1]
        if done.returncode == 0:
            say(f"       succession {shown} → {said}", "dim")
        else:
            self.mistake(f"succession {shown} → exit status {done.returncode}: {said}")
        return done.stdout

    def _client(self, who: str) -> httpx.Client:
        if who not in self._clients:
            key = {"Authorization": f"Bearer {self.accounts[who].api_key}"} if who else {}
            self._clients[who] = httpx.Client(base_url=self.processes.address, timeout=REQUEST_TIMEOUT_S, headers={"Accept-Language": "en"} | key)
        return self._clients[who]

    def _print(self, who: str, method: str, path: str, answer: Answer, expect: int, code: str | None) -> None:
        line = f"{who or 'nobody':<12} {method} {_LONG.sub(_short, httpx.URL(path).path)}{_query(path)} → {answer.status}"
        if answer.code:
            line += f" refused, {answer.code}: {_sentence(answer.body)}"
        if answer.status == expect and (code is None or answer.code == code):
            say(f"       {painted(line, 'yellow' if answer.status >= 400 else 'dim')}")
        else:
            self.mistake(f"{line}   (expected {expect}{' ' + code if code else ''})")

    # ------------------------------------------------------------ letters

    def letter(self, address: str, template: str) -> str:
        """The next unread letter of this kind to this address, from the mail folder. TimeoutError when none comes."""
        until = time.monotonic() + LETTER_TIMEOUT_S
        while time.monotonic() < until:
            for path in sorted(set(self._letters()) - self._read):
                text = path.read_text(encoding="utf-8")
                if path.stem.endswith(f"-{template}") and text.startswith(f"To: {address}\n"):
                    self._read.add(path)
                    self.note(f"✉ {path.name}: {text.splitlines()[1].removeprefix('Subject: ')}")
                    return text
            time.sleep(0.1)
        raise TimeoutError(f"no letter {template} came")

    def _letters(self) -> list[Any]:
        return list(self.settings.mail_dir.glob("*.txt"))


def _short(found: re.Match[str]) -> str:
    return f"{found[0][:6]}…"


def _query(path: str) -> str:
    url = httpx.URL(path)
    return f"?{'&'.join(f'{name}={value}' for name, value in url.params.multi_items())}" if url.query else ""


def _sentence(problem: Mapping[str, Any]) -> str:
    """Title, detail and what is said of the first fields, cut to a line."""
    said = " ".join(str(problem[name]) for name in ("title", "detail") if problem.get(name))
    fields = [f"{error['field']}: {error['message']}" for error in problem.get("errors", [])]
    more = f" (+{len(fields) - 2})" if len(fields) > 2 else ""
    whole = " | ".join([said, *fields[:2]]) + more
    return whole if len(whole) <= DETAIL_LENGTH else whole[:DETAIL_LENGTH] + "…"


def reference(written: str | UUID) -> str:
    """A reference as it stands in a path."""
    return str(UUID(str(written)))
