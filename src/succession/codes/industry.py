"""Which major group does a JSIC code belong to?"""

from __future__ import annotations

import re
import unicodedata

from succession.codes.schemes import SCHEMES

# Codes like 0900 or 0909 classify a head office or a warehouse, not what a company does, so they are not values here:
# no filter, label or statistic offers them. As input they still tell the major group.
ADMINISTRATIVE_GROUP = "0"

_SHAPE = re.compile(r"([0-9]{2})([0-9]?)([0-9]?)")


def jsic_two_digit(code: str) -> str:
    """The two-digit major group of a JSIC rev. 14 code of two, three or four digits ('1023' -> '10').

    Full-width digits and surrounding spaces are accepted. The digits after the second are not checked against the
    detailed lists: they never leave the vault. ValueError when the shape or the major group does not exist.
    """
    match = _SHAPE.fullmatch(unicodedata.normalize("NFKC", code).strip())
    if match is None or match[1] not in SCHEMES["jsic"].codes:
        raise ValueError(f"not a JSIC rev. 14 code: {code!r}")
    return match[1]


def is_administrative(code: str) -> bool:
    """Whether a three- or four-digit code is one of JSIC's administrative ones (nn0, nn00, nn09)."""
    match = _SHAPE.fullmatch(code)
    return match is not None and match[2] == ADMINISTRATIVE_GROUP


def division_of(code: str) -> str:
    """The division A-T of any JSIC code of two to four digits. ValueError as `jsic_two_digit`."""
    parent = SCHEMES["jsic"].codes[jsic_two_digit(code)].parent
    assert parent is not None
    return parent
