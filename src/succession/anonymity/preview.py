"""Which facts did the codebook coarsen for this company, to what, and because of how many look-alikes?

For the seller only (rule 6 of anonymisation.md, section 4): it counts companies of the reference population, never
listings, and no buyer is told a count.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

import msgspec
import numpy as np

from succession.anonymity.codebook import Cell, Codebook, Profile, attributes_of
from succession.anonymity.nodes import climb, key_numbers, leaf_numbers
from succession.anonymity.population import EligibilityRule, Population, eligible, is_eligible
from succession.codes import ATTRIBUTES, LEVELS, ancestors, jsic_two_digit, level_of
from succession.i18n import Message, _

FINEST = (0,) * len(ATTRIBUTES)


class LookAlikes:
    """How many companies of the population share a generalised key: counts per finest key, kept beside a codebook."""

    def __init__(self, leaves: np.ndarray, companies: np.ndarray) -> None:
        self._leaves, self._companies = leaves, companies

    @classmethod
    def of(cls, population: Population, rule: EligibilityRule) -> LookAlikes:
        rows = leaf_numbers(population, np.flatnonzero(eligible(population, rule)))
        _numbers, first, companies = np.unique(key_numbers(FINEST, rows), return_index=True, return_counts=True)
        return cls(rows[first].astype(np.int16), companies.astype(np.int32))

    def encode(self) -> bytes:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, leaves=self._leaves, companies=self._companies)
        return buffer.getvalue()

    @classmethod
    def decode(cls, stored: bytes) -> LookAlikes:
        with np.load(io.BytesIO(stored), allow_pickle=False) as arrays:
            return cls(arrays["leaves"], arrays["companies"])

    def count(self, codes: dict[str, str]) -> int:
        """Companies inside every one of these codes, one per attribute, at whatever levels."""
        within = np.ones(len(self._leaves), dtype=bool)
        for column, name in enumerate(ATTRIBUTES):
            level = level_of(name, codes[name])
            within &= climb(name)[level][self._leaves[:, column]] == LEVELS[name][level].index(codes[name])
        return int(self._companies[within].sum())


class ShownFact(msgspec.Struct, frozen=True):
    """One attribute. `own` is the company's finest code, `shown` what its teaser says.

    `finer` is the code one level below `shown`, None when nothing was coarsened; `look_alikes` companies share it
    together with everything else the teaser shows.
    """

    attribute: str
    own: str
    shown: str
    finer: str | None
    look_alikes: int | None
    reason: Message | None


class AnonymityReport(msgspec.Struct, frozen=True):
    """`cell` None: no teaser keeps this company anonymous, and `refusal` says why. `shared_by` includes the company."""

    cell: Cell | None
    k: int
    shared_by: int
    facts: tuple[ShownFact, ...]
    refusal: Message | None


TOO_FEW = _("Only {look_alikes} companies share it together with the rest of the teaser; {k} are needed.")
TOO_ALIKE = _(
    "{look_alikes} companies share it together with the rest of the teaser, but too many of them are told apart by their "
    "own teasers, or they are too alike in town, trade or size to hide among."
)
NOT_ELIGIBLE = _("The reference population holds no companies of this size or kind, so there is nobody to hide among.")
NO_CELL = _("Too few companies of the reference population resemble this one, however coarsely it is described.")


def report(codebook: Codebook, look_alikes: LookAlikes, profile: Profile,
           kept: Mapping[str, str] | None = None) -> AnonymityReport:
    """What the teaser of a company would show and why no more. KeyError or ValueError for codes that do not exist.

    `kept`: the codes of a cell of this codebook that is shown again instead of the one the walk would find.
    """
    cell = codebook.cell_at(tuple(kept[name] for name in ATTRIBUTES)) if kept else codebook.lookup(*profile)
    if cell is None:
        group = int(jsic_two_digit(profile.industry2))
        fits = is_eligible(codebook.header.rule, group, profile.employees, profile.revenue_yen)
        return AnonymityReport(None, codebook.k, 0, (), Message.of(NO_CELL if fits else NOT_ELIGIBLE))
    shown = dict(zip(ATTRIBUTES, cell.key, strict=True))
    own = attributes_of(profile)
    facts = tuple(_fact(name, own[name], shown, look_alikes, codebook.k) for name in ATTRIBUTES)
    return AnonymityReport(cell, codebook.k, cell.size, facts, None)


def _fact(name: str, own: str, shown: dict[str, str], look_alikes: LookAlikes, k: int) -> ShownFact:
    if shown[name] == own:
        return ShownFact(name, own, own, None, None, None)
    chain = (own, *ancestors(name, own))
    finer = chain[chain.index(shown[name]) - 1]
    companies = look_alikes.count({**shown, name: finer})
    reason = Message.of(TOO_FEW if companies < k else TOO_ALIKE, look_alikes=companies, k=k)
    return ShownFact(name, own, shown[name], finer, companies, reason)
