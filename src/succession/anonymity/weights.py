"""In which order should generalisations be tried, given what buyers filter by?

A search *needs* an attribute at a level: the coarsest one at which every teaser is certainly inside the wish or certainly
outside it. A teaser that shows the attribute more coarsely cannot answer that search, so what a buyer loses when attribute
a is shown at level x is the share of searches that need it finer than that:

    loss(a, x) = sum of n(a, l) over the levels l finer than x, divided by all searches

with n(a, l) searches needing a at level l. The losses of a node's attributes add up to the share of searches its teasers
cannot answer, searches that fail on two attributes counted twice. So that a few weeks do not overturn a product decision,
the house's own losses count like PRIOR_SEARCHES further searches, scaled to as many wishes per search as were seen:

    q(a, l) = (searches x seen(a, l) + PRIOR_SEARCHES x house(a, l)) / (searches + PRIOR_SEARCHES)
    weight(a) = sum over l of q(a, l);  loss(a, x) = sum over l finer than x of q(a, l) / weight(a)

Whatever the losses are, they only order the nodes: every cell still holds k companies and passes every test. So a log that
somebody fills with false searches can cost buyers usefulness, never a seller anonymity.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from succession.anonymity.nodes import Losses
from succession.codes import ATTRIBUTES, LEVELS, leaves

PRIOR_SEARCHES = 500
SEARCHES_LEAST, DAYS_LEAST = 1_000, 28
SHOWN_LEAST = 5  # a smaller count is hidden from readers and counts as none


class Asked(msgspec.Struct, frozen=True):
    """What a period's searches needed. `needs`: attribute -> searches per level, finest first (none need the last)."""

    searches: int
    days: int
    needs: dict[str, tuple[int, ...]]

    def blurred(self) -> Asked:
        """The same without counts below SHOWN_LEAST."""
        needs = {name: tuple(n if n >= SHOWN_LEAST else 0 for n in counts) for name, counts in self.needs.items()}
        return Asked(self.searches, self.days, needs)


class TooFewSearches(ValueError):
    """There is nothing to learn from yet."""


def needed_level(attribute: str, accepted: Collection[str]) -> int | None:
    """The coarsest level of which every code lies inside the accepted finest codes or outside them; None when the wish
    accepts everything, or nothing."""
    wanted = frozenset(accepted)
    if not wanted or wanted >= leaves(attribute, LEVELS[attribute][-1][0]):
        return None
    levels = range(len(LEVELS[attribute]) - 1, -1, -1)
    return next(x for x in levels if all(_one_side(leaves(attribute, code), wanted) for code in LEVELS[attribute][x]))


def _one_side(code: frozenset[str], wanted: frozenset[str]) -> bool:
    return code <= wanted or not code & wanted


def proposed_losses(asked: Asked, house: Losses) -> Losses:
    """Weights in the house's sum, losses from 0 at the finest level to 100; TooFewSearches below the least sample."""
    if asked.searches < SEARCHES_LEAST or asked.days < DAYS_LEAST:
        raise TooFewSearches
    seen = {name: [n / asked.searches for n in asked.blurred().needs[name][:-1]] for name in ATTRIBUTES}
    mixed = _mixed(seen, house, asked.searches / (asked.searches + PRIOR_SEARCHES))
    total, scale = sum(map(sum, mixed.values())), sum(weight for _, weight, _ in house)
    return tuple((name, max(1, round(scale * sum(mixed[name]) / total)), _rising(mixed[name])) for name in ATTRIBUTES)


def _mixed(seen: Mapping[str, list[float]], house: Losses, share: float) -> dict[str, list[float]]:
    steps = {name: [weight * (b - a) for a, b in zip(losses, losses[1:], strict=False)] for name, weight, losses in house}
    wishes, scale = sum(map(sum, seen.values())), sum(map(sum, steps.values()))
    if not wishes:
        raise TooFewSearches
    return {name: [share * n + (1 - share) * wishes * step / scale for n, step in zip(seen[name], steps[name], strict=True)]
            for name in ATTRIBUTES}  # fmt: skip


def _rising(steps: list[float]) -> tuple[int, ...]:
    total = sum(steps)
    return tuple(round(100 * sum(steps[:x]) / total) if total else 0 for x in range(len(steps))) + (100,)


def answered(levels: Mapping[str, list[float]], asked: Asked) -> dict[str, float]:
    """Attribute -> share of (search that needs it, company) where the teaser is fine enough, 0 to 1.

    `levels` as in a codebook's report: attribute -> share of teasers per level, finest first. Attributes nobody asked
    for are left out.
    """
    found = {}
    for name, counts in asked.blurred().needs.items():
        if sum(counts):
            fine = [sum(levels[name][: level + 1]) for level in range(len(counts))]
            found[name] = sum(n * share for n, share in zip(counts, fine, strict=True)) / sum(counts)
    return found


def answered_in_all(levels: Mapping[str, list[float]], asked: Asked) -> float:
    """The same over all attributes, each wish counting once."""
    shares, needs = answered(levels, asked), asked.blurred().needs
    wishes = sum(sum(needs[name]) for name in shares)
    return sum(share * sum(needs[name]) for name, share in shares.items()) / wishes if wishes else 0.0
