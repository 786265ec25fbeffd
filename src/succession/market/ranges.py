"""Which published bands does a range ask for, and why is every other range refused?

Somebody who may move a bound freely reads any hidden figure to the last yen by watching a teaser come and go: seven
queries take a band to 1 % (attack A4). So a bound stands on an edge between published bands or the request is refused,
with the edges named: they are in every reader's list of codes already.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from succession.codes import BANDS
from succession.codes.attributes import YEN_PER_MILLION
from succession.errors import field_problem
from succession.i18n import Message, _


class Bound(NamedTuple):
    """One end of a range: the field, whether it is the lower end, and how many of its units make one of the table's."""

    field: str
    lower: bool
    units: int


#: Parameter -> bound. The name says which side the edge itself is on, as in db/reference/bands.tsv: a band holds its
#: lower edge, but an asking price its upper one.
BOUNDS: dict[str, Bound] = {
    "revenue_from_yen": Bound("revenue", True, YEN_PER_MILLION),
    "revenue_below_yen": Bound("revenue", False, YEN_PER_MILLION),
    "employees_from": Bound("employees", True, 1),
    "employees_below": Bound("employees", False, 1),
    "founded_from": Bound("founded", True, 1),
    "founded_before": Bound("founded", False, 1),
    "margin_from_percent": Bound("margin", True, 1),
    "margin_below_percent": Bound("margin", False, 1),
    "price_over_yen": Bound("price", True, YEN_PER_MILLION),
    "price_up_to_yen": Bound("price", False, YEN_PER_MILLION),
}


def edges(parameter: str) -> tuple[str, ...]:
    """The values a bound may have: the edges between its field's finest bands."""
    bound = BOUNDS[parameter]
    return tuple(str(edge * bound.units) for edge in BANDS[bound.field][1])


def read_ranges(asked: Mapping[str, str | None]) -> dict[str, tuple[str, ...]]:
    """Field -> the finest bands that lie inside its range; a field without bounds is not in it.

    Problem validation names the edges for a bound that cuts through a band, and for a range that holds nothing.
    """
    limits: dict[str, dict[bool, int]] = {}
    for name, bound in BOUNDS.items():
        if asked.get(name) is not None:
            limits.setdefault(bound.field, {})[bound.lower] = _edge_number(name, asked[name])
    found = {}
    for field, ends in limits.items():
        # Band n lies between edge n - 1 and edge n; `negotiable`, which has no amount, lies in no range.
        codes = BANDS[field][0][ends.get(True, -1) + 1 : ends.get(False, len(BANDS[field][1])) + 1]
        if not codes:
            name = next(name for name, bound in BOUNDS.items() if bound == (field, False, bound.units))
            raise field_problem(name, Message.of(_("This range holds nothing: its end is not above its beginning.")), edges(name))
        found[field] = codes
    return found


def _edge_number(parameter: str, text: str) -> int:
    allowed = edges(parameter)
    if text not in allowed:
        raise field_problem(
            parameter, Message.of(_("A range may only begin or end where a published band does, not inside one.")), allowed)
    return allowed.index(text)
