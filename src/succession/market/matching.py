"""How far does a published teaser meet an acquirer's brief? Wishes and published codes in, one outcome per wish out.

A cell may be coarser than a wish: then the company behind it may be what is wanted or not, and the outcome is
`possible`. Nothing but published codes comes in here, so no ranking can tell more than the teasers themselves do.
`reach` says which codes meet a wish; `judge` applies it to one teaser, and the desk's query (desk_queries.py) to all.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from succession.codes import ANY, ATTRIBUTES, SCHEMES, inside, label
from succession.i18n import Message, _, translate

Outcome = Literal["met", "possible", "unmet"]

WISH_MAX = 60
#: wish -> (attribute of a teaser, code scheme). The order in which a brief is read.
WISHES = {
    "industries": ("industry", "industry"),
    "places": ("place", "place"),
    "employees": ("employees", "employees"),
    "revenue": ("revenue", "revenue"),
    "schemes": ("schemes", "scheme"),
    "budget": ("price", "price"),
}
#: A company of another trade, or from elsewhere, is no candidate, whatever else fits.
ESSENTIAL = ("industries", "places")
NEGOTIABLE = "negotiable"


def _codes(scheme: str) -> object:
    """A list of the scheme's codes; `any` is left out, because a wish for anything is no wish."""
    known = Literal[tuple(code for code in SCHEMES[scheme].codes if code != ANY)]
    return Annotated[list[known], msgspec.Meta(max_length=WISH_MAX)]


class Wishes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an acquirer looks for: several codes of one wish mean any of them; an empty wish is none. `budget` names
    bands of the asking price."""

    industries: _codes("industry") = []
    places: _codes("place") = []
    employees: _codes("employees") = []
    revenue: _codes("revenue") = []
    schemes: _codes("scheme") = []
    budget: _codes("price") = []


class Offer(msgspec.Struct, frozen=True):
    """What a teaser says about the six wishes, in their order."""

    industry: str
    place: str
    employees: str
    revenue: str
    schemes: Sequence[str]
    price: str


class Judgement(msgspec.Struct, frozen=True):
    """One wish: what was wanted, what the teaser says, and whether they meet."""

    wish: str
    outcome: Outcome
    wanted: tuple[str, ...]
    offered: tuple[str, ...]


def stated(wishes: Wishes) -> tuple[str, ...]:
    """The wishes that are not empty, in order."""
    return tuple(wish for wish in WISHES if getattr(wishes, wish))


def reach(wishes: Wishes) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """Stated wish -> (codes that meet it, codes that only may): certain and possible of the codebook's attributes; a
    negotiable price may fit any budget; of the schemes on offer one wanted is enough."""
    return {wish: _reach_of(WISHES[wish][0], frozenset(getattr(wishes, wish))) for wish in stated(wishes)}


def _reach_of(attribute: str, wanted: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    if attribute in ATTRIBUTES:
        return inside(attribute, wanted)
    return wanted, frozenset({NEGOTIABLE}) - wanted if attribute == "price" else frozenset()


def judge(wishes: Wishes, offer: Offer) -> tuple[Judgement, ...]:
    """One judgement per stated wish, in order."""
    return tuple(
        Judgement(wish, _outcome(certain, possible, offered), tuple(getattr(wishes, wish)), offered)
        for wish, (certain, possible) in reach(wishes).items()
        for offered in (_offered(offer, wish),)
    )


def _offered(offer: Offer, wish: str) -> tuple[str, ...]:
    said = getattr(offer, WISHES[wish][0])
    return (said,) if isinstance(said, str) else tuple(said)


def _outcome(certain: frozenset[str], possible: frozenset[str], offered: tuple[str, ...]) -> Outcome:
    if certain.intersection(offered):
        return "met"
    return "possible" if possible.intersection(offered) else "unmet"


def score(judged: Sequence[Judgement]) -> tuple[int, int]:
    """(wishes met, wishes possible). Candidates are ranked by the first."""
    outcomes = [judgement.outcome for judgement in judged]
    return outcomes.count("met"), outcomes.count("possible")


def is_candidate(judged: Sequence[Judgement]) -> bool:
    """No essential wish is unmet, and something is met or possible."""
    return any(score(judged)) and not any(j.wish in ESSENTIAL and j.outcome == "unmet" for j in judged)


# ---------------------------------------------------------------- in the reader's language

_NAMES = {
    "industries": _("Industry"),
    "places": _("Place"),
    "employees": _("Employees"),
    "revenue": _("Revenue"),
    "schemes": _("Deal structure"),
    "budget": _("Budget"),
}
_EXPLANATIONS = {
    "met": _("Met: {offered}."),
    "possible": _("Possible, not certain: {offered}."),
    "unmet": _("Not met: {offered}."),
}


def name_of(wish: str, locale: str) -> str:
    return translate(_NAMES[wish], locale)


def in_words(wish: str, codes: Sequence[str], locale: str) -> str:
    """The codes of one wish, or of what a teaser offers for it, as people read them."""
    return ("、" if locale == "ja" else "; ").join(label(WISHES[wish][1], code, locale) for code in codes)


def explain(judgement: Judgement, locale: str) -> str:
    """One sentence on why a wish is met, may be met, or is not."""
    offered = in_words(judgement.wish, judgement.offered, locale)
    return translate(Message(_EXPLANATIONS[judgement.outcome], {"offered": offered}), locale)
