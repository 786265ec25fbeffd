"""Does a memorandum hold its eight blocks, as they were entered, and what the owner was told that a yes would open?"""

from __future__ import annotations

from datetime import date, timedelta

from succession.disclosure.levels import BLOCKS, FIELDS, TABLE_VERSION, fields_shown

NEXT = (date.today() + timedelta(days=300)).isoformat()
OUTLOOK = {
    "business": {"business_model": "Parts to order, paid on delivery.", "outline": "Fictitious parts.", "employees": 30},
    "organisation": {
        "history": "Founded as a workshop.", "qualifications": [{"name": "Welding, first class", "holders": 3}],
        "officers": [{"role": "representative_director", "full_time": True, "family": False, "stays": True}, {"role": "auditor", "family": True}],
        "shareholders": [{"kind": "owner", "share_percent": 80}, {"kind": "family", "share_percent": 20}],
        "staff": [{"role": "production", "full_time": 20, "part_time": 4, "average_age": 47}]},
    "market": {"outline": "A few customers in the region."},
    "plan": {"outline": "A second line.", "years": [{"period_end": NEXT, "revenue_yen": 120_000_000}]},
}  # fmt: skip


async def entered(published, changes):
    path = f"/v1/listings/{published.listing_id}"
    version = (await published.seller.get(path)).headers["etag"]
    return await published.seller.patch(path, changes, headers={"If-Match": version})


async def test_the_memorandum_has_what_was_entered_block_by_block(world):
    published, buyer = await world.published(), await world.acquirer()
    changed = await entered(published, OUTLOOK)
    assert changed.status_code == 200, changed.text
    deal = await world.released(published, buyer)
    dossier = (await buyer.get(f"/v1/dossiers/{deal}")).json()
    assert [name for name in dossier if name in BLOCKS] == list(BLOCKS)
    assert dossier["summary"]["legal_name"] == published.legal_name and dossier["business"]["business_model"].startswith("Parts")
    organisation = dossier["organisation"]
    assert organisation["officers"][1] == {"role": "auditor", "full_time": None, "family": True, "stays": None}, "by role, without a name"
    assert [each["share_percent"] for each in organisation["shareholders"]] == [80, 20] and organisation["staff"][0]["average_age"] == 47
    assert len(dossier["finance"]["years"]) == 3 and dossier["reason"]["status"] == "family_declined"
    assert dossier["market"] == {"market_outline": "A few customers in the region."}
    assert dossier["plan"]["plan_years"][0]["revenue_yen"] == 120_000_000 and dossier["wishes"]["schemes"] == ["share_transfer"]


async def test_what_contradicts_itself_is_refused_by_field(world):
    published = await world.published()
    for change, field in (
        ({"organisation": {"shareholders": [{"kind": "owner", "share_percent": 80}, {"kind": "fund", "share_percent": 30}]}}, "organisation.shareholders"),
        ({"organisation": {"staff": [{"role": "sales"}, {"role": "sales"}]}}, "organisation.staff"),
        ({"organisation": {"officers": [{"role": "Taro Kakuu"}]}}, "organisation.officers[0].role"),
        ({"organisation": {"history": "x" * 4001}}, "organisation.history"),
        ({"plan": {"years": [{"period_end": NEXT}, {"period_end": NEXT}]}}, "plan.years"),
        ({"plan": {"years": [{"period_end": NEXT}] * 11}}, "plan.years"),
        ({"market": {"size": "large"}}, "market.size"),
    ):
        refused = await entered(published, change)
        assert refused.status_code == 422 and refused.json()["errors"][0]["field"] == field, refused.text


async def test_nothing_of_it_is_needed_to_publish(world):
    published = await world.published()
    missing = (await published.seller.get(f"/v1/listings/{published.listing_id}/publication-readiness")).json()["missing"]
    assert missing and not any(each["field"].startswith(("organisation", "market", "plan", "business.business_model")) for each in missing)


async def test_the_owner_is_told_exactly_what_a_yes_opens_and_the_ledger_which_table_it_was(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.nda_signed(published, buyer)
    question = (await published.seller.post(f"/v1/disclosure-requests/{deal}/name-clear")).json()
    opened = {f"{table}.{column}" for table in FIELDS for column in fields_shown(table)}
    assert set(question["shown"]["fields"]) == opened and "listing_profile.plan_outline" in opened
    await world.owner_answers(published, "yes")
    assert (await published.seller.post(f"/v1/disclosure-requests/{deal}/dossier-release")).status_code == 201
    entries = await published.seller.every(f"/v1/listings/{published.listing_id}/ledger")
    released = next(entry["body"] for entry in entries if entry["kind"] == "released")
    assert f'"levels_version":"{TABLE_VERSION}"' in released and all(f'"{block}"' in released for block in BLOCKS)
