"""Are steps of know-how shown in their order, and does a competitor read them through its clean team alone?"""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from room_scene import UNDERTAKING, opened


@pytest.fixture
async def room(world):
    return await opened(world)


async def steps_of(room):
    """Folders K0 to K4, each with one document, all allowed by the owner."""
    folders = {step: await room.folder(step, know_how_step=step) for step in ("K0", "K1", "K2", "K3", "K4")}
    documents = {step: await room.document(step) for step in folders}
    await room.allowed(*folders.values())
    return folders, documents


async def code(room, folder):
    answer = await room.release(folder)
    return answer.json().get("code") or answer.status_code


async def test_steps_go_out_in_their_order_and_not_before_their_stage(world, room):
    folders, documents = await steps_of(room)
    assert await code(room, folders["K0"]) == "competitor_undeclared"
    await room.competes(False)
    assert await code(room, folders["K1"]) == "know_how_order"
    assert [await code(room, folders[step]) for step in ("K0", "K1", "K2")] == [201, 201, 201]
    assert await room.seen(documents["K2"]) == 200
    assert await code(room, folders["K3"]) == "know_how_stage"
    await room.stage("dd")
    assert await code(room, folders["K3"]) == "know_how_stage", "due diligence without a memorandum of understanding"
    await room.stage("dd", "sign_mou")
    assert await code(room, folders["K3"]) == "clean_team_needed"
    reader, _entry = await room.clean_member()
    assert await code(room, folders["K3"]) == 201
    assert await code(room, folders["K4"]) == "know_how_stage"
    await room.stage("closing")
    assert await code(room, folders["K4"]) == 201
    # Parameters and recipe are looked at only, and by whom the seller accepted.
    assert (await reader.get(f"/v1/documents/{documents['K3']}")).json()["code"] == "view_only"
    assert await room.seen(documents["K3"]) == 404, "not the rest of the firm"
    assert (await room.buyer.get(f"/v1/documents/{documents['K4']}")).json()["code"] == "view_only"
    grants = {each["folder_id"]: each["id"] for each in (await room.seller.get(f"{room.path}/folder-grants")).json()["items"]}
    assert (await room.seller.post(f"/v1/folder-grants/{grants[folders['K1']]}/revocation", {"reason": "misuse"})).status_code == 201
    live = {each["folder_id"] for each in (await room.seller.get(f"{room.path}/folder-grants")).json()["items"] if each["live"]}
    assert live == {folders["K0"]}, "who loses a step loses those after it"
    assert await code(room, folders["K2"]) == "know_how_order"


async def each_allowed_alone(room):
    """Folders K0 to K2 and one beside them, each with one document, on a permission of its own, released; the grants too."""
    names = ("K0", "K1", "K2", "beside")
    folders = {name: await room.folder(name, know_how_step=name if name != "beside" else None) for name in names}
    documents = {name: await room.document(name) for name in names}
    permissions = {name: await room.allowed(folder) for name, folder in folders.items()}
    await room.competes(False)
    grants = {name: (await room.release(folder)).json()["id"] for name, folder in folders.items()}
    assert [await room.seen(documents[name]) for name in names] == [200] * 4
    return folders, documents, permissions, grants


async def test_a_step_the_owner_takes_back_ends_later_steps_whatever_was_allowed_about_them(world, room):
    folders, documents, permissions, grants = await each_allowed_alone(room)
    letters = len(await world.letters(organisation=room.buyer.organisation_id))
    assert (await room.seller.post(f"/v1/folder-permissions/{permissions['K1']}/link")).status_code == 201
    link = await world.owner_link(room.published.owner_email)
    assert "それより後の段階" in (await world.client().get(link)).text
    await world.owner_answers(room.published, "withdrawn")
    assert [await room.seen(documents[name]) for name in ("K0", "K1", "K2", "beside")] == [200, 404, 404, 200]
    assert {each["id"] for each in (await room.buyer.get(f"{room.path}/folder-grants")).json()["items"]} == {grants["K0"], grants["beside"]}
    entries = await room.seller.every(f"/v1/listings/{room.published.listing_id}/ledger")
    ended = [json.loads(entry["body"]) for entry in entries if entry["kind"] == "folder_revoked"]
    assert {(each["grant_id"], each["reason"]) for each in ended} == {(grants[name], "permission_revoked") for name in ("K1", "K2")} and len(ended) == 2
    told = (await world.letters(organisation=room.buyer.organisation_id))[letters:]
    assert [each["template"] for each in told] == ["access_ended"], "once"

    assert await code(room, folders["K2"]) == "know_how_order"
    assert await code(room, folders["K1"]) == "folder_permission_needed"
    await room.allowed(folders["K1"])
    assert await code(room, folders["K1"]) == 201
    assert [await room.seen(documents[name]) for name in ("K1", "K2")] == [200, 404], "what ended does not come back by itself"
    assert await code(room, folders["K2"]) == 201 and await room.seen(documents["K2"]) == 200


async def test_a_release_in_place_of_another_takes_nothing_back(world, room):
    folders, documents, _permissions, _grants = await each_allowed_alone(room)
    assert await code(room, folders["K0"]) == 201
    assert [await room.seen(documents[name]) for name in ("K0", "K1", "K2", "beside")] == [200] * 4


async def test_nobody_else_takes_a_step_back(world, room):
    folders, documents, permissions, grants = await each_allowed_alone(room)
    before = await world.seed("SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM vault.folder_grant t")
    paths = (f"/v1/folder-grants/{grants['K0']}/revocation", {"reason": "misuse"}), (f"/v1/folder-permissions/{permissions['K0']}/link", {})
    strangers = (await world.intermediary(), await world.acquirer(), await world.agency(), room.buyer)
    for path, body in paths:
        assert (await world.client().post(path, json=body)).status_code == 401
        for stranger in strangers:
            assert (await stranger.post(path, body)).status_code in (403, 404), (path, stranger.kind)
    assert before == await world.seed("SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM vault.folder_grant t")
    assert [await room.seen(documents[name]) for name in ("K0", "K1", "K2", "beside")] == [200] * 4


async def test_that_a_buyer_competes_counts_at_once_and_that_it_does_not_once_confirmed(world, room):
    folder, document = await room.folder("Prices", competitor_sensitive=True), await room.document("Prices")
    await room.allowed(folder)
    said = await room.seller.post(f"{room.path}/competition", {"competes": False, "words": "Another trade."})
    assert await code(room, folder) == "competitor_undeclared"
    path = f"/v1/competition/{said.json()['id']}/confirmation"
    assert (await room.seller.post(path, {"words": "x"})).status_code == 403, "by a person, not by a key"
    assert (await room.buyer.post(path, {"words": "x"})).status_code == 403
    confirmed = await room.person.post(path, {"words": "Compared the products."})
    name = (await world.seed("SELECT name FROM vault.member WHERE id = $1", room.person.member_id))[0]["name"]
    assert confirmed.status_code == 201 and confirmed.json()["confirmed_by"] == name and confirmed.json()["confirmed_at"]
    assert (await room.person.post(path, {"words": "x"})).json()["code"] == "step_refused"
    assert await code(room, folder) == 201 and await room.seen(document) == 200
    assert (await room.buyer.post(f"{room.path}/competition", {"competes": True, "words": "We bought a rival."})).status_code == 201
    assert await room.seen(document) == 404, "at once, without anybody's confirmation"
    assert await code(room, folder) == "clean_team_needed"
    listed = (await room.buyer.get(f"{room.path}/competition")).json()["items"]
    assert [each["declared_for"] for each in listed] == ["buyer"], "what the adviser wrote is not the buyer's to read"
    assert len((await room.seller.get(f"{room.path}/competition")).json()["items"]) == 2


async def test_only_accepted_members_read_for_a_competitor_and_only_while_they_are(world, room):
    folder, document = await room.folder("Prices", competitor_sensitive=True), await room.document("Prices")
    plain, open_document = await room.folder("Leases"), await room.document("Leases")
    await room.allowed(folder, plain)
    await room.competes(True)
    reader, entry = await room.clean_member(accepted=False)
    assert await code(room, folder) == "clean_team_needed"
    assert (await room.seller.post(f"/v1/clean-team/{entry}/acceptance")).status_code == 403, "by a person, not by a key"
    assert (await world.letters(organisation=room.seller.organisation_id))[-1]["template"] == "clean_team_named"
    accepted = await room.person.post(f"/v1/clean-team/{entry}/acceptance")
    assert accepted.status_code == 201 and accepted.json()["accepted_by"]
    assert (await room.person.post(f"/v1/clean-team/{entry}/acceptance")).json()["code"] == "step_refused"
    assert [await code(room, each) for each in (folder, plain)] == [201, 201]
    assert [await room.seen(document), await room.seen(document, reader)] == [404, 200]
    assert [await room.seen(open_document), await room.seen(open_document, reader)] == [200, 200]
    seen = (await room.buyer.get(f"/v1/listings/{room.published.listing_id}/folders")).json()["items"]
    assert [each["id"] for each in seen] == [plain]
    assert (await room.buyer.post(f"/v1/clean-team/{entry}/end")).status_code == 201
    assert await room.seen(document, reader) == 404
    assert (await room.buyer.post(f"/v1/clean-team/{entry}/end")).json()["code"] == "step_refused"
    assert await code(room, folder) == "clean_team_needed"


async def test_who_leaves_the_firm_leaves_the_clean_team(world, room):
    folder, document = await room.folder("Prices", competitor_sensitive=True), await room.document("Prices")
    await room.allowed(folder)
    await room.competes(True)
    reader, _entry = await room.clean_member()
    assert await code(room, folder) == 201 and await room.seen(document, reader) == 200
    await world.overrule("UPDATE vault.member SET status = 'left' WHERE id = $1", reader.member_id)
    assert await room.seen(document, reader) in (401, 404)
    assert await code(room, folder) == "clean_team_needed"


@pytest.mark.parametrize(("change", "status", "said"), [
    ({"member_id": str(uuid4())}, 422, "member_unknown"), ({"undertaken_on": "2099-01-01"}, 422, "validation"),
    ({"undertaking_hash": "x"}, 422, "validation"), ({"country": "Britain"}, 422, "validation"), ({"name": " "}, 422, "validation"),
])
async def test_a_nomination_that_cannot_be_is_refused(world, room, change, status, said):
    body = UNDERTAKING | {"member_id": str(room.buyer.member_id)} | change
    answer = await room.buyer.post(f"{room.path}/clean-team", body)
    assert (answer.status_code, answer.json()["code"]) == (status, said), answer.text
    assert (await room.buyer.get(f"{room.path}/clean-team")).json()["items"] == []


async def test_a_member_is_named_once_and_by_the_buyers_side(world, room):
    body = UNDERTAKING | {"member_id": str(room.buyer.member_id)}
    assert (await room.seller.post(f"{room.path}/clean-team", body)).status_code == 403
    assert (await room.buyer.post(f"{room.path}/clean-team", body)).status_code == 201
    assert (await room.buyer.post(f"{room.path}/clean-team", body)).json()["code"] == "conflict"
    listed = (await room.seller.get(f"{room.path}/clean-team")).json()["items"]
    assert [each["outside_firm"] for each in listed] == ["Fictitious Counsel LLP"] and listed[0]["accepted_by"] is None


async def test_where_an_accepted_member_reads_is_where_a_document_goes(world):
    room = await opened(world, "JP")
    folder, document = await room.folder("Plans"), await room.document("Plans", export_control_class="unknown")
    await room.allowed(folder)
    assert await code(room, folder) == 201 and await room.seen(document) == 200, "nobody abroad"
    await room.clean_member()
    assert await room.seen(document) == 404, "one of the team reads in Britain"
    assert await code(room, folder) == "recipient_check_needed"
