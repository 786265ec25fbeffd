"""Who may say that a client gave a mandate, besides the person who entered it?"""

import pytest
from listing_scene import entered, mandate

BROKERAGE_HASH = "a" * 64


async def _with_mandate(holder, kind="center_support"):
    listing = await entered(holder)
    answer = await holder.post(f"{listing.path}/mandate", mandate(kind))
    assert answer.status_code == 201 and answer.json()["confirmed_at"] is None, answer.text
    return listing


async def test_a_colleague_confirms_it_once_it_is_listed_as_waiting(world):
    center = await world.intermediary("center")
    colleague = await world.member(center.organisation_id, "intermediary")
    listing = await _with_mandate(center)
    assert not (await center.get("/v1/mandates")).json()["items"], "not one's own"
    waiting = (await colleague.get("/v1/mandates")).json()["items"]
    assert [each["listing_id"] for each in waiting] == [str(listing.id)] and waiting[0]["entered_by"] == str(center.member_id)
    answer = await colleague.post(f"{listing.path}/mandate/confirmation")
    assert answer.status_code == 200 and answer.json()["confirmed_by"] == str(colleague.member_id)
    assert (await center.get(f"{listing.path}/mandate")).json()["confirmed_at"]
    assert not (await colleague.get("/v1/mandates")).json()["items"]


async def test_the_second_person_holds_the_same_document(world):
    bank = await world.intermediary("bank")
    colleague = await world.member(bank.organisation_id, "intermediary")
    listing = await _with_mandate(bank, "brokerage")
    (waiting,) = (await colleague.get("/v1/mandates")).json()["items"]
    assert waiting["terms"]["tail_months"] == 24 and BROKERAGE_HASH not in str(waiting), "the hash is theirs to state"
    for said in ({}, {"document_hash": "b" * 64}, {"document_hash": "short"}, {"hash": BROKERAGE_HASH}):
        assert (await colleague.post(f"{listing.path}/mandate/confirmation", said)).status_code == 422, said
    assert (await colleague.post(f"{listing.path}/mandate/confirmation", {"document_hash": BROKERAGE_HASH})).status_code == 200


async def test_a_firm_of_one_asks_a_reviewer_of_the_operator_and_a_firm_of_two_does_not(world):
    center, reviewer = await world.intermediary("center"), await world.operator(role="reviewer")
    listing = await _with_mandate(center)
    # Terms of an earlier edition, whatever they were, keep no list from being read.
    old = await _with_mandate(await world.intermediary("center"))
    await world.overrule("UPDATE vault.mandate SET terms = '{}' WHERE listing_id = $1", old.id)
    clerk = await world.member(reviewer.organisation_id, "operator")
    assert str(listing.id) in {each["listing_id"] for each in await reviewer.every("/v1/mandates")}
    assert (await clerk.post(f"{listing.path}/mandate/confirmation")).status_code == 403
    await world.member(center.organisation_id, "intermediary")
    assert (await reviewer.post(f"{listing.path}/mandate/confirmation")).status_code == 404
    alone = await world.intermediary("registered_institution")
    other = await _with_mandate(alone, "adviser")
    assert (await alone.post(f"{other.path}/mandate/confirmation", {"document_hash": BROKERAGE_HASH})).json()["code"] == "second_confirmation_needed"
    assert (await reviewer.post(f"{other.path}/mandate/confirmation", {"document_hash": BROKERAGE_HASH})).status_code == 200


async def test_pages_of_mandates_continue_oldest_first_for_one_reader(world):
    center = await world.intermediary("center")
    colleague = await world.member(center.organisation_id, "intermediary")
    entered_ = [str((await _with_mandate(center)).id) for _n in range(3)]
    first = (await colleague.get("/v1/mandates", params={"limit": 2})).json()
    rest = (await colleague.get("/v1/mandates", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [each["listing_id"] for each in first["items"] + rest["items"]] == entered_ and rest["next_cursor"] is None
    for params, status in (({"cursor": first["next_cursor"]}, 422), ({"limit": 101}, 422), ({"limit": 0}, 422)):
        assert (await center.get("/v1/mandates", params=params)).status_code == status, params


async def test_strangers_confirm_nothing(world, http):
    center = await world.intermediary("center")
    listing = await _with_mandate(center)
    path = f"{listing.path}/mandate/confirmation"
    assert (await http.post(path, json={})).status_code == 401
    for stranger, status in ((await world.intermediary("bank"), 404), (await world.acquirer(), 403), (await world.agency(), 403),
                             (await world.intermediary(status="pending"), 403)):
        assert (await stranger.post(path)).status_code == status
    assert not (await world.seed("SELECT confirmed_by FROM vault.mandate WHERE listing_id = $1", listing.id))[0]["confirmed_by"]


async def test_the_database_refuses_a_confirmation_by_whoever_entered_it_or_in_anothers_name(world, as_database_role):
    center = await world.intermediary("center")
    colleague = await world.member(center.organisation_id, "intermediary")
    listing = await _with_mandate(center)
    app = await as_database_role("succession_app")

    async def confirm(member, by, also="", inserted=False):
        async with app.transaction():
            await app.execute("SELECT set_config('succession.kind', 'intermediary', true), set_config('succession.organisation', $1, true), "
                              "set_config('succession.member', $2, true)", str(center.organisation_id), str(member))
            if inserted:
                await app.execute("INSERT INTO vault.mandate (listing_id, kind, terms, edition, signed_on, state, ended_on, confirmed_by, confirmed_at) "
                                  "VALUES ($1, 'center_support', '{}', '3', '2026-01-01', 'ended', '2026-01-02', $2, now())", listing.id, by)
            else:
                await app.execute(f"UPDATE vault.mandate SET confirmed_by = $2, confirmed_at = now(){also} WHERE listing_id = $1", listing.id, by)

    for member, by, also, inserted, sqlstate in (
        (center.member_id, center.member_id, "", False, "23514"),  # entered it
        (center.member_id, colleague.member_id, "", False, "SU001"),  # in a colleague's name
        (colleague.member_id, colleague.member_id, "", True, "42501"),  # confirmed as it is entered
    ):
        with pytest.raises(Exception) as refused:
            await confirm(member, by, also, inserted)
        assert refused.value.sqlstate == sqlstate, refused.value
    await confirm(colleague.member_id, colleague.member_id)
    with pytest.raises(Exception) as refused:  # what was confirmed stays what it was
        await confirm(colleague.member_id, colleague.member_id, ", signed_on = signed_on - 1")
    assert refused.value.sqlstate == "SU001"
