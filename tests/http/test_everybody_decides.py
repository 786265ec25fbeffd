"""Do teasers and folders wait for everybody whom the mandate names, as a name does?"""

from __future__ import annotations

import base64
import secrets
from uuid import UUID

import pytest
from listing_scene import SCAN, form_of, last_token, prepared, proposed
from room_scene import opened
from world import ORIGIN


async def second_person(world, holder, path, mailed=True):
    """(contact id, address) of a co-owner who decides as well."""
    email = f"second-{secrets.token_hex(4)}@fictitious.example" if mailed else None
    phone = None if mailed else "03-0000-0001"
    made = await holder.post(f"{path}/owner-contacts", {"name": "架空 花子", "role": "co_owner", "email": email, "phone": phone})
    assert made.status_code == 201, made.text
    return made.json()["id"], email


async def proposals(listing):
    return (await listing.holder.get(f"{listing.path}/consents")).json()


@pytest.fixture
async def listing(world):
    return await prepared(world, await world.intermediary())


async def test_a_teaser_is_shown_to_whom_everybody_ticked(world, listing):
    _contact, email = await second_person(world, listing.holder, listing.path)
    await proposed(world, listing)
    first = await world.page_answered(f"/owner/{await last_token(world, listing)}", listing.email, "approved", ("verified_buyers", "agency_desk"))
    assert first.status_code == 200, first.text
    half = await proposals(listing)
    assert half["consents"] == [] and half["proposals"][0]["decision"] is None
    assert half["proposals"][0]["answered"] == 1 and sorted(half["proposals"][0]["persons"]) == sorted([listing.owner, "架空 花子"])
    assert (await world.page_answered(await world.owner_link(email), email, "approved", ("agency_desk", "domestic_institutions"))).status_code == 200
    both = await proposals(listing)
    assert {each["audience"] for each in both["consents"] if each["live"]} == {"agency_desk"}
    assert both["proposals"][0]["decision"] == "approved" and listing.owner in both["proposals"][0]["decided_by"]
    # each of the two can end it alone, by the link that came with the own yes
    assert (await world.page_answered(await world.owner_link(email), email, "withdrawn_all")).status_code == 200
    assert not any(each["live"] for each in (await proposals(listing))["consents"])


async def test_readers_whom_not_everybody_ticked_are_shown_nothing(world, listing):
    _contact, email = await second_person(world, listing.holder, listing.path)
    await proposed(world, listing)
    await world.page_answered(f"/owner/{await last_token(world, listing)}", listing.email, "approved", ("verified_buyers",))
    last = await world.page_answered(await world.owner_link(email), email, "approved", ("agency_desk",))
    assert last.status_code == 200
    told = await proposals(listing)
    assert told["proposals"][0]["decision"] == "refused" and told["consents"] == []


@pytest.mark.parametrize("taken_back", [False, True])
async def test_one_no_or_one_yes_taken_back_ends_it_and_nobody_is_told_whose(world, listing, taken_back):
    _contact, email = await second_person(world, listing.holder, listing.path)
    await proposed(world, listing)
    theirs = await world.owner_link(email)
    token = await last_token(world, listing)
    if taken_back:
        await world.page_answered(f"/owner/{token}", listing.email, "approved", ("verified_buyers",))
        token = await last_token(world, listing)
    assert (await world.page_answered(f"/owner/{token}", listing.email, "refused")).status_code == 200
    told = (await proposals(listing))["proposals"][0]
    assert told["decision"] == "refused" and told["decided_by"] is None and told["answered"] is None
    assert (await world.client().get(theirs)).status_code == 410, "nothing is left to ask the other"


async def test_without_a_mailbox_a_teaser_is_answered_on_a_handed_page_with_a_spoken_code(world, listing):
    contact, _none = await second_person(world, listing.holder, listing.path, mailed=False)
    made = await proposed(world, listing)
    await world.page_answered(f"/owner/{await last_token(world, listing)}", listing.email, "approved", ("agency_desk",))
    whom, path = {"owner_contact_id": contact}, f"/v1/owner-questions/{made.id}"
    handed = await listing.holder.post(f"{path}/handed-link", whom)
    assert handed.status_code == 201, handed.text
    holder = await world.signed_in(listing.holder)
    alone = await holder.post(f"{path}/spoken-code", whom)
    assert alone.status_code == 409 and alone.json()["code"] == "second_confirmation_needed"
    link = handed.json()["link"].removeprefix(ORIGIN)
    colleague = await world.signed_in(await world.member(listing.holder.organisation_id, "intermediary"))
    spoken = await colleague.post(f"{path}/spoken-code", whom)
    assert spoken.status_code == 201, spoken.text
    browser = world.client(Origin=ORIGIN)
    form = form_of((await browser.get(link)).text, decision="approved", read="yes", box=["agency_desk"])
    done = await browser.post(link, data=form | {"code": spoken.json()["code"]})
    assert done.status_code == 200 and (await proposals(listing))["proposals"][0]["decision"] == "approved", done.text


async def test_a_teaser_is_not_put_while_somebody_whom_the_mandate_names_is_missing(world, listing):
    await world.seed("UPDATE vault.mandate SET terms = terms || '{\"persons_who_decide\": [\"架空 次郎\"]}' WHERE listing_id = $1", listing.id)
    with pytest.raises(Exception, match="whom the mandate names"):
        await proposed(world, listing)


async def test_folders_wait_for_everybody_and_a_sealed_paper_weighs_as_much_as_a_code(world):
    room = await opened(world)
    folder, holder = await room.folder("a"), room.seller
    path = f"/v1/listings/{room.published.listing_id}"
    contact, _none = await second_person(world, holder, path, mailed=False)
    asked = (await holder.post(f"{room.path}/folder-permissions", {"folder_ids": [folder]})).json()
    assert sorted(asked["persons"]) == ["架空 太郎", "架空 花子"] and asked["answered"] == 0
    await world.owner_answers(room.published, "yes")
    assert (await room.release(folder)).json()["code"] == "folder_permission_needed", "one of two"
    colleague = await world.member(holder.organisation_id, "intermediary")

    async def on_paper(decision, **fields):
        paper = {"purpose": "folder", "subject_id": asked["id"], "decision": decision, "owner_contact_id": contact, "signer": "架空 花子",
                 "witness": "架空 証人", "signed_on": "2026-01-10", "seal": "everyday_seal",
                 "scan": base64.b64encode(SCAN + secrets.token_bytes(4)).decode()} | fields
        entered = await holder.post(f"{path}/paper-evidence", paper)
        return entered if entered.status_code != 201 else await colleague.post(f"{path}/paper-evidence/{entered.json()['id']}/confirmation")

    unnamed = await on_paper("yes", owner_contact_id=None)
    assert unnamed.status_code == 422 and contact in unnamed.json()["errors"][0]["allowed"]
    assert (await on_paper("yes", seal=None)).json()["errors"][0]["field"] == "seal"
    confirmed = await on_paper("yes")
    assert confirmed.status_code == 200, confirmed.text
    assert (await room.release(folder)).status_code == 201
    assert (await on_paper("withdrawn")).status_code == 200
    state = (await holder.get(f"{room.path}/folder-permissions")).json()["items"][0]
    assert state["revoked_at"] and state["answered"] is None
    ended = await world.seed("SELECT revoke_reason FROM vault.folder_grant WHERE deal_id = $1", UUID(room.deal))
    assert [row["revoke_reason"] for row in ended] == ["permission_revoked"]
