"""Who may read what of whom, said a second time: plain Python, no database, no clock.

The machine (machine.py) does something to the real program and tells the model; the probes (probes.py) read everything
as everybody, and what they find must be what `readable` allows. A cause of a disclosure is one line of CAUSES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

Level = Literal["dossier", "data_room"]
GRANT_DAYS, MONTH_DAYS, NEAR_DAYS = 180, 31, 30
ADEQUATE = ("JP", "GB", "NL", "FR")  # of the countries in this town: personal data go there without a consent of their own
KNOW_HOW = ("K0", "K1", "K2", "K3", "K4")
LATE_STEPS = ("K3", "K4")  # not before the talks are far


@dataclass(eq=False)
class Organisation:
    name: str
    kind: str
    standing: str = "verified"
    country: str = "JP"
    acted_for: set[Organisation] = field(default_factory=set)  # by name: who once acted for somebody goes on knowing whom


@dataclass(eq=False)
class Member:
    """`active`: has not left. Who left has no way in over HTTP."""

    name: str
    organisation: Organisation
    active: bool = True


@dataclass(eq=False)
class Folder:
    """Of a data room. `sensitive`: no competitor reads it; `step`: of know-how."""

    name: str
    sensitive: bool = False
    step: str | None = None


@dataclass(eq=False)
class Listing:
    """`persons`: how many decide for the owner. `competes`: what stands of which buyer; who is not in it never said."""

    name: str
    seller: Organisation
    persons: int = 1
    withdrawn: bool = False
    excluded: set[Organisation] = field(default_factory=set)
    competes: dict[Organisation, bool] = field(default_factory=dict)


@dataclass(eq=False)
class Nda:
    """`mutual`: counts when both have signed, and so does its renewal. `days`: to its end."""

    mutual: bool = False
    signed: bool = False
    countersigned: bool = False
    ended: bool = False
    expired: bool = False
    days: int = 730
    term: int = 730
    renewal: str | None = None  # signed, or in force
    bound: set[Member] = field(default_factory=set)  # who signed it, and whoever was named in it and acknowledged it

    @property
    def over(self) -> bool:
        return self.expired or self.days <= 0

    @property
    def began(self) -> bool:
        return self.signed and (self.countersigned or not self.mutual)

    @property
    def in_force(self) -> bool:
        return self.began and not self.ended and not self.over

    def extend(self) -> None:
        self.renewal, self.days = "in force", self.days + self.term


@dataclass(eq=False)
class Consent:
    """What the owner's side answers about one buyer, under one NDA: everybody who decides has to say yes. `lapsed`: too late to answer,
    or to release on it. `personal`: the representative lets personal data go abroad as well."""

    nda: Nda
    persons: int = 1
    said: dict[int, str] = field(default_factory=dict)
    revoked: bool = False
    lapsed: bool = False
    personal: bool = False

    @property
    def answer(self) -> str | None:
        said = [self.said.get(number) for number in range(self.persons)]
        if "no" in said:
            return "no"
        return "yes" if set(said) == {"yes"} else "ask_adviser" if "ask_adviser" in said else None

    @property
    def stands(self) -> bool:
        return self.answer == "yes" and not self.revoked


@dataclass(eq=False)
class Grant:
    """`days`: to its own end, which a renewed agreement does not move."""

    level: Level
    nda: Nda
    consent: Consent
    revoked: bool = False
    expired: bool = False
    days: int = GRANT_DAYS

    @property
    def over(self) -> bool:
        return self.revoked or self.expired or self.days <= 0


@dataclass(eq=False)
class FolderGrant:
    """A folder of the data room as it lay that day: `documents` by name."""

    folder: Folder
    room: Grant
    documents: frozenset[str]
    permitted: bool = True
    revoked: bool = False


@dataclass(eq=False)
class Link:
    """A member's link to the pages of a document of the dossier, on a device where nobody is signed in."""

    deal: Deal
    grant: Grant
    maker: Member
    uses: int
    expired: bool = False

    def tried(self) -> None:
        """Somebody opened it: a use is counted while the link itself is good, shown or not."""
        self.uses -= self.uses > 0 and not self.expired and self.maker.active and not self.grant.over


@dataclass(eq=False)
class Deal:
    """`screening`: none, cleared, refused, expired or suspended (a name came onto a list); the last one decides. `clean`: the members of
    its clean team that were accepted. `relatives`: third persons agreed to be named to this buyer."""

    name: str
    listing: Listing
    buyer: Organisation
    representative: Organisation | None = None
    represented: bool = False
    closed: bool = False
    parked: bool = False
    screening: str = "none"
    relatives: bool = False
    clean: set[Member] = field(default_factory=set)
    ndas: list[Nda] = field(default_factory=list)
    consents: list[Consent] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    folders: list[FolderGrant] = field(default_factory=list)

    @property
    def nda(self) -> Nda | None:
        """The one that is offered or signed and has not been ended."""
        return next((each for each in reversed(self.ndas) if not each.ended), None)

    @property
    def question(self) -> Consent | None:
        return next((each for each in reversed(self.consents) if not each.revoked and each.answer != "no"), None)

    @property
    def team(self) -> set[Member]:
        return {each for each in self.clean if each.active}


# ---------------------------------------------------------------------------------------------------------------------
# The causes. The first table is asked of a deal, the second of a grant and of who reads, the third of a folder.

DEAL_CAUSES: dict[str, Callable[[Deal], bool]] = {
    "the buyer is verified": lambda deal: deal.buyer.standing == "verified",
    "the deal is open": lambda deal: not deal.closed,
    "the company is still for sale here": lambda deal: not deal.listing.withdrawn,
    "the owner excluded no such buyer": lambda deal: deal.buyer not in deal.listing.excluded,
    "the last screening clears and is current": lambda deal: deal.screening == "cleared",
    "everybody of the owner's side consents under an NDA in force": lambda deal: any(each.stands and each.nda.in_force for each in deal.consents),
}
CAUSES: dict[str, Callable[[Deal, Grant, Member], bool]] = {
    **{name: lambda deal, grant, reader, holds=holds: holds(deal) for name, holds in DEAL_CAUSES.items()},
    "its own NDA is in force": lambda deal, grant, reader: grant.nda.in_force,
    "its own consent stands": lambda deal, grant, reader: grant.consent.stands,
    "it is neither revoked nor over": lambda deal, grant, reader: not grant.over,
    "the reader is bound by its NDA and has not left": lambda deal, grant, reader: reader in grant.nda.bound and reader.active,
    "the reader is the buyer, or represents it today": lambda deal, grant, reader: side(deal, reader) in ("buyer", "representative"),
}
FOLDER_CAUSES: dict[str, Callable[[Deal, FolderGrant, Member], bool]] = {
    "the room it lies in is open": lambda deal, folder, reader: not missing(deal, folder.room, reader),
    "the dossier is released": lambda deal, folder, reader: any(each.level == "dossier" and not each.over for each in deal.grants),
    "the owner permits it": lambda deal, folder, reader: folder.permitted,
    "it is not revoked": lambda deal, folder, reader: not folder.revoked,
    "the reader is of the clean team, where one has to be": lambda deal, folder, reader: (
        not for_clean_team(deal, folder.folder) or reader in deal.team),
}


def for_clean_team(deal: Deal, folder: Folder) -> bool:
    """The parameters (K3) for every buyer; for a competitor the recipe (K4) and whatever is sensitive too."""
    return folder.step == "K3" or (bool(deal.listing.competes.get(deal.buyer)) and (folder.sensitive or folder.step == "K4"))


def side(deal: Deal, reader: Member) -> str | None:
    """What the reader's organisation is to a deal."""
    if reader.organisation is deal.listing.seller:
        return "seller"
    if reader.organisation is deal.buyer:
        return "buyer"
    if reader.organisation is deal.representative and deal.represented and deal.buyer.standing == "verified":
        return "representative"
    return None


def missing(deal: Deal, grant: Grant, reader: Member) -> list[str]:
    """The causes that fail, by name: [] when the grant can be read on."""
    return [name for name, holds in CAUSES.items() if not holds(deal, grant, reader)]


def live(deal: Deal, reader: Member, level: Level = "dossier") -> bool:
    return any(grant.level == level and not missing(deal, grant, reader) for grant in deal.grants)


def reads(deal: Deal, reader: Member, secret: Secret) -> bool:
    """Whether this deal opens this word of its listing to the reader."""
    if secret.kind == "dossier":
        return live(deal, reader)
    if secret.kind == "representative":  # personal data of the owner's: abroad on a consent of their own
        return live(deal, reader) and (deal.buyer.country in ADEQUATE or any(each.stands and each.personal for each in deal.consents))
    if secret.kind == "relative":
        return live(deal, reader) and deal.relatives
    return secret.kind == "data_room" and any(
        secret.document in folder.documents and all(holds(deal, folder, reader) for holds in FOLDER_CAUSES.values())
        for folder in deal.folders)


def opens(link: Link) -> bool:
    """A link shows what its maker could look at this moment on the grant it was made under."""
    return (link.uses > 0 and not link.expired and link.maker.organisation.standing == "verified"
            and not missing(link.deal, link.grant, link.maker))


def told(deal: Deal) -> bool:
    """Whether the buyer knows the company by name at this moment: from then on answers are free."""
    return any(each.level == "dossier" and not each.over and each.nda.in_force and each.consent.stands for each in deal.grants) and all(
        holds(deal) for holds in DEAL_CAUSES.values())


def ever_stands(deal: Deal, consent: Consent) -> bool:
    """Does any release on this consent hold? Asked by the seller when it puts a new question to the owner."""
    held = [grant for grant in deal.grants if grant.consent is consent]
    return any(grant.nda.in_force and grant.consent.stands and not grant.over
               and all(holds(deal) for holds in DEAL_CAUSES.values()) for grant in held)


def may_release(deal: Deal, level: Level) -> bool:
    """Whether a release must succeed; where it is False it must be refused."""
    consent = deal.question
    return (all(holds(deal) for holds in DEAL_CAUSES.values()) and not deal.parked
            and consent is not None and consent.stands and consent.nda.in_force and not consent.lapsed
            and not any(grant.level == level and (grant.consent is consent or not grant.revoked) for grant in deal.grants)
            and (level == "dossier" or any(grant.level == "dossier" and grant.consent is consent and not grant.over
                                           for grant in deal.grants)))  # fmt: skip


def may_open(deal: Deal, folder: Folder, far: bool) -> bool:
    """Whether a folder that everybody of the owner's side permits must be released; where it is False it must be refused."""
    held = [each for each in deal.grants if not each.over and each.nda.in_force and each.consent.stands]
    room = all(holds(deal) for holds in DEAL_CAUSES.values()) and not deal.parked and {"dossier", "data_room"} <= {each.level for each in held}

    def read_by_somebody(folder: Folder) -> bool:
        return bool(deal.team) or not for_clean_team(deal, folder)

    before = folder.step in (None, "K0") or any(
        each.folder.step == KNOW_HOW[KNOW_HOW.index(folder.step) - 1] and not each.revoked and each.permitted and each.room in held
        and read_by_somebody(each.folder) for each in deal.folders)
    said = deal.buyer in deal.listing.competes or not (folder.step or folder.sensitive)
    return room and before and said and (far or folder.step not in LATE_STEPS) and read_by_somebody(folder)


# ---------------------------------------------------------------------------------------------------------------------
# What there is to be read


@dataclass(eq=False)
class Answer:
    """To a question of a deal. `before`: the buyer did not know the name then. `shared`: with everybody who knows it."""

    deal: Deal
    before: bool
    released: bool
    shared: bool = False


@dataclass(frozen=True)
class Secret:
    """A planted word. `kind`: dossier, data_room (a buyer reads it on a live grant of that level; of a `document` of the data room
    with its folder), representative, relative (persons in the dossier, with their own consents), owner (the seller and the owner alone),
    seller (not even the owner), purpose, question (of one deal: who is a party to it), answer, and buyer."""

    word: str
    kind: str
    what: str
    listing: Listing | None = None
    organisation: Organisation | None = None
    deal: Deal | None = None
    document: str | None = None
    answer: Answer | None = None


def answered(deals: list[Deal], reader: Member, answer: Answer) -> bool:
    """Who asked reads what was said before the name clear for good, and later answers, like everybody else, while it knows the name."""
    knows = any(deal.listing is answer.deal.listing and live(deal, reader) for deal in deals)
    asked = side(answer.deal, reader) in ("buyer", "representative")
    return answer.released and ((asked and (answer.before or knows)) or (answer.shared and knows))


def readable(deals: list[Deal], reader: Member, secret: Secret) -> bool:
    """May this member's organisation read this word now, by any way at all?"""
    own = reader.organisation
    if secret.kind == "buyer":
        return own is secret.organisation or own.kind == "operator" or secret.organisation in own.acted_for or any(
            side(deal, reader) == "seller" for deal in deals if deal.buyer is secret.organisation)
    if secret.kind in ("purpose", "question"):
        return side(secret.deal, reader) is not None
    if own is secret.listing.seller:
        return True
    if secret.answer is not None:
        return answered(deals, reader, secret.answer)
    return any(reads(deal, reader, secret) for deal in deals if deal.listing is secret.listing)


def readable_by_owner(deals: list[Deal], listing: Listing, secret: Secret) -> bool:
    """The same for the owner behind a link."""
    if secret.kind == "buyer":
        return any(deal.listing is listing and deal.buyer is secret.organisation for deal in deals)
    if secret.kind in ("purpose", "question"):
        return secret.deal.listing is listing
    return secret.listing is listing and secret.kind != "seller"


def must_show(deals: list[Deal], reader: Member, secrets: Iterable[Secret]) -> Iterator[Secret]:
    """What a reader who can sign in must really get: a gate that refuses everybody is no gate."""
    if reader.active and reader.organisation.standing == "verified":
        for secret in secrets:
            if secret.answer is not None:
                mine = any(side(deal, reader) in ("buyer", "representative") and deal.listing is secret.listing for deal in deals)
                if mine and answered(deals, reader, secret.answer) and (secret.answer.deal in deals or secret.answer.shared):
                    yield secret
            elif any(secret.listing is deal.listing and reads(deal, reader, secret) for deal in deals):
                yield secret
