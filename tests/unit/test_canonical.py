"""Does the same entry always give the same bytes, and does every change to a chain show?"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from succession.disclosure import canonical
from succession.disclosure.canonical import BrokenLink, Head, LedgerRow, NotCanonical, encode, verify_chain

LISTING = UUID("00000000-0000-4000-8000-000000000001")
OTHER_LISTING = UUID("00000000-0000-4000-8000-000000000002")


class Kind(StrEnum):
    GRANT = "grant"


def test_the_encoding_is_pinned_to_the_byte():
    at = datetime(2026, 11, 22, 9, 30, tzinfo=timezone(timedelta(hours=9)))
    entry = {"kind": "grant_released", "at": at, "on": date(2026, 11, 22), "deal_id": LISTING, "levels": ("dossier", 3),
             "live": True, "note": None, "ja": "承諾"}
    assert encode(entry) == (
        '{"at":"2026-11-22T00:30:00.000000Z","deal_id":"00000000-0000-4000-8000-000000000001","ja":"承諾",'
        '"kind":"grant_released","levels":["dossier",3],"live":true,"note":null,"on":"2026-11-22","v":1}').encode()


@pytest.mark.parametrize("value", [
    1.0, float("nan"), Decimal(1), b"bytes", {1, 2}, object(), datetime(2026, 1, 1), 2**63, -(2**63) - 1, Kind.GRANT,
    "e\u0301", "\ud800", {"Upper": 1}, {"": 1}, {1: 1}, {"kana_カ": 1}, [[[[[[[[[1]]]]]]]]], "x" * 65536,
])
def test_what_has_no_single_spelling_is_refused(value):
    with pytest.raises(NotCanonical):
        encode({"field": value})


def test_the_version_cannot_be_set_by_the_entry():
    with pytest.raises(NotCanonical):
        encode({"v": 1})


def test_a_refusal_names_the_place_and_not_the_content():
    with pytest.raises(NotCanonical) as caught:
        encode({"buyer": {"names": ["plain", "Dvor\u030ca\u0301k"]}})
    assert "entry.buyer.names[1]" in str(caught.value) and "Dvo" not in str(caught.value)


leaf = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text().filter(
    lambda s: unicodedata.is_normalized("NFC", s) and "\ud800" not in s)
entries = st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(lambda k: k != "v"),
                          st.recursive(leaf, lambda v: st.lists(v, max_size=3), max_leaves=5), max_size=6)


@given(entries, st.randoms())
def test_order_of_keys_does_not_matter_and_reading_back_gives_the_entry(entry, random):
    keys = list(entry)
    random.shuffle(keys)
    raw = encode({key: entry[key] for key in keys})
    assert raw == encode(entry)
    assert canonical.decode(raw) == entry


@given(st.datetimes(min_value=datetime(1900, 1, 2), max_value=datetime(2999, 1, 1)), st.integers(-12 * 60, 14 * 60))
def test_a_moment_has_one_spelling_in_whatever_zone_it_came(moment, offset_minutes):
    here = moment.replace(tzinfo=UTC)
    there = here.astimezone(timezone(timedelta(minutes=offset_minutes)))
    assert encode({"at": here}) == encode({"at": there})


@pytest.mark.parametrize("raw", [
    b'{"a":1, "v":1}', b'{"v":1,"a":1}', b'{"a":1}', b'{"a":1,"v":2}', b'{"a":1.0,"v":1}', b'{"a":1,"a":1,"v":1}',
    b'{"a":"\\u3042","v":1}', b"[]", b"", b"\xff", b'{"a":1,"v":true}', b'{"a":NaN,"v":1}', b"[" * 100_000,
    '{"a":"e\u0301","v":1}'.encode(),
])
def test_bytes_that_only_look_alike_are_not_canonical(raw):
    with pytest.raises(NotCanonical):
        canonical.decode(raw)


# -- commitments -------------------------------------------------------------------------------------------------------


def test_a_commitment_is_hmac_sha256_and_opens_only_with_its_value_and_salt():
    salt = bytes(range(16))
    made = canonical.commit("value", salt)
    assert made == "1fc90bcbce2dd641c5259497165b89bac90b46ef0395b1313a47b7f2189b6e03"
    assert canonical.opens(made, "value", salt)
    assert not canonical.opens(made, "Value", salt)
    assert not canonical.opens(made, "value", bytes(16))
    assert canonical.commit("e\u0301", salt) == canonical.commit("\u00e9", salt)
    with pytest.raises(ValueError, match="16 bytes"):
        canonical.commit("value", b"short")


# -- the chain ---------------------------------------------------------------------------------------------------------


def chain(count: int, listing: UUID = LISTING) -> list[LedgerRow]:
    rows, prev = [], canonical.genesis(listing)
    for seq in range(1, count + 1):
        body = encode({"kind": "note", "number": seq})
        rows.append(LedgerRow(seq, body, prev, canonical.entry_hash(prev, body)))
        prev = rows[-1].hash
    return rows


def replace(row: LedgerRow, **changes: object) -> LedgerRow:
    return msgspec.structs.replace(row, **changes)


def test_an_untouched_chain_holds():
    rows = chain(5)
    assert verify_chain(LISTING, rows, None) is None
    assert verify_chain(LISTING, rows, Head(5, rows[-1].hash)) is None
    assert verify_chain(LISTING, [], Head(0, canonical.genesis(LISTING))) is None


def test_genesis_and_hash_are_what_the_database_computes():
    assert canonical.genesis(LISTING) == hashlib.sha256(f"succession-ledger:{LISTING}".encode()).digest()
    assert canonical.entry_hash(bytes(32), b"x") == hashlib.sha256(bytes(32) + b"x").digest()
    with pytest.raises(ValueError, match="32 bytes"):
        canonical.entry_hash(b"short", b"x")


@pytest.mark.parametrize("n", range(5))
def test_every_kind_of_tampering_names_the_first_broken_link(n):
    rows, seq = chain(5), n + 1
    other = encode({"kind": "note", "number": 99})

    def altered(**changes: object) -> list[LedgerRow]:
        return [replace(row, **changes) if row.seq == seq else row for row in rows]

    assert verify_chain(LISTING, altered(body=other), None) == BrokenLink(seq, "hash")
    assert verify_chain(LISTING, altered(hash=bytes(32)), None) == BrokenLink(seq, "hash")
    assert verify_chain(LISTING, altered(prev=bytes(32)), None) == BrokenLink(seq, "prev")
    rehashed = altered(body=other, hash=canonical.entry_hash(rows[n].prev, other))
    if seq < 5:  # rewriting one entry with its own hash breaks the next; the last one only a remembered head shows
        assert verify_chain(LISTING, rehashed, None) == BrokenLink(seq + 1, "prev")
    assert verify_chain(LISTING, rehashed, Head(5, rows[-1].hash)) == (BrokenLink(min(seq + 1, 5),
                                                                                 "prev" if seq < 5 else "head"))


def test_gaps_repeats_swaps_and_cut_tails_show():
    rows = chain(5)
    assert verify_chain(LISTING, rows[1:], None) == BrokenLink(2, "gap")
    assert verify_chain(LISTING, rows[:2] + rows[3:], None) == BrokenLink(4, "gap")
    assert verify_chain(LISTING, [*rows[:3], rows[2], *rows[3:]], None) == BrokenLink(3, "order")
    assert verify_chain(LISTING, [rows[0], rows[2], rows[1], *rows[3:]], None) == BrokenLink(3, "gap")
    renumbered = [rows[0], replace(rows[2], seq=2), replace(rows[1], seq=3), *rows[3:]]
    assert verify_chain(LISTING, renumbered, None) == BrokenLink(2, "prev")
    assert verify_chain(LISTING, rows[:3], None) is None
    assert verify_chain(LISTING, rows[:3], Head(5, rows[-1].hash)) == BrokenLink(4, "cut_off")
    assert verify_chain(LISTING, [], Head(5, rows[-1].hash)) == BrokenLink(1, "cut_off")
    assert verify_chain(LISTING, rows, Head(4, rows[3].hash)) == BrokenLink(5, "head")


def test_one_listings_chain_does_not_pass_for_anothers():
    assert verify_chain(OTHER_LISTING, chain(3), None) == BrokenLink(1, "prev")


def test_a_well_hashed_body_must_still_be_canonical():
    prev, body = canonical.genesis(LISTING), b'{"v":1, "kind":"note"}'
    assert verify_chain(LISTING, [LedgerRow(1, body, prev, canonical.entry_hash(prev, body))], None) == (
        BrokenLink(1, "body"))


# -- many at once ------------------------------------------------------------------------------------------------------


def one_by_one(raw: bytes) -> dict[str, object] | None:
    """The slow way, written down once more: read it, write it, compare."""
    try:
        body = json.loads(raw)
        if type(body) is not dict or type(body.get("v")) is not int or body.pop("v") != 1 or encode(body) != raw:
            return None
    except (ValueError, TypeError, RecursionError):
        return None
    return body


ascii_leaf = st.none() | st.booleans() | st.integers(-(2**63) - 2, 2**63 + 1) | st.text(st.characters(max_codepoint=0x80), max_size=6) | st.floats()
ascii_keys = st.sampled_from(["a", "kind", "at", "v", "A", "", "b_1"])
ascii_entries = st.dictionaries(ascii_keys, st.recursive(ascii_leaf, lambda v: st.lists(v, max_size=2) | st.dictionaries(ascii_keys, v, max_size=2),
                                                         max_leaves=12), max_size=4)
broken = st.sampled_from([b"", b"\n", b" ", b"{}", b'{"v":1}\n{"v":1}', b'{"a":{},"v":1}', b'{"v":1.0}', b'{"a":1e2,"v":1}', b'"', b",", b"\\u0041",
                          b'{"v":1,"v":1}', b'{"a":' + b"[" * 8 + b"]" * 8 + b',"v":1}', b'{"a":' + b"[" * 7 + b"1" + b"]" * 7 + b',"v":1}'])


@st.composite
def spelled(draw):
    """An entry as json.dumps writes it, canonical or not, now and then cut, joined with another or with something put in."""
    entry = draw(ascii_entries) | ({"v": 1} if draw(st.booleans()) else {})
    raw = json.dumps(entry, sort_keys=draw(st.booleans()), separators=(",", draw(st.sampled_from([":", ": "])))).encode()
    place = draw(st.integers(0, len(raw)))
    return draw(st.sampled_from([raw, raw, raw[:place], raw[:place] + draw(broken) + raw[place:], draw(broken)]))


@settings(max_examples=400, deadline=None)
@given(st.lists(spelled(), max_size=4))
def test_what_is_read_at_once_is_what_is_read_one_by_one(raws):
    bodies = [one_by_one(raw) for raw in raws]
    for raw, body in zip(raws, bodies, strict=True):
        if body is None:
            with pytest.raises(NotCanonical):
                canonical.decode(raw)
        else:
            assert canonical.decode(raw) == body
    surely = canonical.decode_all(raws)
    assert surely is None or surely == bodies


def test_entries_whose_keys_were_met_are_read_at_once(monkeypatch):
    monkeypatch.setattr(canonical, "_keys", {"v"})  # other tests have met as many as are kept
    monkeypatch.setattr(canonical, "_reader", canonical._reader)
    raws = [encode({"met": {"before": [n, None, "x"]}, "kind": "note"}) for n in range(3)]
    canonical.decode(raws[0])
    assert canonical.decode_all(raws) == [canonical.decode(raw) for raw in raws]
    for wrong in (b"\n".join(raws), raws[0] + b"\n", raws[0].replace(b"1}", b"true}"), raws[0].replace(b":[0,", b": [0,")):
        assert canonical.decode_all([raws[1], wrong]) is None
    # Two entries in one row and one in two: as many lines, and none of them what stands in its row.
    assert canonical.decode_all([raws[0] + b"\n" + raws[1], raws[2][:20], raws[2][20:]]) is None
