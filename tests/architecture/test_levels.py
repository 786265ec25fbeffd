"""Does anything of the vault reach an answer past the table of levels?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

from succession.app import create_app
from succession.config import Settings
from succession.disclosure.levels import BLOCKS, FIELDS, ROWS, STRUCTS, FiscalYear, fact_groups, fields_in
from succession.disclosure.reading_queries import Dossier
from succession.listings.profile import Profile, cell_facts
from succession.listings.storage import profile_of, rows_of, years_of
from succession.permissions import PERMISSIONS

SOURCE = Path(__file__).parents[2] / "src" / "succession"
APP = create_app(Settings.from_env({"SUCCESSION_DEMO": "1", "SUCCESSION_SECRET_KEY": "k" * 32}))
COMPLETE = {
    "business": {"jsic_code": "2441", "prefecture": "JP-29", "founded_year": 1983, "employees": 34, "capital_yen": 1, "outline": "x"},
    "financials": [{"period_end": "2025-03-31", "revenue_yen": 420_000_000, "operating_profit_yen": 21_000_000}],
    "identity": {"name": "x", "sites": []}, "terms": {"schemes": ["share_transfer"]}, "plan": {"outline": "x"}, "market": {"outline": "x"},
}  # fmt: skip
COLUMNS = {row.column for row in ROWS} - {"listing_id", "intermediary_id"}  # ids of things, not facts of a company
OUTSIDERS = {"acquirer", "agency"}

#: Structs that outsiders may read and that have a field called as a column -> what it is there. Whoever adds one says so here.
NOT_OF_THE_VAULT = {
    "OrganisationEntry": "an organisation's own name and standing", "OrganisationView": "the same", "Registration": "the same",
    "BuyerFacts": "the same, of the buyer", "LetterSent": "standing of an account", "MemberView": "the same", "ResetAnswer": "the same",
    "TeaserView": "codes of a cell and coded wishes, approved by the owner", "FoundTeaser": "the same", "Wishes": "what an acquirer wishes",
    "OpenAction": "why a step of a deal is taken, coded", "EventView": "the same",
    "EventForBuyer": "what is held against a buyer, coded", "EventForOperator": "the same", "EventForReporter": "the same",
    "PeopleView": "the reader's own officers",
}  # fmt: skip
#: Modules outside listings/ that read tables of the vault by name -> why that is no way round the table.
READERS = {
    "disclosure/reading_queries.py": "the memorandum, by the table",
    "disclosure/commands/release.py": "the schedule that binds an agreement to its principal: readable under a live grant only",
    "deals/queries.py": "guarantees of one's own deal: the view gives a buyer the row of a live dossier only",
    "deals/commands.py": "the industry a hint is made of, for who has the dossier",
    "metrics/closing.py": "closed months over fixed cubes", "market/exposures.py": "counts of what would be left, for the holder and the operator",
    "market/looks.py": "a key to count looks by",
    "market/match_queries.py": "the owner's conditions, for the listing's holder alone, beside what a buyer offers",
    "pages/knowledge.py": "the name at the head of its holder's own page, by row-level security",
}  # fmt: skip


def _structs(hint: Any, seen: set[type]) -> set[type]:
    """Every Struct an answer of this type can hold."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct) and hint not in seen:
        seen.add(hint)
        for inner in get_type_hints(hint).values():
            _structs(inner, seen)
    for inner in get_args(hint):
        _structs(inner, seen)
    return seen


def _answers() -> dict[type, set[str]]:
    """Struct -> the operations whose answers hold it, of those that an outsider may ask."""
    found: dict[type, set[str]] = {}
    for route in APP.routes:
        for handler in getattr(route, "route_handlers", ()):
            permission = handler.opt.get("permission")
            if not getattr(handler, "operation_id", None) or permission and not OUTSIDERS & PERMISSIONS[permission].kinds:
                continue
            for struct in _structs(handler.parsed_fn_signature.return_type.annotation, set()):
                found.setdefault(struct, set()).add(handler.operation_id)
    return found


def test_no_column_of_the_vault_reaches_an_outsider_except_through_the_table():
    ours = {*STRUCTS.values(), FiscalYear, Dossier}
    telling = {struct.__name__: sorted(COLUMNS & set(struct.__struct_fields__)) for struct in _answers()
               if struct not in ours and COLUMNS & set(struct.__struct_fields__)}
    assert {name: fields for name, fields in telling.items() if name not in NOT_OF_THE_VAULT} == {}
    assert telling.keys() == NOT_OF_THE_VAULT.keys(), "named for nothing"
    assert ours <= _answers().keys(), "the walk sees the memorandum"


def test_withheld_columns_are_in_no_struct_of_the_memorandum():
    shown = {name for struct in (*STRUCTS.values(), FiscalYear) for name in struct.__struct_fields__}
    assert not shown & {row.column for row in ROWS if row.level == "withheld"}
    assert {"family", "email_domains", "internal_key", "facts"} <= {row.column for row in ROWS if row.level == "withheld"}


def test_tables_of_the_vault_are_read_where_somebody_said_why():
    pattern = re.compile(r"vault\.(?:shown_)?(" + "|".join(FIELDS) + r")\b")
    reading = {str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py") if pattern.search(path.read_text(encoding="utf-8"))}
    assert {path for path in reading if not path.startswith(("listings/", "demo/"))} == READERS.keys() - {"disclosure/reading_queries.py"}
    # The reader of the memorandum names no column and no table: both come from the rows.
    memorandum = (SOURCE / "disclosure/reading_queries.py").read_text(encoding="utf-8")
    named = {column for column in COLUMNS if "_" in column and re.search(rf"\b{column}\b", memorandum)}
    assert named == {"legal_name", "period_end"}, "the reader's own firm in the list of accesses, and the order of the years"


def test_the_openapi_document_has_the_eight_blocks_and_no_other_field():
    schemas = APP.openapi_schema.to_schema()["components"]["schemas"]
    assert list(schemas["Dossier"]["properties"]) == ["deal_id", "project_name", *BLOCKS, "third_persons", "documents"]
    assert list(BLOCKS) == ["summary", "business", "organisation", "finance", "reason", "wishes", "market", "plan"]
    for block, struct in STRUCTS.items():
        assert list(schemas[struct.__name__]["properties"]) == list(struct.__struct_fields__), block
        assert set(schemas[struct.__name__]["required"]) == set(struct.__struct_fields__), "output Structs have no defaults"


def test_every_block_is_a_group_of_facts_and_no_true_value_begins_at_the_teaser():
    assert fact_groups("dossier") == tuple(BLOCKS) and fact_groups("data_room") == ()
    assert all(fields_in(block) for block in BLOCKS)
    assert {row.level for row in ROWS} == {"dossier", "withheld"}, "documents are released by folder, not by column"


def test_a_teaser_depends_on_the_columns_that_say_so_and_on_no_other():
    whole = msgspec.convert(COMPLETE, Profile)
    rows = {column: value for table in rows_of(whole).values() for column, value in table.items()}
    moving = {row.column for row in ROWS if row.teaser == "cell"}
    assert cell_facts(whole) is not None
    for column in rows.keys() - moving:
        assert cell_facts(profile_of(rows | {column: None}, years_of(whole))) == cell_facts(whole), column
    for column in moving & rows.keys() - {"founded_on"}:
        assert cell_facts(profile_of(rows | {column: None}, years_of(whole))) != cell_facts(whole), column
    coded = {row.column for row in ROWS if row.teaser == "code"}
    assert coded == {"period_end", "schemes", "timing", "asking_price_yen", "price_negotiable", "facts"}, "what an owner approves is coded"
