"""How far does a published teaser meet what an acquirer looks for? Wishes and published codes in, reasons and a score out.

One table, WISHES, says how each wish is judged and what it weighs. A cell may be coarser than a wish: then the company
behind it may be what is wanted or not, and the outcome is `possible`. `reach` says which codes meet a wish; `judge` applies
it to one teaser, and match_queries.py, in SQL, to all.

Fairness (guideline G7: nobody who pays extra or comes again is favoured). What comes in is `Seeker`, `Offer` and a year,
nothing else: no fee, no subscription, no number of deals, no age of an account, no name. Equal scores follow by the published
shuffle, which knows no buyer. A test lists these fields.

What a buyer is told is a function of its own wishes, of its verified kind and country, and of rows it may see anyway: what
owners want and did not publish does not come in here. So nothing can be learnt by changing a profile that reading teasers
does not tell.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

import msgspec

from succession.anonymity.vocabulary import vocabulary
from succession.codes import ANY, ATTRIBUTES, SCHEMES, inside, label
from succession.i18n import Message, _, translate

Outcome = Literal["met", "possible", "unmet"]
Rule = Literal["any", "all", "none", "lean"]

WISH_MAX = 60
NEGOTIABLE, FLEXIBLE = "negotiable", "flexible"
PHRASE, YEAR = "phrase", "fiscal_year"
SCORE_MOST = 100


class Wish(NamedTuple):
    """`attribute` of a teaser, read with `scheme`. `rule`: any of the codes has to be shown, all of them, none of them; lean:
    some speak for this buyer and some against, and most teasers say neither. Where an `essential` wish is unmet, the teaser
    is no match, whatever else fits. `stated`: judged only where somebody stated it."""

    attribute: str
    scheme: str
    weight: int
    rule: Rule
    essential: bool
    stated: bool
    name: str


#: In the order in which a brief is read. A company of another trade, or from elsewhere, is no candidate.
WISHES: dict[str, Wish] = {
    "industries": Wish("industry", "industry", 30, "any", True, True, _("Industry")),
    "places": Wish("place", "place", 20, "any", True, True, _("Place")),
    "employees": Wish("employees", "employees", 10, "any", False, True, _("Employees")),
    "revenue": Wish("revenue", "revenue", 15, "any", False, True, _("Revenue")),
    "schemes": Wish("schemes", "scheme", 10, "any", False, True, _("Deal structure")),
    "budget": Wish("price", "price", 15, "any", False, True, _("Budget")),
    "timing": Wish("timing", "timing", 5, "any", False, True, _("Timing")),
    "phrases": Wish("phrases", PHRASE, 10, "any", False, True, _("Welcome")),
    "must_phrases": Wish("phrases", PHRASE, 10, "all", True, True, _("Must be said")),
    "never_phrases": Wish("phrases", PHRASE, 5, "none", True, True, _("Must not be said")),
    "never_industries": Wish("industry", "industry", 5, "none", True, True, _("Not this industry")),
    "never_places": Wish("place", "place", 5, "none", True, True, _("Not this place")),
    "offers": Wish("phrases", PHRASE, 15, "none", False, True, _("The owner's wishes and what you offer")),
    "welcome": Wish("phrases", PHRASE, 5, "lean", False, False, _("The kind of buyer the owner names")),
    "fresh": Wish(YEAR, YEAR, 5, "any", False, False, _("Year of the figures")),
}
ESSENTIAL = tuple(name for name, wish in WISHES.items() if wish.essential)
#: What an owner may publish as a wish and a buyer may offer.
OFFERS = tuple("""
jobs_kept terms_kept managers_considered name_kept site_kept offering_kept dealings_kept local_ties_kept culture_respected autonomy_kept
guarantee_released craft_valued long_term_buyer investment_hoped sales_help_hoped recruiting_help_hoped management_help_hoped
digital_help_hoped technology_shared staff_growth_hoped better_terms_hoped overseas_partner_sought discreet_talks know_how_protected careful_pace
""".split())
_WELCOMED = {"fund_welcome": ("fund",), "individual_welcome": ("individual",), "operating_company_preferred": ("company", "holding")}
_PREFERRED = ("operating_company_preferred",)
_FROM_ABROAD = "overseas_buyer_welcome"
HOME = "JP"


def _codes(scheme: str) -> object:
    """A list of the scheme's codes; `any` is left out, because a wish for anything is no wish."""
    if scheme == PHRASE:
        return _listed(tuple(phrase.code for phrase in vocabulary().showable()))
    return _listed(tuple(code for code in SCHEMES[scheme].codes if code != ANY))


def _listed(known: tuple[str, ...]) -> object:
    return Annotated[list[Literal[known]], msgspec.Meta(max_length=WISH_MAX)]


class Wishes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an acquirer looks for, and offers: several codes of one wish mean any of them; an empty wish is none. `budget`
    names bands of the asking price. `must_phrases` have all to be said, `never_...` keep a teaser out. `offers`: what an
    owner may wish for and this acquirer is ready to do."""

    industries: _codes("industry") = []
    places: _codes("place") = []
    employees: _codes("employees") = []
    revenue: _codes("revenue") = []
    schemes: _codes("scheme") = []
    budget: _codes("price") = []
    timing: _codes("timing") = []
    phrases: _codes(PHRASE) = []
    must_phrases: _codes(PHRASE) = []
    never_phrases: _codes(PHRASE) = []
    never_industries: _codes("industry") = []
    never_places: _codes("place") = []
    offers: _listed(OFFERS) = []


class Seeker(msgspec.Struct, frozen=True):
    """Everything of a buyer that a score may know: its wishes, and what the operator verified of its kind and country."""

    wishes: Wishes
    kind: str
    country: str


class Offer(msgspec.Struct, frozen=True):
    """Everything of a teaser that a score may know: what it shows."""

    industry: str
    place: str
    employees: str
    revenue: str
    schemes: Sequence[str]
    price: str
    timing: str
    phrases: Sequence[str]
    fiscal_year: int


class Reach(NamedTuple):
    """Codes that decide one wish: `certain` for `any` and `all` those that meet it, for `none` those that must not be shown,
    for `lean` those that speak for this buyer; `partly`: those that leave it open, for `lean` those that speak against."""

    certain: frozenset[str]
    partly: frozenset[str]


class Judgement(msgspec.Struct, frozen=True):
    """One wish: what was wanted, what the teaser says, and whether they meet."""

    wish: str
    outcome: Outcome
    wanted: tuple[str, ...]
    offered: tuple[str, ...]


def stated(wishes: Wishes) -> tuple[str, ...]:
    """The wishes that are not empty, in order."""
    return tuple(name for name, wish in WISHES.items() if wish.stated and getattr(wishes, name))


def reach(seeker: Seeker, year: int) -> dict[str, Reach]:
    """Judged wish -> the codes that decide it. `year`: the newest fiscal year whose figures can be there."""
    found = {name: _reach_of(name, frozenset(getattr(seeker.wishes, name))) for name in stated(seeker.wishes)}
    found["welcome"] = _welcome(seeker)
    found["fresh"] = Reach(frozenset(map(str, (year, year + 1))), frozenset({str(year - 1)}))
    return found


def _reach_of(name: str, wanted: frozenset[str]) -> Reach:
    """Certain and possible of the codebook's attributes; a negotiable price may fit any budget, a flexible owner any time; of
    the schemes on offer one wanted is enough; what is not offered is what an owner must not wish for."""
    attribute = WISHES[name].attribute
    if attribute in ATTRIBUTES:
        return Reach(*inside(attribute, wanted))
    if name == "offers":
        return Reach(frozenset(OFFERS) - wanted, frozenset())
    open_code = {"price": NEGOTIABLE, "timing": FLEXIBLE}.get(attribute)
    return Reach(wanted, frozenset({open_code}) - wanted if open_code else frozenset())


def _welcome(seeker: Seeker) -> Reach:
    spoken_for = {phrase for phrase, kinds in _WELCOMED.items() if seeker.kind in kinds}
    if seeker.country != HOME:
        spoken_for.add(_FROM_ABROAD)
    return Reach(frozenset(spoken_for), frozenset(_PREFERRED) - spoken_for)


def judge(seeker: Seeker, offer: Offer, year: int) -> tuple[Judgement, ...]:
    """One judgement per judged wish, in order."""
    return tuple(_judged(name, seeker.wishes, found, _offered(offer, name)) for name, found in reach(seeker, year).items())


def _judged(name: str, wishes: Wishes, found: Reach, offered: tuple[str, ...]) -> Judgement:
    wanted = tuple(getattr(wishes, name)) if WISHES[name].stated else tuple(sorted(found.certain))
    outcome = _outcome(WISHES[name].rule, found, frozenset(offered))
    if name == "offers":  # what an owner wishes and cannot get here, or everything it wishes
        offered = tuple(code for code in offered if code in (found.certain if outcome == "unmet" else OFFERS))
    elif WISHES[name].rule == "all" and outcome == "unmet":
        offered = ()  # some of them may be said: what counts is that one is not
    elif WISHES[name].scheme == PHRASE:
        offered = tuple(code for code in offered if code in found.certain | found.partly)
    return Judgement(name, outcome, wanted, offered)


def _offered(offer: Offer, name: str) -> tuple[str, ...]:
    said = getattr(offer, WISHES[name].attribute)
    return tuple(said) if isinstance(said, (list, tuple)) else (str(said),)


def _outcome(rule: Rule, found: Reach, shown: frozenset[str]) -> Outcome:
    if rule == "all":
        return "met" if found.certain <= shown else "unmet"
    if rule == "none":
        return "unmet" if found.certain & shown else "possible" if found.partly & shown else "met"
    if rule == "lean":
        return "met" if found.certain & shown else "unmet" if found.partly & shown else "possible"
    return "met" if found.certain & shown else "possible" if found.partly & shown else "unmet"


# ---------------------------------------------------------------- the score


def points(judged: Sequence[Judgement]) -> int:
    """Twice the weight of what is met, once that of what is possible."""
    return sum(WISHES[each.wish].weight * {"met": 2, "possible": 1, "unmet": 0}[each.outcome] for each in judged)


def points_most(names: Sequence[str]) -> int:
    return sum(2 * WISHES[name].weight for name in names)


def score(judged: Sequence[Judgement]) -> int:
    """0 to 100: how much of the weight of everything judged is met, what is possible counting half."""
    return SCORE_MOST * points(judged) // points_most([each.wish for each in judged])


def counted(judged: Sequence[Judgement]) -> tuple[int, int, int]:
    """(wishes met, possible, unmet)."""
    outcomes = [judgement.outcome for judgement in judged]
    return outcomes.count("met"), outcomes.count("possible"), outcomes.count("unmet")


def draws(names: Sequence[str]) -> tuple[str, ...]:
    """The wishes of which one has to be met or possible: those that ask for something."""
    return tuple(name for name in names if WISHES[name].stated and WISHES[name].rule in ("any", "all"))


def is_candidate(judged: Sequence[Judgement]) -> bool:
    """No essential wish is unmet, and of what is asked for something is met or possible."""
    outcome = {each.wish: each.outcome for each in judged}
    asking = draws(tuple(outcome))
    return not any(outcome.get(name) == "unmet" for name in ESSENTIAL) and (not asking or any(outcome[name] != "unmet" for name in asking))


# ---------------------------------------------------------------- in the reader's language

_EXPLANATIONS = {
    "met": _("Met: {offered}."),
    "possible": _("Possible, not certain: {offered}."),
    "unmet": _("Not met: {offered}."),
}
_NOTHING_SAID = {
    "met": _("Met: the teaser says nothing against it."),
    "possible": _("Open: the teaser does not say."),
    "unmet": _("Not met: the teaser does not say it."),
}


def name_of(wish: str, locale: str) -> str:
    return translate(WISHES[wish].name, locale)


def in_words(wish: str, codes: Sequence[str], locale: str) -> str:
    """The codes of one wish, or of what a teaser offers for it, as people read them."""
    return ("、" if locale == "ja" else "; ").join(_label(WISHES[wish].scheme, code, locale) for code in codes)


def _label(scheme: str, code: str, locale: str) -> str:
    if scheme == YEAR:
        return f"{code}年度" if locale == "ja" else f"FY{code}"
    return vocabulary().label(code, locale) if scheme == PHRASE else label(scheme, code, locale)


def explain(judgement: Judgement, locale: str) -> str:
    """One sentence on why a wish is met, may be met, or is not."""
    offered = in_words(judgement.wish, judgement.offered, locale)
    if not offered:
        return translate(_NOTHING_SAID[judgement.outcome], locale)
    return translate(Message(_EXPLANATIONS[judgement.outcome], {"offered": offered}), locale)
