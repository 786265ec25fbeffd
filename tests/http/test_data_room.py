"""Is each folder of the data room opened by its own release, on the owner's permission, as it lay that day, and closed at once?"""

from __future__ import annotations

import base64
import json
from uuid import UUID

import pytest
from listing_scene import SCAN
from room_scene import NOTHING, PLAIN, opened


async def kinds(room):
    """Of the steps about folders; what was shown of them has entries of its own."""
    entries = await room.seller.every(f"/v1/listings/{room.published.listing_id}/ledger")
    return [entry["kind"] for entry in entries if entry["kind"].startswith("folder_")]


# -- folders -----------------------------------------------------------------------------------------------------------


async def test_folders_are_made_renamed_and_taken_out(world):
    room = await opened(world)
    path = f"/v1/listings/{room.published.listing_id}/folders"
    first = await room.folder("契約書", position=2)
    second = await room.folder("Tax", position=1, competitor_sensitive=True)
    assert [each["name"] for each in await room.seller.every(path)] == ["Tax", "契約書"]
    one = (await room.seller.get(path, params={"limit": 1})).json()
    rest = (await room.seller.get(path, params={"limit": 1, "cursor": one["next_cursor"]})).json()
    assert [each["id"] for each in one["items"] + rest["items"]] == [second, first] and rest["next_cursor"] is None
    assert (await room.seller.post(path, {"name": "TAX"})).json()["code"] == "folder_exists"
    edited = await room.seller.patch(f"/v1/folders/{first}", {"name": "Contracts"}, headers={"If-Match": '"1"'})
    assert edited.json()["name"] == "Contracts" and edited.headers["etag"] == '"2"'
    assert (await room.seller.patch(f"/v1/folders/{first}", {"name": "x"}, headers={"If-Match": '"1"'})).status_code == 412
    assert (await room.seller.patch(f"/v1/folders/{first}", {"name": "x"})).status_code == 428
    taken = await room.seller.patch(f"/v1/folders/{first}", {"name": "Tax"}, headers={"If-Match": '"2"'})
    assert taken.status_code == 409 and taken.json()["code"] == "folder_exists"
    assert (await room.seller.delete(f"/v1/folders/{first}")).status_code == 204
    assert (await room.seller.delete(f"/v1/folders/{first}")).status_code == 404
    assert await room.folder("contracts"), "the name is free again"


@pytest.mark.parametrize(("body", "field"), [
    ({"name": ""}, "name"), ({"name": "a\nb"}, "name"), ({"name": "x" * 121}, "name"), ({"name": "x", "position": -1}, "position"),
    ({"name": "x", "know_how_step": "K5"}, "know_how_step"), ({"name": "x", "cleared": True}, "cleared"), ({}, "name"),
])
async def test_a_folder_that_cannot_be_is_refused_by_field(world, body, field):
    published = await world.published()
    refused = await published.seller.post(f"/v1/listings/{published.listing_id}/folders", body)
    assert refused.status_code == 422 and field in json.dumps(refused.json()["errors"])


async def test_a_document_lies_in_the_folder_it_names_and_declares_itself(world):
    room = await opened(world)
    folder = await room.folder("Contracts")
    document = await room.document("contracts")
    view = next(each for each in (await room.seller.get(f"/v1/listings/{room.published.listing_id}/documents")).json()["items"])
    assert (view["id"], view["folder_id"], view["folder"]) == (document, folder, "Contracts")
    path = f"/v1/documents/{document}/declaration"
    said = await room.seller.put(path, {"contains_personal_data": True, "appi_basis": "consent", "export_control_class": "catch_all"})
    assert said.status_code == 200 and said.json()["appi_basis"] == "consent" and said.json()["export_control_class"] == "catch_all"
    wrong = await room.seller.put(path, NOTHING | {"appi_basis": "consent"})
    assert wrong.status_code == 422 and wrong.json()["errors"][0]["field"] == "appi_basis"
    assert (await room.seller.put(path, NOTHING | {"export_control_class": "cleared"})).status_code == 422
    other = await opened(world)
    elsewhere = await room.seller.put(f"/v1/documents/{document}/folder", {"folder_id": await other.folder("x")})
    assert elsewhere.status_code == 422 and elsewhere.json()["errors"][0]["field"] == "folder_id"


# -- release -----------------------------------------------------------------------------------------------------------


async def test_a_folder_needs_the_room_and_the_owners_permission_and_opens_alone(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    path, seller = f"/v1/disclosure-requests/{deal}", published.seller
    folder, other = [(await seller.post(f"/v1/listings/{published.listing_id}/folders", {"name": name})).json()["id"] for name in "ab"]
    inside, outside = [(await seller.post(f"/v1/listings/{published.listing_id}/documents", {
        "level": "data_room", "folder": name, "filename": "x.txt", "content_base64": "YQ=="} | PLAIN)).json()["id"] for name in "ab"]

    async def refused():
        answer = await seller.post(f"{path}/folder-releases", {"folder_id": folder})
        assert answer.status_code == 409
        return answer.json()["code"]

    assert await refused() == "room_needed"
    assert (await seller.post(f"{path}/data-room-release")).status_code == 201
    assert (await buyer.get(f"/v1/listings/{published.listing_id}/folders")).status_code == 404, "an open room of closed folders"
    assert await refused() == "folder_permission_needed"
    asked = await seller.post(f"{path}/folder-permissions", {"folder_ids": [folder, other]})
    assert asked.status_code == 201 and "a（現在1件）" in asked.json()["shown_text_ja"], asked.text
    assert await refused() == "folder_permission_needed"
    await world.owner_answers(published, "ask_adviser")
    assert await refused() == "folder_permission_needed"
    assert (await seller.post(f"/v1/folder-permissions/{asked.json()['id']}/link")).status_code == 201
    await world.owner_answers(published, "yes")
    released = await seller.post(f"{path}/folder-releases", {"folder_id": folder})
    assert released.status_code == 201 and released.json()["live"] and released.json()["documents"] == 1, released.text
    assert (await buyer.get(f"/v1/documents/{inside}")).content == b"a"
    assert (await buyer.get(f"/v1/documents/{outside}")).status_code == 404
    listed = (await buyer.get(f"/v1/listings/{published.listing_id}/folders")).json()["items"]
    assert [(each["id"], each["documents"]) for each in listed] == [(folder, 1)]
    assert [each["id"] for each in (await buyer.get(f"/v1/dossiers/{deal}")).json()["documents"]] == [inside]
    what = (await seller.get(f"/v1/listings/{published.listing_id}/accesses")).json()["items"]
    assert f"document:{inside}:download" in {each["what"] for each in what}
    stranger = await world.acquirer()
    for document in (inside, outside):
        assert (await stranger.get(f"/v1/documents/{document}")).status_code == 404


async def test_a_release_has_its_own_entry_which_names_what_lay_in_the_folder(world):
    room = await opened(world)
    folder, document = await room.folder("a"), await room.document("a")
    await room.allowed(folder)
    grant = (await room.release(folder)).json()
    entries = await room.seller.every(f"/v1/listings/{room.published.listing_id}/ledger")
    body = json.loads(next(each["body"] for each in entries if each["kind"] == "folder_released"))
    assert (body["grant_id"], body["folder_id"], body["documents"]) == (grant["id"], folder, [document])
    assert len(body["content_hashes"]) == 1 and "permission_id" in body and '"a"' not in json.dumps(body)
    assert await kinds(room) == ["folder_permission_asked", "folder_permission_decided", "folder_released"]
    assert any(each["kind"] == "disclosed" and f"document:{document}" in each["body"] for each in entries)
    assert (await room.buyer.get(f"/v1/listings/{room.published.listing_id}/ledger")).status_code in (403, 404)


async def test_what_is_added_or_moved_in_is_closed_until_the_next_release(world):
    room = await opened(world)
    folder, elsewhere = await room.folder("a"), await room.folder("b")
    first = await room.document("a")
    await room.allowed(folder)
    grant = (await room.release(folder)).json()["id"]
    later, moved = await room.document("a", "later.txt"), await room.document("b", "moved.txt")
    assert (await room.seller.put(f"/v1/documents/{moved}/folder", {"folder_id": folder})).status_code == 200
    assert [await room.seen(each) for each in (first, later, moved)] == [200, 404, 404]
    assert (await room.release(folder)).status_code == 201
    assert [await room.seen(each) for each in (first, later, moved)] == [200, 200, 200]
    grants = (await room.seller.get(f"{room.path}/folder-grants")).json()["items"]
    assert [(each["live"], each["documents"]) for each in grants] == [(True, 3), (False, 1)] and grants[1]["id"] == grant
    assert (await kinds(room))[-2:] == ["folder_revoked", "folder_released"]
    assert (await room.seller.put(f"/v1/documents/{first}/folder", {"folder_id": elsewhere})).status_code == 200
    assert await room.seen(first) == 404, "out of the folder it was released in"


async def test_a_folder_is_revoked_alone_and_the_room_takes_all_along(world):
    room = await opened(world)
    folders = [await room.folder(name) for name in "ab"]
    documents = [await room.document(name) for name in "ab"]
    await room.allowed(*folders)
    grants = [(await room.release(folder)).json()["id"] for folder in folders]
    revoked = await room.seller.post(f"/v1/folder-grants/{grants[0]}/revocation", {"reason": "mistake"})
    assert revoked.status_code == 201 and not revoked.json()["live"] and revoked.json()["revoked_at"]
    assert [await room.seen(each) for each in documents] == [404, 200]
    assert (await room.seller.post(f"/v1/folder-grants/{grants[0]}/revocation", {"reason": "mistake"})).json()["code"] == "step_refused"
    assert [each["id"] for each in (await room.buyer.get(f"{room.path}/folder-grants")).json()["items"]] == [grants[1]]
    assert (await world.letters(organisation=room.buyer.organisation_id))[-1]["template"] == "access_ended"
    whole = next(each["id"] for each in (await room.seller.get("/v1/grants")).json()["items"] if each["level"] == "dossier")
    assert (await room.seller.post(f"/v1/grants/{whole}/revocation", {"reason": "misuse"})).status_code == 201
    assert await room.seen(documents[1]) == 404
    assert not any(each["live"] for each in (await room.seller.get(f"{room.path}/folder-grants")).json()["items"])


async def test_a_folder_taken_out_or_run_out_is_closed(world):
    room = await opened(world)
    folders = [await room.folder(name) for name in "ab"]
    documents = [await room.document(name) for name in "ab"]
    await room.allowed(*folders)
    grants = [(await room.release(folder)).json()["id"] for folder in folders]
    assert (await room.seller.delete(f"/v1/folders/{folders[0]}")).status_code == 204
    await world.overrule("UPDATE vault.folder_grant SET expires_at = now() WHERE id = $1", UUID(grants[1]))
    assert [await room.seen(each) for each in documents] == [404, 404]
    late = await room.release(folders[1], expires_on="2099-01-01")
    assert late.status_code == 422 and late.json()["errors"][0]["field"] == "expires_on", "it never outlives the room"
    gone = await room.release(folders[0])
    assert gone.status_code == 422 and gone.json()["errors"][0]["field"] == "folder_id"


# -- the owner ---------------------------------------------------------------------------------------------------------


async def test_the_owner_takes_a_permission_back_and_reading_ends(world):
    room = await opened(world)
    folder, document = await room.folder("a"), await room.document("a")
    permission = await room.allowed(folder)
    assert (await room.release(folder)).status_code == 201 and await room.seen(document) == 200
    assert (await room.seller.post(f"/v1/folder-permissions/{permission}/link")).status_code == 201
    await world.owner_answers(room.published, "withdrawn")
    assert await room.seen(document) == 404
    assert (await kinds(room))[-2:] == ["folder_permission_revoked", "folder_revoked"]
    assert (await room.release(folder)).json()["code"] == "folder_permission_needed"
    assert (await room.buyer.get(f"/v1/dossiers/{room.deal}")).status_code == 200, "the dossier stays"
    await room.allowed(folder)
    assert (await room.release(folder)).status_code == 201 and await room.seen(document) == 200


async def test_a_yes_by_link_needs_the_code_from_the_owners_mail(world):
    room = await opened(world)
    folder, email = await room.folder("a"), room.published.owner_email
    await room.seller.post(f"{room.path}/folder-permissions", {"folder_ids": [folder]})
    link = await world.owner_link(email)
    await world.page_answered(link, email, "yes", code="000000")
    assert (await room.seller.get(f"{room.path}/folder-permissions")).json()["items"][0]["decision"] is None
    await world.page_answered(link, email, "yes")
    rows = await world.seed("SELECT p.decision, a.code_id, c.channel FROM vault.folder_permission p JOIN vault.decider_answer a ON a.subject_id = p.id "
                            "JOIN ops.one_time_code c ON c.id = a.code_id WHERE p.deal_id::text = $1", room.deal)
    assert [(row["decision"], row["channel"]) for row in rows] == [("yes", "mail")]


async def test_a_no_closes_the_folder_and_tells_the_buyer_nothing(world):
    room = await opened(world)
    folder = await room.folder("a")
    before = len(await world.letters(organisation=room.buyer.organisation_id))
    asked = await room.seller.post(f"{room.path}/folder-permissions", {"folder_ids": [folder]})
    letter = (await world.letters(room.published.owner_email))[-1]
    assert letter["template"] == "owner_folder" and room.published.legal_name not in json.dumps(letter)
    await world.owner_answers(room.published, "no")
    assert (await room.release(folder)).json()["code"] == "folder_permission_needed"
    assert (await room.seller.post(f"/v1/folder-permissions/{asked.json()['id']}/link")).json()["code"] == "step_refused"
    assert len(await world.letters(organisation=room.buyer.organisation_id)) == before
    assert (await room.buyer.get(room.path)).json()["outcome"] is None
    assert (await room.buyer.get(f"{room.path}/folder-permissions")).status_code == 403


async def test_on_paper_a_second_person_makes_the_permission_count(world):
    room = await opened(world)
    folder, second = await room.folder("a"), await world.member(room.seller.organisation_id, "intermediary")
    asked = (await room.seller.post(f"{room.path}/folder-permissions", {"folder_ids": [folder], "by": "paper"})).json()
    paper = await room.seller.post(f"/v1/listings/{room.published.listing_id}/paper-evidence", {
        "purpose": "folder", "subject_id": asked["id"], "decision": "yes", "seal": "signature", "signer": "架空 太郎", "witness": "架空 次郎",
        "signed_on": "2026-01-10", "scan": base64.b64encode(SCAN).decode()})
    assert paper.status_code == 201, paper.text
    assert (await room.release(folder)).json()["code"] == "folder_permission_needed"
    confirmed = await second.post(f"/v1/listings/{room.published.listing_id}/paper-evidence/{paper.json()['id']}/confirmation")
    assert confirmed.status_code in (200, 201), confirmed.text
    answered = (await room.seller.get(f"{room.path}/folder-permissions")).json()["items"][0]
    assert (answered["decision"], answered["method"]) == ("yes", "paper")
    assert (await room.release(folder)).status_code == 201


async def test_what_the_owner_was_asked_about_stays_what_it_is(world):
    room = await opened(world)
    folder = await room.folder("a", competitor_sensitive=True)
    await room.seller.post(f"{room.path}/folder-permissions", {"folder_ids": [folder]})

    async def change(**fields):
        version = next(each["version"] for each in await room.seller.every(f"/v1/listings/{room.published.listing_id}/folders"))
        return await room.seller.patch(f"/v1/folders/{folder}", fields, headers={"If-Match": f'"{version}"'})

    for refused in ({"know_how_step": "K3"}, {"competitor_sensitive": False}):
        assert (await change(**refused)).json()["code"] == "folder_settled"
    assert (await change(name="Other", view_only=True)).status_code == 200, "its name, and more care, are free"
    unknown = await room.seller.post(f"{room.path}/folder-permissions", {"folder_ids": [str(UUID(int=1))]})
    assert unknown.status_code == 422 and unknown.json()["errors"][0]["field"] == "folder_ids"


# -- where documents go ------------------------------------------------------------------------------------------------


async def checks(room):
    return {each["document_id"]: each for each in await room.seller.every(f"{room.path}/recipient-checks")}


async def test_personal_data_wait_for_a_named_person_and_a_change_closes_them_again(world):
    room = await opened(world, "US")
    folder = await room.folder("Staff")
    document = await room.document("Staff", contains_personal_data=True, appi_basis="consent")
    await room.allowed(folder)
    waiting = await room.release(folder)
    assert waiting.status_code == 409 and waiting.json()["code"] == "recipient_check_needed" and waiting.json()["documents"] == [document]
    check = (await checks(room))[document]
    assert check["open"] and [each["hint"] for each in check["hints"]] == ["appi_consent:US"] and check["confirmed_by"] is None
    body = {"document_id": document, "hints": ["appi_consent:US"], "words": "Signed consents in the file."}
    assert (await room.seller.post(f"{room.path}/recipient-checks", body)).status_code == 403, "a person, not a key"
    wrong = await room.person.post(f"{room.path}/recipient-checks", body | {"hints": ["appi_consent:DE"]})
    assert wrong.json()["code"] == "hints_changed"
    confirmed = await room.person.post(f"{room.path}/recipient-checks", body)
    assert confirmed.status_code == 201 and not confirmed.json()["open"], confirmed.text
    name = (await world.seed("SELECT name FROM vault.member WHERE id = $1", room.person.member_id))[0]["name"]
    assert confirmed.json()["confirmed_by"] == name and confirmed.json()["confirmed_at"]
    assert (await room.release(folder)).status_code == 201 and await room.seen(document) == 200
    await world.overrule("UPDATE vault.organisation SET head_office_country = 'CN' WHERE id = $1", room.buyer.organisation_id)
    assert await room.seen(document) == 404, "it would be read in another country now"
    await world.overrule("UPDATE vault.organisation SET head_office_country = NULL WHERE id = $1", room.buyer.organisation_id)
    assert await room.seen(document) == 200
    assert (await room.seller.put(f"/v1/documents/{document}/declaration", {
        "contains_personal_data": True, "appi_basis": "consent", "export_control_class": "list_controlled"})).status_code == 200
    assert await room.seen(document) == 404
    assert "cleared" not in json.dumps(await checks(room))


@pytest.mark.parametrize(("declared", "country", "hint"), [
    ({"export_control_class": "unknown"}, "GB", "export_unknown:GB"), ({"contains_personal_data": None}, "JP", "personal_data_unknown:-"),
    ({"contains_personal_data": True, "appi_basis": "succession_domestic"}, "DE", "appi_domestic_only:DE"),
    ({"contains_personal_data": True, "appi_basis": "adequate_country"}, "US", "appi_not_adequate:US"),
])
async def test_what_is_not_known_or_does_not_fit_cannot_be_confirmed_away(world, declared, country, hint):
    room = await opened(world, country)
    folder, document = await room.folder("a"), await room.document("a", **declared)
    await room.allowed(folder)
    assert (await room.release(folder)).json()["code"] == "recipient_check_needed"
    check = (await checks(room))[document]
    assert [(each["hint"], each["blocks"]) for each in check["hints"]] == [(hint, True)]
    tried = await room.person.post(f"{room.path}/recipient-checks", {"document_id": document, "hints": [hint], "words": "Never mind."})
    assert tried.status_code == 409 and tried.json()["code"] == "document_undeclared"


async def test_a_document_of_the_dossier_is_looked_at_before_it_is_read(world):
    published, buyer = await world.published(), await world.acquirer("US")
    document = (await published.seller.post(f"/v1/listings/{published.listing_id}/documents", {
        "level": "dossier", "filename": "a.txt", "content_base64": "YQ==", "contains_personal_data": False, "downloadable": True,
        "unmarked_reason": "A list of numbers."})).json()["id"]
    deal = await world.released(published, buyer)
    assert (await buyer.get(f"/v1/documents/{document}")).status_code == 404
    assert (await buyer.get(f"/v1/dossiers/{deal}")).json()["documents"] == []
    assert (await published.seller.put(f"/v1/documents/{document}/declaration", NOTHING)).status_code == 200
    assert (await buyer.get(f"/v1/documents/{document}")).status_code == 200
