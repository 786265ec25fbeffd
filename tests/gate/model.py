"""Who may read what of whom, said a second time: plain Python, no database, no clock.

The machine (machine.py) does something to the real program and tells the model; the probes (probes.py) read everything
as everybody, and what they find must be what `readable` allows. A cause of a disclosure is one line of CAUSES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

Level = Literal["dossier", "data_room"]


@dataclass(eq=False)
class Organisation:
    name: str
    kind: str
    standing: str = "verified"
    acted_for: set[Organisation] = field(default_factory=set)  # by name: who once acted for somebody goes on knowing whom


@dataclass(eq=False)
class Member:
    """`active`: has not left. Who left has no way in over HTTP."""

    name: str
    organisation: Organisation
    active: bool = True


@dataclass(eq=False)
class Listing:
    name: str
    seller: Organisation
    withdrawn: bool = False
    excluded: set[Organisation] = field(default_factory=set)


@dataclass(eq=False)
class Nda:
    signed: bool = False
    ended: bool = False
    expired: bool = False
    bound: set[Member] = field(default_factory=set)  # who signed it, and whoever was named in it and acknowledged it

    @property
    def in_force(self) -> bool:
        return self.signed and not self.ended and not self.expired


@dataclass(eq=False)
class Consent:
    """The owner's answer about one buyer, under one NDA. `lapsed`: too late to answer, or to release on it."""

    nda: Nda
    answer: str | None = None
    revoked: bool = False
    lapsed: bool = False

    @property
    def stands(self) -> bool:
        return self.answer == "yes" and not self.revoked


@dataclass(eq=False)
class Grant:
    level: Level
    nda: Nda
    consent: Consent
    revoked: bool = False
    expired: bool = False


@dataclass(eq=False)
class FolderGrant:
    """A folder of the data room as it lay that day: `documents` by name."""

    room: Grant
    documents: frozenset[str]
    permitted: bool = True
    revoked: bool = False


@dataclass(eq=False)
class Deal:
    """`screening`: none, cleared, refused or expired; the last one decides."""

    name: str
    listing: Listing
    buyer: Organisation
    representative: Organisation | None = None
    represented: bool = False
    closed: bool = False
    parked: bool = False
    screening: str = "none"
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


# ---------------------------------------------------------------------------------------------------------------------
# The causes. The first table is asked of a deal, the second of a grant and of who reads.

DEAL_CAUSES: dict[str, Callable[[Deal], bool]] = {
    "the buyer is verified": lambda deal: deal.buyer.standing == "verified",
    "the deal is open": lambda deal: not deal.closed,
    "the company is still for sale here": lambda deal: not deal.listing.withdrawn,
    "the owner excluded no such buyer": lambda deal: deal.buyer not in deal.listing.excluded,
    "the last screening clears and is current": lambda deal: deal.screening == "cleared",
    "the owner consents under an NDA in force": lambda deal: any(each.stands and each.nda.in_force for each in deal.consents),
}
CAUSES: dict[str, Callable[[Deal, Grant, Member], bool]] = {
    **{name: lambda deal, grant, reader, holds=holds: holds(deal) for name, holds in DEAL_CAUSES.items()},
    "its own NDA is in force": lambda deal, grant, reader: grant.nda.in_force,
    "its own consent stands": lambda deal, grant, reader: grant.consent.stands,
    "it is not revoked": lambda deal, grant, reader: not grant.revoked,
    "it has not expired": lambda deal, grant, reader: not grant.expired,
    "the reader is bound by its NDA and has not left": lambda deal, grant, reader: reader in grant.nda.bound and reader.active,
    "the reader is the buyer, or represents it today": lambda deal, grant, reader: side(deal, reader) in ("buyer", "representative"),
}

FOLDER_CAUSES: dict[str, Callable[[Deal, FolderGrant, Member], bool]] = {
    "the room it lies in is open": lambda deal, folder, reader: not missing(deal, folder.room, reader),
    "the dossier is released": lambda deal, folder, reader: any(
        each.level == "dossier" and not each.revoked and not each.expired for each in deal.grants),
    "the owner permits it": lambda deal, folder, reader: folder.permitted,
    "it is not revoked": lambda deal, folder, reader: not folder.revoked,
}


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


def reads(deal: Deal, reader: Member, secret: Secret) -> bool:
    """Whether this deal opens this word of its listing to the reader."""
    if secret.kind == "dossier":
        return any(grant.level == "dossier" and not missing(deal, grant, reader) for grant in deal.grants)
    return secret.kind == "data_room" and any(
        secret.document in folder.documents and all(holds(deal, folder, reader) for holds in FOLDER_CAUSES.values())
        for folder in deal.folders)


def ever_stands(deal: Deal, consent: Consent) -> bool:
    """Does any release on this consent hold? Asked by the seller when it puts a new question to the owner."""
    held = [grant for grant in deal.grants if grant.consent is consent]
    return any(grant.nda.in_force and grant.consent.stands and not grant.revoked and not grant.expired
               and all(holds(deal) for holds in DEAL_CAUSES.values()) for grant in held)


def may_release(deal: Deal, level: Level) -> bool:
    """Whether a release must succeed; where it is False it must be refused."""
    consent = deal.question
    return (all(holds(deal) for holds in DEAL_CAUSES.values()) and not deal.parked
            and consent is not None and consent.stands and consent.nda.in_force and not consent.lapsed
            and not any(grant.level == level and (grant.consent is consent or not grant.revoked) for grant in deal.grants)
            and (level == "dossier" or any(grant.level == "dossier" and grant.consent is consent and not grant.revoked
                                           and not grant.expired for grant in deal.grants)))  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------------
# What there is to be read


@dataclass(frozen=True)
class Secret:
    """A planted word. `kind`: dossier, data_room (a buyer reads it on a live grant of that level; of a `document` of the data room
    with its folder), owner (the seller and the owner alone), seller (not even the owner), purpose and buyer (of one deal: who is a
    party to it)."""

    word: str
    kind: str
    what: str
    listing: Listing | None = None
    organisation: Organisation | None = None
    deal: Deal | None = None
    document: str | None = None


def readable(deals: list[Deal], reader: Member, secret: Secret) -> bool:
    """May this member's organisation read this word now, by any way at all?"""
    own = reader.organisation
    if secret.kind == "buyer":
        return own is secret.organisation or own.kind == "operator" or secret.organisation in own.acted_for or any(
            side(deal, reader) == "seller" for deal in deals if deal.buyer is secret.organisation)
    if secret.kind == "purpose":
        return side(secret.deal, reader) is not None
    if own is secret.listing.seller:
        return True
    return any(reads(deal, reader, secret) for deal in deals if deal.listing is secret.listing)


def readable_by_owner(deals: list[Deal], listing: Listing, secret: Secret) -> bool:
    """The same for the owner behind a link."""
    if secret.kind == "buyer":
        return any(deal.listing is listing and deal.buyer is secret.organisation for deal in deals)
    if secret.kind == "purpose":
        return secret.deal.listing is listing
    return secret.listing is listing and secret.kind != "seller"


def must_show(deals: list[Deal], reader: Member, secrets: Iterable[Secret]) -> Iterator[Secret]:
    """What a reader who can sign in must really get: a gate that refuses everybody is no gate."""
    if reader.active and reader.organisation.standing == "verified":
        for secret in secrets:
            if any(secret.listing is deal.listing and reads(deal, reader, secret) for deal in deals):
                yield secret
