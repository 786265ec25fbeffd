"""Is every field of the profile kept somewhere, and does it come back as it was put?"""

from __future__ import annotations

from typing import Any, get_type_hints

import msgspec
from sqlmodel import SQLModel

from succession.listings import profile as parts
from succession.listings.profile import Profile
from succession.listings.storage import COLUMNS, profile_of, rows_of, years_of
from succession.tables import listings as tables

FULL: dict[str, Any] = {
    "succession": {"status": "family_declined", "declared_by": "架空 花子", "declared_on": "2025-04-01",
                   "checkup_reference": "S-77", "alternatives_tried": ["family", "employee"],
                   "first_consulted_on": "2024-11-05", "channel": "chamber"},
    "identity": {
        "name": "架空醸造株式会社", "name_kana": "カクウジョウゾウ", "name_en_declared_none": True, "name_en": None,
        "name_romaji": "Kaku Jozo", "name_romaji_confirmed": True, "legal_form": "kk",
        "corporate_number": "2999900000018", "internal_key": "K-1",
        "representative": {"name": "架空 花子", "name_kana": "カクウ ハナコ", "name_romaji": "Kaku Hanako"},
        "family_names": [{"name": "架空 次郎"}], "sites": [{"label": "本社", "postal_code": "000-0000", "address": "無県架空市0-0"}],
        "phones": ["0000-00-0000"], "urls": ["https://kaku.example/"], "email_domains": ["kaku.example"],
        "brands": ["架空正宗"], "former_names": ["架空酒造"], "group_companies": [], "main_customers": ["無名商店"],
        "main_suppliers": ["無名農園"]},
    "business": {"jsic_code": "1024", "prefecture": "JP-05", "municipality": "架空市", "founded_on": "1902-03-01",
                 "founded_year": 1902, "employees": 12, "capital_yen": 10_000_000, "outline": "清酒の製造。",
                 "strengths": "水。", "products": ["清酒"]},
    "financials": [{"period_end": f"202{n}-06-30", "revenue_yen": n * 10**8, "operating_profit_yen": -n,
                    "adjusted_ebitda_yen": n, "net_assets_yen": -5, "debt_yen": 7} for n in (5, 4, 3)],
    "owner": {"birth_year": 1949, "reason": "no_successor", "reason_note": "子は東京に。"},
    "terms": {"schemes": ["share_transfer", "business_transfer_full"], "timing": "6_12m",
              "asking_price": {"amount_yen": 10**8, "negotiable": False, "basis": "equity", "method": "nenbai",
                               "as_of": "2025-06-30", "indicative": True},
              "conditions": [{"code": "keep_employees", "note": "全員"}]},
    "guarantees": [{"lender": "無名信用金庫", "kind": "personal_guarantee", "amount_yen": 3 * 10**7}],
    "permits": [{"name": "酒類製造免許", "number": "1", "authority": "税務署", "expires_on": "2030-01-01"}],
    "real_estate": [{"kind": "land", "address": "無県", "held_by": "owner", "secured": True}],
    "intellectual_property": [{"kind": "trademark", "title": "架空正宗", "number": "0000000", "owner_of_record": "架空",
                               "encumbrances": [{"kind": "pledge", "beneficiary": "無名", "note": "x"}], "disputes": ["none known"]}],
    "facts": ["long_established"],
}  # fmt: skip


def full() -> Profile:
    raw = msgspec.json.decode(msgspec.json.encode(FULL))
    raw["intellectual_property"][0]["kind"] = parts.allowed_values("intellectual_property.kind")[0]
    raw["intellectual_property"][0]["encumbrances"][0]["kind"] = parts.allowed_values("intellectual_property.encumbrances.kind")[0]
    raw["terms"]["conditions"][0]["code"] = parts.allowed_values("terms.conditions.code")[0]
    return msgspec.convert(raw, Profile)


def stored(subject: Profile) -> dict[str, Any]:
    return {column: value for row in rows_of(subject).values() for column, value in row.items()}


def leaves(struct: type, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for name, hint in get_type_hints(struct).items():
        inner = [each for each in getattr(hint, "__args__", ()) if isinstance(each, type)]
        block = next((each for each in inner if issubclass(each, msgspec.Struct)), None)
        found |= leaves(block, (*path, name)) if block else {(*path, name)}
    return found


def test_every_field_has_one_column_and_no_column_repeats():
    placed = [names for columns in COLUMNS.values() for names in columns.values()]
    assert set(placed) | {("financials",)} == leaves(Profile)
    columns = [column for each in COLUMNS.values() for column in each]
    assert len(columns) == len(set(columns)) and len(placed) == len(set(placed))


def test_the_columns_are_those_of_the_tables():
    mapped = {table.name: set(table.columns.keys()) for table in SQLModel.metadata.tables.values() if table.schema == "vault"}
    assert tables.ListingProfile.__tablename__ in mapped
    for table, columns in COLUMNS.items():
        assert mapped[table] - {"listing_id", "intermediary_id"} == set(columns)


def test_what_was_put_is_what_is_read():
    assert profile_of(stored(full()), years_of(full())) == full()


def test_an_empty_list_is_an_answer_and_a_missing_one_is_not():
    said = msgspec.convert({"permits": [], "identity": {"phones": []}}, Profile)
    assert profile_of(stored(said), []) == said
    assert profile_of(stored(Profile()), []) == Profile()


def test_an_empty_block_reads_as_absent_and_years_latest_first():
    put = msgspec.convert({"owner": {}, "financials": [{"period_end": "2023-03-31"}, {"period_end": "2025-03-31"}]}, Profile)
    read = profile_of(stored(put), reversed(years_of(put)))
    assert read.owner is None
    assert [year.period_end.year for year in read.financials] == [2025, 2023]
