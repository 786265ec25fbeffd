"""Which figures exist at all: of what, over which axes, for which months?

The cubes below are everything an agency can ask for; another combination of axes, a filter, a day or an open month is
refused, because two answers that differ by one company are that company. What follows from that:

- Every cube is suppressed once, when its month has closed, then stored and never computed again: a correction of
  last month would show itself as a difference. A late entry counts in the month it was made.
- Flows (who reached a stage in this month) are of different deals each month and are published monthly. Stocks (how
  many stand in a state) differ from month to month by single moves, so they are published for quarter ends only, and a
  figure stays as it was last shown until it has moved by five (closing.py): quarter minus quarter is never one listing.
- Cubes of one resource and sheet share the national total and nothing else; it is never hidden to protect a cell of one
  of them (suppression.py), so they can be suppressed one by one. A margin is read from the cube it belongs to, never
  published twice.
- Sheets (stages, states) are not summed: a deal counts in every stage it reached.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from succession.codes import LEVELS, SCHEMES
from succession.days import add_months
from succession.deals.lifecycle import STAGE_NUMBERS

AXES: dict[str, tuple[str, ...]] = {
    "prefecture": tuple(SCHEMES["prefecture"].codes),
    "division": tuple(code for code in SCHEMES["jsic"].codes if code.isalpha()),
    "revenue_band": LEVELS["revenue"][0],
    "buyer_country": tuple(SCHEMES["country"].codes),
}

_STAGES = (*STAGE_NUMBERS, "completed")
_STATES = ("intake", "mandated", "preparing", "listed", "approached", "suspended")
_HANDED_OVER = ("closings",)


class Cube(msgspec.Struct, frozen=True):
    """One fixed table per month and sheet. `counts` names what is counted; `amounts` what is summed beside it, if
    anything, over the same things. `every_months`: 1 each month, 3 at quarter ends."""

    name: str
    resource: Literal["funnel", "stages", "breakdown"]
    sheets: tuple[str, ...]
    axes: tuple[str, ...]
    counts: str
    amounts: str | None
    every_months: Literal[1, 3]


CUBES: tuple[Cube, ...] = (
    # name, resource, sheets, axes, what is counted, what is summed, every n months
    Cube("funnel_place_trade", "funnel", _STAGES, ("prefecture", "division"), "deals_reaching_stage", None, 1),
    Cube("funnel_size", "funnel", _STAGES, ("revenue_band",), "deals_reaching_stage", None, 1),
    Cube("funnel_buyer", "funnel", _STAGES, ("buyer_country",), "deals_reaching_stage", None, 1),
    Cube("stages_place_trade", "stages", _STATES, ("prefecture", "division"), "listings_in_state", None, 3),
    Cube("stages_size", "stages", _STATES, ("revenue_band",), "listings_in_state", None, 3),
    Cube("closings_place_trade", "breakdown", _HANDED_OVER, ("prefecture", "division"), "closings", "revenue_yen", 1),
    Cube("closings_size", "breakdown", _HANDED_OVER, ("revenue_band",), "closings", "revenue_yen", 1),
    Cube("closings_buyer", "breakdown", _HANDED_OVER, ("buyer_country",), "closings", "revenue_yen", 1),
)


def axis_values(cube: Cube) -> tuple[tuple[str, ...], ...]:
    """Every value of every axis, whether or not anything was counted under it."""
    return tuple(AXES[axis] for axis in cube.axes)


# ---------------------------------------------------------------------------------------------------------------------
# Questions


class UnknownShape(LookupError):
    """Not one of the fixed tables. `offered` are the combinations of axes this resource has."""

    def __init__(self, offered: tuple[tuple[str, ...], ...]) -> None:
        super().__init__("not one of the fixed tables")
        self.offered = offered


def shapes(resource: str) -> tuple[tuple[str, ...], ...]:
    """Combinations of axes that may be asked of a resource, the nation alone (no axis) first."""
    offered: list[tuple[str, ...]] = [()] if any(c.resource == resource for c in CUBES) else []
    for cube in CUBES:
        if cube.resource == resource:
            offered += [(axis,) for axis in cube.axes] + ([cube.axes] if len(cube.axes) > 1 else [])
    return tuple(offered)


def find_cube(resource: str, by: tuple[str, ...]) -> Cube:
    """The one cube that answers `resource` by these axes (in any order). Raises UnknownShape.

    The answer is its margin over `by` (`suppression.projected`); no axis is the grand total of the first cube.
    """
    for cube in CUBES:
        if cube.resource == resource and len(set(by)) == len(by) and (
                len(by) <= 1 or set(by) == set(cube.axes)) and set(by) <= set(cube.axes):
            return cube
    raise UnknownShape(shapes(resource))


# ---------------------------------------------------------------------------------------------------------------------
# Months: always the first day, in Japan


def month_of(day: date) -> date:
    return day.replace(day=1)


def is_open(month: date, today: date) -> bool:
    """True until the month has ended in Japan; nothing of an open month is ever published."""
    return today < add_months(month_of(month), 1)


def publishes(cube: Cube, month: date, today: date) -> bool:
    """Whether this cube has a table for this month on the day `today`."""
    return month.day == 1 and not is_open(month, today) and month.month % cube.every_months == 0


def closed_months(cube: Cube, first: date, today: date) -> list[date]:
    """Months from `first` on that this cube may be computed for today, oldest first."""
    months, month = [], month_of(first)
    while not is_open(month, today):
        if publishes(cube, month, today):
            months.append(month)
        month = add_months(month, 1)
    return months
