"""Does a moment carry the clock of its reader and that of Japan, each by name?"""

from datetime import UTC, datetime

from babel.core import get_global

from succession.clocks import moments, zone_of

AT = datetime(2026, 7, 1, 15, 30, tzinfo=UTC)


def test_a_moment_by_both_clocks_and_by_one_where_they_are_the_same():
    assert moments(AT, "IN") == ["2026-07-01 21:00 Asia/Kolkata", "2026-07-02 00:30 Asia/Tokyo"]
    assert moments(AT, "US") == ["2026-07-01 11:30 America/New_York", "2026-07-02 00:30 Asia/Tokyo"], "with its summer time"
    assert moments(AT, "JP") == ["2026-07-02 00:30 Asia/Tokyo"]
    assert moments(AT, None) == moments(AT, "CD") == ["2026-07-01 15:30 UTC", "2026-07-02 00:30 Asia/Tokyo"], "not guessed"


def test_every_country_has_a_zone_that_can_be_told():
    assert all(moments(AT, country) for country in get_global("territory_zones"))
    assert zone_of("TH") == "Asia/Bangkok" and zone_of("IL") == "Asia/Jerusalem"
