"""May this listing be published, and if not, what is in the way? In the reader's language."""

from __future__ import annotations

from datetime import date

import msgspec

from succession.i18n import Message, translate
from succession.listings.completeness import contradictions, missing_for_publication
from succession.listings.profile import Profile


class Remark(msgspec.Struct, frozen=True):
    """One field, and a sentence about it."""

    field: str
    message: str


class Readiness(msgspec.Struct, frozen=True):
    """`ready` when nothing is missing and nothing refused; `flags` are hints to look at, such as old figures."""

    ready: bool
    missing: list[Remark]
    contradictions: list[Remark]
    flags: list[Remark]


def readiness_of(profile: Profile, today: date, locale: str) -> Readiness:
    """What `missing_for_publication` and `contradictions` say, translated."""
    missing = [_remark(each.field_path, each.message, locale) for each in missing_for_publication(profile)]
    found = contradictions(profile, today)
    refused = [_remark(each.field_path, each.message, locale) for each in found if each.refused]
    flags = [_remark(each.field_path, each.message, locale) for each in found if not each.refused]
    return Readiness(not missing and not refused, missing, refused, flags)


def _remark(field_path: str, message: Message, locale: str) -> Remark:
    return Remark(field_path, translate(message, locale))
