"""What does a search ask for, in published codes and nothing else?

A filter takes published vocabulary only, so no query can bisect a figure or ask below the level a teaser shows. Filters
on figures have two answers: *certain*, the teaser's code lies inside the filter, and *possible*, it merely overlaps it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Literal

import msgspec

from succession.anonymity.vocabulary import vocabulary
from succession.codes import ANY, ATTRIBUTES, SCHEMES, inside, leaves, read_table
from succession.errors import field_problem
from succession.i18n import Message, _
from succession.market.order import RELEVANCE, SORTS
from succession.market.ranges import BOUNDS
from succession.market.terms import LENGTH_MAX, Corrected, Terms, parse_terms

#: Parameter -> scheme, for what a teaser shows besides its cell; `phrase` has its own table.
OFF_CODEBOOK = ("price", "scheme", "timing", "phrase")
FILTERS = (*ATTRIBUTES, *OFF_CODEBOOK)
PARAMETERS = (*FILTERS, *BOUNDS, "q", "match", "sort", "limit", "cursor", "facets", "acting_for")
VALUES_MAX = 100

Match = Literal["certain", "possible"]
Sets = Mapping[str, Sequence[Sequence[str]]]  # field -> sets of codes: one of each set has to be shown
Sort = Literal[(RELEVANCE, *SORTS)]


class Search(msgspec.Struct, frozen=True):
    """A search as the statement needs it.

    `certain`: attribute -> codes inside every wish for it; `overlapping`: attribute -> (code, public share of it that lies
    inside), codes inside included. `others`: field outside the codebook -> sets of codes, one of each set has to be shown.
    `read_as`: what `q` was understood to say, `corrected`: the slip that was read past. Nothing can match when `unrecognised`
    is not empty or `impossible` is set. `wishes`: all that was asked for, before it was worked out.
    """

    certain: dict[str, tuple[str, ...]]
    overlapping: dict[str, tuple[tuple[str, float], ...]]
    others: dict[str, tuple[tuple[str, ...], ...]]
    read_as: dict[str, tuple[str, ...]]
    unrecognised: tuple[str, ...]
    corrected: tuple[Corrected, ...]
    impossible: bool
    wishes: Sets

    @property
    def empty(self) -> bool:
        return self.impossible or bool(self.unrecognised)

    @property
    def ranked(self) -> bool:
        """Whether some teasers may show more of what was asked for than others: several phrases or schemes are any of them."""
        return any(len({code for codes in self.others.get(name, ()) for code in codes}) > 1 for name in ("phrase", "scheme"))


@cache
def allowed(parameter: str) -> tuple[str, ...]:
    """The published values of a filter, in the order people read them. `any` is not one: it asks for nothing."""
    if parameter == "phrase":
        return tuple(phrase.code for phrase in vocabulary().showable())
    return tuple(code for code in SCHEMES[parameter].codes if code != ANY)


def checked(parameter: str, values: Iterable[str] | None, besides: Collection[str] = ()) -> tuple[str, ...]:
    """The values of one filter, each once; Problem validation naming the allowed ones for anything else."""
    given, known = tuple(dict.fromkeys(values or ())), (*allowed(parameter), *besides)
    if len(given) > VALUES_MAX or not set(given) <= set(known):
        raise field_problem(parameter, Message.of(_("Only published values can be searched for.")), known)
    return given


def checked_fields(names: Iterable[str] | None) -> tuple[str, ...]:
    """The fields to count, all of them by default."""
    given = tuple(dict.fromkeys(FILTERS if names is None else names))
    if not set(given) <= set(FILTERS):
        raise field_problem("facets", Message.of(_("Only published values can be searched for.")), FILTERS)
    return given


def refuse_unknown(parameters: Iterable[str]) -> None:
    """Problem validation for a parameter that does not exist here, whatever it is called."""
    for name in parameters:
        if name not in PARAMETERS:
            raise field_problem(name, Message.of(_("There is no such parameter here.")), PARAMETERS)


def read_search(filters: Mapping[str, Iterable[str] | None], q: str | None,
                ranges: Mapping[str, tuple[str, ...]] = MappingProxyType({}), facts: Collection[str] = ()) -> Search:
    """Filters, search text and ranges (ranges.py) together: any of the values within a field, all of the fields.

    A field asked for twice, by value and by range or in the text, has to satisfy both. `facts`: the linkable phrases that
    published teasers may show (queries.py).
    """
    if q is not None and len(q) > LENGTH_MAX:
        raise field_problem("q", Message.of(_("At most {count} characters."), count=LENGTH_MAX))
    asked = {name: checked(name, filters.get(name), facts if name == "phrase" else ()) for name in FILTERS}
    terms = parse_terms(q or "")
    said = _said(terms)
    wishes = {name: [codes for codes in (asked[name], said.get(name, ()), ranges.get(name, ())) if codes]
              for name in FILTERS}
    certain, overlapping, impossible = {}, {}, False
    for name in ATTRIBUTES:
        if wishes[name]:
            target = _common_leaves(name, wishes[name])
            impossible = impossible or not target
            certain[name], overlapping[name] = reach(name, target)
    others = {name: tuple(map(tuple, wishes[name])) for name in OFF_CODEBOOK if wishes[name]}
    asked_for = {name: sets for name, sets in wishes.items() if sets}
    return Search(certain, overlapping, others, said, terms.unrecognised, terms.corrected, impossible, asked_for)


def _said(terms: Terms) -> dict[str, tuple[str, ...]]:
    """What a text names, by parameter, in the order of the tables."""
    named = {"scheme" if name == "schemes" else name: codes for name, codes in terms.filters.items()}
    named |= {"phrase": terms.phrases} if terms.phrases else {}
    return {name: tuple(code for code in allowed(name) if code in codes) for name, codes in named.items()}


def _common_leaves(attribute: str, wishes: Iterable[Iterable[str]]) -> frozenset[str]:
    return frozenset.intersection(*(frozenset().union(*(leaves(attribute, code) for code in codes)) for codes in wishes))


@lru_cache(maxsize=10_000)  # what is asked again and again; a text may ask for any set of codes
def reach(attribute: str, target: frozenset[str]) -> tuple[tuple[str, ...], tuple[tuple[str, float], ...]]:
    """The codes inside the target leaves, and every code that overlaps them with the public share of it that lies inside."""
    within, partly = inside(attribute, target)
    shares = [(code, 1.0 if code in within else public_share(attribute, code, target)) for code in sorted(within | partly)]
    return tuple(sorted(within)), tuple(shares)


# --- how much of a coarse code lies inside a filter -----------------------------------------------------------------


def public_share(attribute: str, code: str, target: frozenset[str]) -> float:
    """The share of `code` that lies inside the target leaves, by official figures anybody can look up; 0 to 1.

    Establishments per prefecture and division (2021 Economic Census) weigh places and industries; bands, whose official
    shares nobody publishes, count alike.
    """
    weights = _weights(attribute)
    whole, within = leaves(attribute, code), leaves(attribute, code) & target
    total = sum(weights[leaf] for leaf in whole)
    return sum(weights[leaf] for leaf in within) / total if total else len(within) / len(whole)


@cache
def _weights(attribute: str) -> Mapping[str, float]:
    establishments = read_table("db/reference/establishments_2021.tsv")
    divisions = [name for name in establishments[0] if name != "prefecture"]
    if attribute == "place":
        return {row["prefecture"]: float(sum(int(row[name]) for name in divisions)) for row in establishments}
    if attribute == "industry":
        total = {name: sum(int(row[name]) for row in establishments) for name in divisions}
        rows = read_table("db/reference/detailed_industries.tsv")
        detailed = {row["major_group"]: len(row["detailed"].split()) for row in rows}
        parent = {code: SCHEMES["industry"].codes[code].parent for code in leaves("industry", ANY)}
        whole = {name: sum(detailed.get(code, 0) for code in parent if parent[code] == name) for name in divisions}
        return {code: total.get(name, 0) * detailed.get(code, 0) / max(1, whole.get(name, 0)) for code, name in parent.items()}
    return dict.fromkeys(leaves(attribute, ANY), 1.0)
