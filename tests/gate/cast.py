"""Who and what is in the town: persons, companies and deals of the model, and how they are found in the real program."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from gate.model import Deal, Folder, Link, Listing, Member
from world import Caller, Published


@dataclass(eq=False)
class Person:
    """A member of the model and how they call. `browser`: the same person signed in, for what no key may do."""

    member: Member
    caller: Caller
    browser: Caller | None = None

    @property
    def name(self) -> str:
        return self.member.name


@dataclass(eq=False)
class Place:
    """A listing of the model and its rows. `owners`: addresses of who decides. `documents`: where it lies ("dossier", or a folder's
    name) -> id of one that is in, `titles` its name in the model; `folders` and `folder_ids` by name."""

    model: Listing
    published: Published
    owners: list[str]
    documents: dict[str, UUID] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    folders: dict[str, Folder] = field(default_factory=dict)
    folder_ids: dict[str, str] = field(default_factory=dict)
    exclusions: dict[str, UUID] = field(default_factory=dict)


@dataclass(eq=False)
class Road:
    """A deal of the model and its ids. `links`: number of who decides -> the path of their newest page; `folder_links`: the same for the
    permission of each of `folders`. `team`: entries of the clean team."""

    model: Deal
    place: Place
    buyer: Person
    id: str
    links: dict[int, str] = field(default_factory=dict)
    grants: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    folder_links: list[str] = field(default_factory=list)
    team: dict[Member, str] = field(default_factory=dict)
    relative: str = ""

    @property
    def path(self) -> str:
        return f"/v1/disclosure-requests/{self.id}"


@dataclass(eq=False)
class Opened:
    """A link of the model, its path, the document and the word that stands for seeing it."""

    model: Link
    path: str
    document: UUID
    word: str
