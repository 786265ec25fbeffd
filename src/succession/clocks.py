"""What time is it where a reader is, and in Japan? Each with the name of its zone, so that nobody has to guess which is meant."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from babel.core import get_global

HOME = "Asia/Tokyo"
# Where a country has several, that of the city most of its companies are in or near; the zone stands beside the time in any case.
_CHOSEN = {
    "AR": "America/Argentina/Buenos_Aires", "AU": "Australia/Sydney", "BR": "America/Sao_Paulo", "CA": "America/Toronto",
    "CL": "America/Santiago", "CN": "Asia/Shanghai", "CY": "Asia/Nicosia", "DE": "Europe/Berlin", "ES": "Europe/Madrid",
    "ID": "Asia/Jakarta", "KZ": "Asia/Almaty", "MN": "Asia/Ulaanbaatar", "MX": "America/Mexico_City", "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland", "PT": "Europe/Lisbon", "RU": "Europe/Moscow", "UA": "Europe/Kyiv", "US": "America/New_York",
    "UZ": "Asia/Tashkent",
}  # fmt: skip


def zone_of(country: str | None) -> str:
    """The IANA name of a country's zone; UTC where it has several and none is chosen here, or is not known."""
    zones = get_global("territory_zones").get(country or "", [])
    return _CHOSEN.get(country or "") or (zones[0] if len(zones) == 1 else "UTC")


def moments(at: datetime, country: str | None) -> list[str]:
    """A moment by the clock of a country and by that of Japan: one line each, one where they are the same."""
    return [f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {zone}" for zone in dict.fromkeys((zone_of(country), HOME))]
