"""Which bit of a stored audience set stands for which audience?"""

from __future__ import annotations

from collections.abc import Iterable

#: Audiences are a set, not a ladder; each needs its own consent of the owner (domain terms: see scheme `audience`).
AUDIENCE_BIT = {"public": 1, "verified_buyers": 2, "agency_desk": 4, "domestic_institutions": 8}


def audience_mask(audiences: Iterable[str]) -> int:
    """The bitmask of a set of audience codes; KeyError for an unknown one."""
    mask = 0
    for audience in audiences:
        mask |= AUDIENCE_BIT[audience]
    return mask


def audiences_in(mask: int) -> tuple[str, ...]:
    """The audience codes of a bitmask, in scheme order; ValueError for bits nobody defined."""
    if not 0 <= mask < 2 * max(AUDIENCE_BIT.values()):
        raise ValueError(f"not an audience mask: {mask}")
    return tuple(audience for audience, bit in AUDIENCE_BIT.items() if mask & bit)
