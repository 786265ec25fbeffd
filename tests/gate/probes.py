"""What can everybody read right now? Every reading route, every page, every letter, and SQL as every program role.

A probe returns what it saw: reader -> planted word -> where. Nothing here knows what should be seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import io
import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from urllib.parse import unquote
from uuid import UUID

import asyncpg
import httpx
import pypdfium2
from litestar.handlers import HTTPRouteHandler

from gate.cast import Opened, Person
from gate.model import KNOW_HOW
from gate.town import FIGURE, MARK, Town
from succession.config import as_role
from succession.disclosure.viewing import WIDTH_LEAST
from succession.letters import compose
from world import ORIGIN

Seen = dict[str, dict[str, str]]
AT_ONCE = 6
NOTHING = UUID(int=7)
TRIES = 5  # of a server that says 503 because this machine is busy; it has shown nothing then
WORKER_AND_MARKET = ("succession_worker", "market_public", "market_buyer", "market_desk", "market_domestic")
_WORDS = f"({MARK}[0-9a-f]{{12}}|{FIGURE}[0-9]{{9}})"
_HEX = MARK.encode().hex() + "(?:3[0-9]|6[1-6]){12}"  # the same words in a bytea that is written out


def words_in(text: str) -> set[str]:
    """Planted words, also where they stand as hex."""
    found = set(re.findall(_WORDS, text))
    return found | {bytes.fromhex(each).decode() for each in re.findall(_HEX, text)}


def readable_text(answer: httpx.Response) -> str:
    """Everything an answer says, headers too, whatever it is packed in."""
    headers = "\n".join(f"{name}: {unquote(value)}" for name, value in answer.headers.items())
    return f"{headers}\n{unpacked(answer.content)}"


def unpacked(content: bytes) -> str:
    if content.startswith(b"%PDF"):
        with contextlib.suppress(pypdfium2.PdfiumError):
            document = pypdfium2.PdfDocument(content)
            return content.decode("latin-1") + "\n".join(page.get_textpage().get_text_bounded() for page in document)
    if content.startswith(b"PK\x03\x04"):
        with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(content)) as archive:
            return "\n".join(f"{name}\n{unpacked(archive.read(name))}" for name in archive.namelist())
    text = content.decode("utf-8", "replace")
    with contextlib.suppress(ValueError):
        text += json.dumps(json.loads(text), ensure_ascii=False)
    return unquote(html.unescape(text))


# ---------------------------------------------------------------------------------------------------------------------
# Routes

#: Routes that are not walked here -> why not.
NOT_WALKED = {
    "/static/{file_path:path}": "files of the program",
    "/password": "a form",
    "/unsubscribe/{token:str}": "a sentence and a button, the same for every letter (tests/http)",
    "/v1/document-links/{token:str}/pages/{page:int}": "through the links that were made, below",
    "/owner/{token:str}": "read through the owner's own links, below",
    "/owner/{token:str}/knowledge": "behind the same links, below",
}
PAGE = "/v1/documents/{document_id:uuid}/pages/{page:int}"
READ_MOST = ("/v1/dossiers/{deal_id:uuid}", "/v1/documents/{document_id:uuid}", "/v1/listings/{listing_id:uuid}/documents", PAGE,
             "/v1/disclosure-requests/{deal_id:uuid}/nda/schedule", "/v1/disclosure-requests/{deal_id:uuid}/questions")


def reading_routes(app: object) -> list[str]:
    """Templates of every GET route, as litestar writes them."""
    return sorted({
        route.path for route in app.routes if not route.path.startswith("/v1/_openapi") and route.path not in NOT_WALKED
        for handler in getattr(route, "route_handlers", ()) if isinstance(handler, HTTPRouteHandler) and "GET" in handler.http_methods})


class Walk:
    """The reading routes with their parameters filled by what is in the town. `answered`: templates that said 200 once."""

    def __init__(self, town: Town) -> None:
        self.town, self.templates = town, reading_routes(town.app)
        self.answered: set[str] = set()

    def paths(self, templates: Iterable[str]) -> list[tuple[str, str]]:
        values = self._values()
        found = []
        for template in templates:
            filled = [template]
            if template == PAGE:
                filled = [template.replace("{document_id:uuid}", str(each)) for each in self.town.pictures]
            for name, kind in re.findall(r"\{(\w+):(\w+)\}", template):
                known = [NOTHING] if kind == "uuid" and name not in values else values[name]
                filled = [re.sub(rf"\{{{name}:\w+\}}", str(value), path) for path in filled for value in known]
            found += [(template, path) for path in filled]
        return found

    def _values(self) -> dict[str, list[object]]:
        """Parameter -> what it can be. An id not named here is nobody's: whoever makes a resource that this town could hold adds it,
        or argues in test_gate.py why the route answers nobody."""
        town, places = self.town, list(self.town.places.values())
        return {
            "deal_id": [road.id for road in town.roads.values()], "listing_id": [place.published.listing_id for place in places],
            "document_id": [each for place in places for where, each in place.documents.items() if where not in KNOW_HOW],
            "ref": [place.published.ref for place in places],
            "organisation_id": [town.people[name].caller.organisation_id for name in ("center", "uk", "us")],
            "scheme": ["place"], "code": ["not_found"], "resource": ["funnel"], "page": [1],
        }  # fmt: skip

    async def read(self, people: Iterable[Person], templates: Iterable[str], seen: Seen) -> None:
        """Ask every one of these paths as every one of these people; `seen` grows."""
        limit, paths = asyncio.Semaphore(AT_ONCE), self.paths(templates)

        async def ask(person: Person, template: str, path: str) -> None:
            async with limit:
                for _try in range(TRIES):
                    answer = await (person.browser or person.caller).get(path, params={"width": WIDTH_LEAST} if template == PAGE else None)
                    if answer.status_code != 503:
                        break
            assert answer.status_code < 500, (path, answer.text)
            if answer.status_code == 200:
                self.answered.add(template)
            for word in words_in(readable_text(answer)):
                seen[person.name].setdefault(word, f"GET {template}")
            if template == PAGE and answer.status_code == 200:
                seen[person.name].setdefault(self.town.pictures[UUID(path.split("/")[3])], f"GET {template}")

        await asyncio.gather(*(ask(person, template, path) for person in people for template, path in paths))

    async def opened(self, link: Opened) -> bool:
        """Whether a link shows its page, on a device where nobody is signed in. One look is one use: it is not asked again."""
        answer = await self.town.client().get(f"{link.path}1", params={"width": WIDTH_LEAST})
        assert answer.status_code in (200, 404), answer.text
        return answer.status_code == 200

    async def owners_pages(self, seen: Seen, languages: tuple[str, ...], newest: int | None) -> None:
        """What stands on the page behind every link that was ever sent to an owner, or behind so many of the newest."""
        for place in self.town.places.values():
            links = [letter["params"]["link"] for email in place.owners for letter in await self.town.letters(email) if "link" in letter["params"]]
            browser = self.town.client()
            for link in links[-(newest or len(links)):]:
                for lang in languages:
                    for page in (link.removeprefix(ORIGIN), f"{link.removeprefix(ORIGIN)}/knowledge"):
                        answer = await browser.get(page, params={"lang": lang})
                        for word in words_in(readable_text(answer)):
                            seen[f"owner of {place.model.name}"].setdefault(word, "the owner's page")


# ---------------------------------------------------------------------------------------------------------------------
# Letters


async def letters(town: Town, newest: int | None) -> Seen:
    """Words in what waits to be sent, or in so many of the newest, as it waits and as it will be worded; the reader is the address, or the
    organisation."""
    seen: Seen = defaultdict(dict)
    for row in await town.seed("SELECT payload::text FROM ops.outbox WHERE topic = 'mail' ORDER BY id DESC LIMIT $1", newest):
        letter = json.loads(row[0])
        written = [row[0], *("\n".join(compose(letter["template"], letter["params"], locale)) for locale in ("ja", "en"))]
        for word in words_in("\n".join(written)):
            seen[letter["to"]["address"] or str(letter["to"]["organisation"])].setdefault(word, f"letter {letter['template']}")
    return seen


# ---------------------------------------------------------------------------------------------------------------------
# SQL

_COLUMNS = """
SELECT format('%I.%I', n.nspname, c.relname) AS name, string_agg(format('%I', a.attname), ', ' ORDER BY a.attnum) AS columns
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname IN ('vault', 'market', 'ops') AND c.relkind IN ('r', 'p', 'v', 'm') AND has_schema_privilege(current_user, n.nspname, 'USAGE')
  AND has_column_privilege(current_user, c.oid, a.attnum, 'SELECT') AND (n.nspname, c.relname) <> ('ops', 'outbox')
GROUP BY 1 ORDER BY 1
"""  # what waits in the outbox is read as letters
_SCOPE = ("SELECT set_config('succession.kind', $1, true), set_config('succession.organisation', $2, true), "
          "set_config('succession.member', $3, true), set_config('succession.listing', $4, true), set_config('succession.actor', 'probe', true)")


class Sql:
    """One connection per role. `read` selects every column a role may read, of every table that holds a planted word."""

    def __init__(self, database_url: str) -> None:
        self.database_url = database_url
        self._roles: dict[str, asyncpg.Connection] = {}
        self._columns: dict[str, dict[str, str]] = {}

    async def close(self) -> None:
        for connection in self._roles.values():
            await connection.close()

    async def columns(self, role: str) -> dict[str, str]:
        """Table -> what this role may read of it today; "owner" reads everything, past every policy."""
        if role not in self._roles:
            self._roles[role] = await asyncpg.connect(self.database_url if role == "owner" else as_role(self.database_url, role))
        if role not in self._columns:
            self._columns[role] = {row["name"]: row["columns"] for row in await self._roles[role].fetch(_COLUMNS)}
        return self._columns[role]

    def forget(self) -> None:
        """Somebody changed what roles may do."""
        self._columns.clear()

    async def telling(self) -> list[str]:
        """Tables with a planted word in them at all, the others show none to anybody; and every view, which shows each what is theirs."""
        tables = await self.columns("owner")
        views = [row[0] for row in await self._roles["owner"].fetch("SELECT schemaname || '.' || viewname FROM pg_views WHERE schemaname = 'vault'")]
        query = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name} t WHERE ROW({columns})::text ~ '{_WORDS}|{_HEX}')"
                                   for name, columns in tables.items() if name not in views)
        return [*(row[0] for row in await self._roles["owner"].fetch(query)), *views]

    async def read(self, tables: list[str], role: str, kind: str = "", organisation: object = "", member: object = "",
                   listing: object = "") -> dict[str, str]:
        """Words a role reads in this scope -> the table."""
        columns = await self.columns(role)
        query = " UNION ALL ".join(f"SELECT '{name}', (regexp_matches(ROW({columns[name]})::text, '{_WORDS}|({_HEX})', 'g'))::text "
                                   f"FROM {name}" for name in tables if name in columns)
        if not query:
            return {}
        connection = self._roles[role]
        async with connection.transaction(readonly=True):
            await connection.execute(_SCOPE, kind, str(organisation), str(member), str(listing))
            rows = await connection.fetch(query)
        return {word: f"SQL as {role}: {name}" for name, found in rows for word in words_in(found)}

    async def as_everybody(self, town: Town, people: Iterable[Person]) -> Seen:
        """As the application in the scope of these people and of every owner, and as the roles that have no scope."""
        tables, seen = await self.telling(), {}
        for person in people:
            caller = person.caller
            seen[person.name] = await self.read(tables, "succession_app", caller.kind, caller.organisation_id, caller.member_id)
        for place in town.places.values():
            seen[f"owner of {place.model.name}"] = await self.read(tables, "succession_app", "owner", listing=place.published.listing_id)
        seen["nobody"] = await self.read(tables, "succession_app", "anonymous") | await self.read(tables, "succession_app")
        for role in WORKER_AND_MARKET:
            seen[role] = await self.read(tables, role)
        return seen
