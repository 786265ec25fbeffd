"""Does what was read agree with the model, at one moment or while something was changing?"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from gate.model import must_show, opens, readable, readable_by_owner
from gate.probes import READ_MOST, Seen, Sql, Walk, letters
from gate.cast import Person
from gate.town import Town


@dataclass
class Allowed:
    """What the model says at one moment: reader -> words. `http` knows besides who cannot sign in any more."""

    sql: dict[str, set[str]]
    http: dict[str, set[str]]

    def __or__(self, other: Allowed) -> Allowed:
        """While something changes, a reading may fall before it or after it."""
        return Allowed(*({name: one.get(name, set()) | two.get(name, set()) for name in one.keys() | two.keys()}
                         for one, two in ((self.sql, other.sql), (self.http, other.http))))

NEWEST = 12  # letters, and links to an owner: what a step can have sent


def allowed(town: Town) -> Allowed:
    deals, words = town.deals, town.secrets.values()
    sql = {name: {each.word for each in words if readable(deals, person.member, each)} for name, person in town.people.items()}
    http = {name: found if town.people[name].member.active else set() for name, found in sql.items()}
    for person in town.people.values():
        if person.member.organisation.standing != "verified":  # then it reads of itself and of nobody else
            http[person.name] = {each.word for each in words if each.organisation is person.member.organisation} & http[person.name]
    owners = {f"owner of {place.model.name}": {each.word for each in words if readable_by_owner(deals, place.model, each)}
              for place in town.places.values()}
    # The worker writes to organisations by name and counts in figures; it has no word of a company.
    sql["succession_worker"] = {each.word for each in words if each.kind == "buyer" or each.word.isdigit()}
    return Allowed(sql | owners, http | owners)


def beyond(town: Town, seen: Seen, may: dict[str, set[str]]) -> list[str]:
    """What was read and must not be, in words: the verdict of a failing run."""
    return [f"{reader} reads {town.secrets[word].what} ({where})" for reader, found in sorted(seen.items())
            for word, where in sorted(found.items()) if word in town.secrets and word not in may.get(reader, set())]


def withheld(town: Town, seen: Seen, readers: list[str]) -> list[str]:
    """What the model promises and nobody got: a gate that is always closed would pass everything else."""
    return [f"{name} does not get {each.what}" for name in readers
            for each in must_show(town.deals, town.people[name].member, town.secrets.values()) if each.word not in seen[name]]


def in_letters(town: Town, seen: Seen) -> list[str]:
    """A letter holds no planted word at all, but the name of whom it is written to."""
    own = {email: {each.word for each in town.secrets.values() if each.listing is place.model and each.kind == "owner"}
           for place in town.places.values() for email in place.owners}
    own |= {str(person.caller.organisation_id): {each.word for each in town.secrets.values() if each.organisation is person.member.organisation}
            for person in town.people.values()}
    return beyond(town, seen, own)


@dataclass
class Judge:
    """All probes at once. `checked` counts what was compared, for the table and so that nothing passes for want of data."""

    town: Town
    sql: Sql
    walk: Walk = field(init=False)
    checked: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    async def through_links(self) -> list[str]:
        """Every link, opened once by nobody in particular: it shows exactly what the model says, and its uses are counted."""
        wrong = []
        for each in self.town.links:
            must, shown = opens(each.model), await self.walk.opened(each)
            if shown != must:
                wrong.append(f"the link of {each.model.maker.name} shows {'a page' if shown else 'nothing'}")
            each.model.tried()
        self.checked["links"] += len(self.town.links)
        return wrong

    def __post_init__(self) -> None:
        self.walk = Walk(self.town)

    async def at_rest(self, whole: list[Person], thorough: bool = True) -> list[str]:
        """Everything wrong at this moment. `whole`: who walks every route. SQL is read as everybody; what is read most, and the owners'
        pages, by everybody who has a permission for it in every language, or, unless `thorough`, by every other one in turn."""
        may, turn = allowed(self.town), self.checked["moments"] % 2
        seen: Seen = defaultdict(dict)
        readers = self.readers() if thorough else self.readers()[turn::2]
        await self.town.forgive()
        await self.walk.read(readers, READ_MOST, seen)
        await self.walk.read(whole, self.walk.templates, seen)
        await self.walk.owners_pages(seen, ("ja", "en") if thorough else (("ja", "en")[turn],), None if thorough else NEWEST)
        as_roles, posted = await self.sql.as_everybody(self.town, self.town.people.values()), await letters(self.town, None if thorough else NEWEST)
        self._count(seen, as_roles, posted)
        return (await self.through_links() + beyond(self.town, seen, may.http) + beyond(self.town, as_roles, may.sql)
                + in_letters(self.town, posted) + withheld(self.town, seen, [person.name for person in readers]))

    async def glance(self, readers: list[Person]) -> list[str]:
        """The same for these readers alone, who read what is read most, links, and SQL in their scope and as the roles without one."""
        may = allowed(self.town)
        seen: Seen = defaultdict(dict)
        await self.town.forgive()
        await self.walk.read(readers, READ_MOST, seen)
        as_roles = await self.sql.as_everybody(self.town, readers)
        return (await self.through_links() + beyond(self.town, seen, may.http) + beyond(self.town, as_roles, may.sql)
                + withheld(self.town, seen, [person.name for person in readers]))

    def readers(self) -> list[Person]:
        return [person for person in self.town.people.values() if person.member.organisation.kind in ("intermediary", "acquirer")]

    async def during(self) -> Seen:
        """What everybody reads over HTTP while something happens."""
        seen: Seen = defaultdict(dict)
        await self.walk.read(self.readers(), READ_MOST, seen)
        return seen

    def _count(self, *all_seen: Seen) -> None:
        for name, seen in zip(("words over HTTP", "words in SQL", "words in letters"), all_seen, strict=True):
            self.checked[name] += sum(map(len, seen.values()))
        self.checked["moments"] += 1
