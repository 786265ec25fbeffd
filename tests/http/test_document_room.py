"""Who sees which page, who may take a copy, whose copy was it, and when is all of that over?"""

from __future__ import annotations

import hashlib
import io
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from papers import image, office, pdf
from PIL import Image

from succession.commands.document import _adopt, _trace
from succession.commands.rewrap import rewrap
from succession.store import wrapping
from succession.store.sweep import sweep_store
from succession.workbench.mark import marks_in
from world import ORIGIN

DECLARED = {"contains_personal_data": False, "export_control_class": "none"}


@pytest.fixture
async def room(world):
    """A buyer with the dossier open, and a PDF of two pages in it that may be downloaded."""
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    return published, buyer, deal, await sent(published.seller, published.listing_id, "accounts.pdf", pdf(2), downloadable=True)


async def sent(seller, listing, filename, content, **more):
    """Through the two steps that large documents take; the document."""
    upload = await seller.post(f"/v1/listings/{listing}/uploads", {"level": "dossier", "filename": filename} | DECLARED | more)
    assert upload.status_code == 201, upload.text
    added = await seller.client.put(f"/v1/uploads/{upload.json()['id']}/content", content=content)
    assert added.status_code == 200, added.text
    state = (await seller.get(f"/v1/uploads/{upload.json()['id']}")).json()
    assert (state["state"], state["document_id"], state["malware_check"]) == ("available", added.json()["id"], "not_scanned")
    return added.json()


async def seen(world, listing):
    return [row["what"] for row in await world.seed("SELECT what FROM vault.access WHERE listing_id = $1 ORDER BY id", listing)]


# ---------------------------------------------------------------------------------------------------------------------
# Looking


async def test_looking_and_taking_are_logged_apart_and_before_the_first_byte(world, room):
    published, buyer, _deal, document = room
    path = f"/v1/documents/{document['id']}"
    page = await buyer.get(f"{path}/pages/2?width=500")
    assert page.headers["content-type"] == "image/png" and Image.open(io.BytesIO(page.content)).width == 500
    assert (await buyer.get(path)).status_code == 200
    assert await seen(world, published.listing_id) == [f"document:{document['id']}:page:2", f"document:{document['id']}:download"]
    listed = (await published.seller.get(f"/v1/listings/{published.listing_id}/accesses")).json()["items"]
    assert [each["what"].rpartition(":")[2] for each in listed] == ["download", "2"]
    assert (await buyer.get(f"{path}/pages/3")).status_code == 404 and (await buyer.get(f"{path}/pages/0")).status_code in (404, 422)
    assert len(await seen(world, published.listing_id)) == 2, "a page that is not there was not looked at"
    assert (await published.seller.get(f"{path}/pages/1")).status_code == 200
    assert len(await seen(world, published.listing_id)) == 2, "the holder reads its own papers"


async def test_two_readers_see_two_pictures_of_one_page(world, room):
    published, buyer, deal, document = room
    colleague = await world.member(buyer.organisation_id, "acquirer")
    await world.bind(buyer, deal, colleague)
    await world.seed("UPDATE vault.member SET name = $2 WHERE id = $1", colleague.member_id, "山田 花子")
    path = f"/v1/documents/{document['id']}/pages/1"
    assert (await buyer.get(path)).content != (await colleague.get(path)).content
    marks = await world.seed("SELECT mark, page FROM vault.document_mark WHERE document_id = $1", UUID(document["id"]))
    assert len({row["mark"] for row in marks}) == 2 and {row["page"] for row in marks} == {1}


async def test_what_has_no_pages_is_not_shown_by_page(world, room):
    published, buyer, _deal, _document = room
    book = await sent(published.seller, published.listing_id, "books.xlsx", office())
    answer = await buyer.get(f"/v1/documents/{book['id']}/pages/1")
    assert (book["pages"], answer.status_code, answer.json()["code"]) == (None, 406, "download_only")


# ---------------------------------------------------------------------------------------------------------------------
# Taking


async def test_a_copy_is_taken_only_where_its_holder_allowed_it(world, room):
    published, buyer, _deal, document = room
    seller, path = published.seller, f"/v1/documents/{document['id']}"
    closed = await sent(seller, published.listing_id, "plan.png", image())
    refused = await buyer.get(f"/v1/documents/{closed['id']}")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_downloadable") and not closed["downloadable"]
    assert (await buyer.get(f"/v1/documents/{closed['id']}/pages/1")).status_code == 200
    assert (await seller.put(f"{path}/download-permission", {"allowed": False})).json()["downloadable"] is False
    assert (await buyer.get(path)).status_code == 403
    assert (await seller.put(f"{path}/download-permission", {"allowed": True})).status_code == 200
    assert (await buyer.get(path)).status_code == 200
    assert (await seen(world, published.listing_id)).count(f"document:{closed['id']}:download") == 0


async def test_what_cannot_be_marked_is_not_taken_without_a_reason_on_record(world, room):
    published, buyer, _deal, _document = room
    seller, listing = published.seller, published.listing_id
    refused = await seller.post(f"/v1/listings/{listing}/uploads", {"level": "dossier", "filename": "a.csv", "downloadable": True} | DECLARED)
    assert refused.status_code == 422 and refused.json()["errors"][0]["field"] == "unmarked_reason"
    plain = await sent(seller, listing, "a.csv", b"a,b\n")
    again = await seller.put(f"/v1/documents/{plain['id']}/download-permission", {"allowed": True})
    assert again.status_code == 422 and (await buyer.get(f"/v1/documents/{plain['id']}")).status_code == 403
    await seller.put(f"/v1/documents/{plain['id']}/download-permission", {"allowed": True, "unmarked_reason": "for the buyer's model"})
    assert (await buyer.get(f"/v1/documents/{plain['id']}")).content == b"a,b\n"
    assert [row[0] for row in await world.seed("SELECT unmarked_reason FROM vault.document_object WHERE document_id = $1", UUID(plain["id"]))] == [
        "for the buyer's model"]


async def test_a_folder_that_is_for_looking_only_gives_no_copy_whatever_the_document_says(world):
    published, buyer = await world.published(), await world.acquirer()
    folder = (await published.seller.post(f"/v1/listings/{published.listing_id}/folders", {"name": "/plans", "view_only": True})).json()
    document = await sent(published.seller, published.listing_id, "plan.png", image(), level="data_room", folder="/plans", downloadable=True)
    assert document["folder_id"] == folder["id"] and document["view_only"] and not document["downloadable"]
    await world.released(published, buyer, "data_room")
    refused = await buyer.get(f"/v1/documents/{document['id']}")
    assert (refused.status_code, refused.json()["code"]) == (403, "view_only")
    assert (await buyer.get(f"/v1/documents/{document['id']}/pages/1")).status_code == 200
    assert marks_in((await published.seller.get(f"/v1/documents/{document['id']}")).content) == []


@pytest.mark.parametrize(("filename", "content"), [("accounts.pdf", pdf(2)), ("plan.png", image()), ("site.jpeg", image("jpeg"))])
async def test_a_leaked_copy_names_who_took_it(world, room, settings, filename, content, tmp_path, capsys):
    published, buyer, deal, _document = room
    document = await sent(published.seller, published.listing_id, filename, content, downloadable=True)
    colleague = await world.member(buyer.organisation_id, "acquirer")
    await world.bind(buyer, deal, colleague)
    mine, theirs = [(await caller.get(f"/v1/documents/{document['id']}")).content for caller in (buyer, colleague)]
    assert mine != theirs and hashlib.sha256(mine).hexdigest() != document["content_hash"]
    leaked = tmp_path / f"found.{filename[-3:]}"
    leaked.write_bytes(theirs)
    assert await _trace(settings, leaked, []) == 0
    said = capsys.readouterr().out
    assert colleague.email in said and buyer.email not in said and deal in said and "a copy of" in said
    (mark,) = marks_in(mine)
    assert await _trace(settings, None, [f"{mark[:8].lower()} {mark[8:]}"]) == 0 and buyer.email in capsys.readouterr().out
    leaked.write_bytes((await published.seller.get(f"/v1/documents/{document['id']}")).content)
    assert await _trace(settings, leaked, []) == 1 and "no mark" in capsys.readouterr().out


async def test_no_copy_stays_in_the_store_and_nothing_in_it_is_readable(world, room, settings):
    published, buyer, _deal, document = room
    await buyer.get(f"/v1/documents/{document['id']}")
    rows = await world.seed("SELECT id, purpose, keep_until, deleted_at FROM vault.store_object WHERE listing_id = $1", published.listing_id)
    held = {path.name: path.read_bytes() for path in (settings.data_dir / "store").rglob("*") if path.is_file()}
    kept = {row["id"].hex for row in rows} & set(held)
    assert kept == {row["id"].hex for row in rows if row["purpose"] == "document"}
    assert all(row["keep_until"] is None for row in rows if row["id"].hex in kept)
    for content in (held[name] for name in kept):
        assert b"%PDF" not in content and b"Statement" not in content


# ---------------------------------------------------------------------------------------------------------------------
# Links


async def test_a_link_shows_pages_to_nobody_in_particular_but_counts_and_ends(world, room):
    published, buyer, deal, document = room
    made = await buyer.post(f"/v1/documents/{document['id']}/links", {"uses": 2, "hours": 1})
    assert made.status_code == 201, made.text
    link, device = made.json()["url"].removeprefix(ORIGIN), world.client()
    token = link.split("/")[3]
    assert [bytes(row[0]) for row in await world.seed("SELECT token_hash FROM vault.document_link WHERE id = $1", UUID(made.json()["id"]))] == [
        hashlib.sha256(token.encode()).digest()]
    first = await device.get(f"{link}1", headers={"User-Agent": "another device"})
    assert first.status_code == 200 and first.headers["content-type"] == "image/png"
    assert (await seen(world, published.listing_id))[-1] == f"document:{document['id']}:page:1:link"
    agent = await world.seed("SELECT agent, member_id FROM vault.access WHERE listing_id = $1 ORDER BY id DESC LIMIT 1", published.listing_id)
    assert tuple(agent[0]) == ("another device", buyer.member_id)
    assert (await device.get(f"{link}2")).status_code == 200
    third = await device.get(f"{link}1")
    assert (third.status_code, third.json()["code"]) == (404, "link_invalid")
    unknown = await device.get(f"/v1/document-links/{'x' * 43}/pages/1")
    assert {**unknown.json(), "instance": ""} == {**third.json(), "instance": ""}


@pytest.mark.parametrize("ending", ["grant revoked", "document removed", "member left", "expired", "buyer suspended"])
async def test_a_link_ends_with_what_it_hangs_on(world, room, ending):
    published, buyer, deal, document = room
    link = (await buyer.post(f"/v1/documents/{document['id']}/links")).json()["url"].removeprefix(ORIGIN)
    device = world.client()
    assert (await device.get(f"{link}1")).status_code == 200
    if ending == "grant revoked":
        grant = (await buyer.get("/v1/grants")).json()["items"][0]["id"]
        await published.seller.post(f"/v1/grants/{grant}/revocation", {"reason": "misuse"})
    elif ending == "document removed":
        await published.seller.delete(f"/v1/documents/{document['id']}")
    else:
        await world.overrule(*{
            "member left": ("UPDATE vault.member SET status = 'left' WHERE id = $1", buyer.member_id),
            "buyer suspended": ("UPDATE vault.organisation SET status = 'suspended' WHERE id = $1", buyer.organisation_id),
            "expired": ("UPDATE vault.document_link SET expires_at = now() WHERE document_id = $1", UUID(document["id"]))}[ending])
    over = await device.get(f"{link}1")
    await world.overrule("UPDATE vault.organisation SET status = 'verified' WHERE id = $1", buyer.organisation_id)
    assert (over.status_code, over.json()["code"]) == (404, "link_invalid")


@pytest.mark.parametrize("who", ["maker", "administrator of the reader", "administrator of the holder"])
async def test_a_link_is_ended_by_its_maker_or_an_administrator_of_either_side_and_by_nobody_else(world, room, who):
    published, buyer, deal, document = room
    reader = await world.member(buyer.organisation_id, "acquirer")
    await world.bind(buyer, deal, reader)
    made = (await reader.post(f"/v1/documents/{document['id']}/links")).json()
    link, path, listed = made["url"].removeprefix(ORIGIN), f"/v1/document-links/{made['id']}", f"/v1/listings/{published.listing_id}/document-links"
    device = world.client()
    colleagues = [await world.member(buyer.organisation_id, "acquirer"),
                  await world.member(published.seller.organisation_id, "intermediary")]
    for stranger in (*colleagues, await world.acquirer(), await world.intermediary()):
        assert (await stranger.delete(path)).status_code == 404
        assert made["id"] not in (await stranger.get(listed)).text
    assert (await world.client().delete(path, headers={"Origin": ORIGIN})).status_code == 401
    assert (await device.get(f"{link}1")).status_code == 200, "nothing was ended"

    ender = {"maker": reader, "administrator of the reader": buyer, "administrator of the holder": published.seller}[who]
    (seen_there,) = (await ender.get(listed)).json()["items"]
    assert (seen_there["id"], seen_there["member_id"], seen_there["uses"]) == (made["id"], str(reader.member_id), 1) and "url" not in seen_there
    assert (await ender.delete(path)).status_code == 204
    over = await device.get(f"{link}1")
    assert (over.status_code, over.json()["code"]) == (404, "link_invalid")
    assert (await ender.delete(path)).status_code == 404 and (await ender.get(listed)).json()["items"] == []
    (row,) = await world.seed("SELECT ended_by, uses FROM vault.document_link WHERE id = $1", UUID(made["id"]))
    assert tuple(row) == (ender.member_id, 1)
    with pytest.raises(Exception, match="opens nothing any more"):
        await world.seed("UPDATE vault.document_link SET ended_at = NULL, ended_by = NULL WHERE id = $1", UUID(made["id"]))


async def test_a_page_on_its_way_through_a_link_that_is_ended_does_not_arrive(world, room, app, monkeypatch):
    """Ended while the page is being drawn, after the link was counted: nothing of the picture leaves."""
    _published, buyer, _deal, document = room
    made = (await buyer.post(f"/v1/documents/{document['id']}/links")).json()
    drawing = app.state.vault.workbench.job

    @asynccontextmanager
    async def slow(*arguments):
        assert (await buyer.delete(f"/v1/document-links/{made['id']}")).status_code == 204
        async with drawing(*arguments) as job:
            yield job

    monkeypatch.setattr(app.state.vault.workbench, "job", slow)
    answer = await world.client().get(f"{made['url'].removeprefix(ORIGIN)}1")
    assert (answer.status_code, answer.json()["code"]) == (404, "link_invalid")


async def test_nobody_makes_a_link_without_a_grant_or_for_longer_than_a_day(world, room):
    published, buyer, _deal, document = room
    path = f"/v1/documents/{document['id']}/links"
    assert (await published.seller.post(path)).status_code == 404, "its holder has no grant, and needs none"
    assert (await (await world.acquirer()).post(path)).status_code == 404
    for wrong in ({"hours": 25}, {"uses": 101}, {"uses": 0}):
        assert (await buyer.post(path, wrong)).status_code == 422
    assert {(await buyer.post(path)).status_code for _number in range(20)} == {201}
    assert (await buyer.post(path)).json()["code"] == "limit_reached"


# ---------------------------------------------------------------------------------------------------------------------
# Scanner, erasure, keys


@pytest.mark.parametrize(("exit_status", "status", "code", "state"), [
    (0, 201, None, "clean"), (1, 422, "document_refused", "infected"), (7, 503, "unavailable", "failed")])
async def test_nothing_comes_in_past_a_scanner(world, app, exit_status, status, code, state, monkeypatch):
    published = await world.published()
    monkeypatch.setitem(app.state.vault.settings.__dict__, "scan_command", f"sh -c 'cat >/dev/null; exit {exit_status}'")
    answer = await published.seller.post(f"/v1/listings/{published.listing_id}/documents", {
        "level": "dossier", "filename": "a.txt", "content_base64": "YQ=="} | DECLARED)
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    row = (await world.seed("SELECT state, malware FROM vault.document_upload WHERE listing_id = $1", published.listing_id))[0]
    assert row["malware"] == state and (row["state"] == "available") == (status == 201)
    if status == 201:
        assert answer.json()["malware_check"] == "clean"
    else:
        assert await world.seed("SELECT 1 FROM vault.document WHERE listing_id = $1", published.listing_id) == []


async def test_no_document_is_larger_than_the_setting_says(world, app, monkeypatch):
    published = await world.published()
    monkeypatch.setitem(app.state.vault.settings.__dict__, "document_most_bytes", 2_000_000)
    async def pieces():
        for _number in range(3):
            yield b"x" * 1_000_000
    for content in (pieces(), b"x" * 2_000_001):  # of no stated length, and of a stated one
        upload = (await published.seller.post(f"/v1/listings/{published.listing_id}/uploads", {"level": "dossier", "filename": "a.txt"})).json()
        refused = await published.seller.client.put(f"/v1/uploads/{upload['id']}/content", content=content)
        assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")
    assert await world.seed("SELECT 1 FROM vault.document WHERE listing_id = $1", published.listing_id) == []


async def test_two_persons_erase_every_document_of_a_listing_for_good(world, room, settings, as_database_role):
    published, buyer, _deal, document = room
    other = await world.published(published.seller)
    elsewhere = await sent(published.seller, other.listing_id, "a.txt", b"a")
    link = (await buyer.post(f"/v1/documents/{document['id']}/links")).json()["url"].removeprefix(ORIGIN)
    first = await world.signed_in(published.seller)
    second = await world.signed_in(await world.member(published.seller.organisation_id, "intermediary"))
    path = f"/v1/listings/{published.listing_id}/document-erasure"
    assert (await second.post(f"{path}/confirmation")).json()["code"] == "step_refused"
    asked = await first.post(path, {"reason": "the owner wishes it"})
    assert asked.status_code == 201 and asked.json()["erased_at"] is None, asked.text
    assert (await first.post(f"{path}/confirmation")).json()["code"] == "second_confirmation_needed"
    assert (await buyer.get(f"/v1/documents/{document['id']}/pages/1")).status_code == 200, "asked is not done"
    done = await second.post(f"{path}/confirmation")
    assert done.status_code == 201 and done.json()["erased_at"], done.text
    for client in (buyer, published.seller):
        for tail in ("", "/pages/1"):
            assert (await client.get(f"/v1/documents/{document['id']}{tail}")).status_code == 404
    assert (await world.client().get(f"{link}1")).status_code == 404
    refused = await published.seller.post(f"/v1/listings/{published.listing_id}/documents", {
        "level": "dossier", "filename": "a.txt", "content_base64": "YQ=="} | DECLARED)
    assert (refused.status_code, refused.json()["code"]) == (409, "documents_erased")
    assert (await published.seller.get(f"/v1/documents/{elsewhere['id']}")).content == b"a", "another listing's are untouched"
    await sweep_store(await as_database_role("succession_worker"), settings)
    left = {row["id"].hex for row in await world.seed("SELECT id FROM vault.store_object WHERE listing_id = $1", published.listing_id)}
    assert not left & {found.name for found in (settings.data_dir / "store").rglob("*")}
    (row,) = await world.seed("SELECT wrapped, destroyed_by FROM vault.listing_key WHERE listing_id = $1", published.listing_id)
    assert row["wrapped"] is None and row["destroyed_by"] == second.member_id


async def test_a_key_that_was_destroyed_does_not_come_back(world, room):
    published, _buyer, _deal, _document = room
    await world.seed("UPDATE vault.listing_key SET wrapped = NULL, destroyed_at = now() WHERE listing_id = $1", published.listing_id)
    with pytest.raises(Exception, match="does not come back"):
        await world.seed("UPDATE vault.listing_key SET wrapped = 'x', destroyed_at = NULL WHERE listing_id = $1", published.listing_id)


async def test_retention_erases_only_what_is_over(world, room, as_database_role):
    published, _buyer, _deal, document = room
    worker = await as_database_role("succession_worker")
    ask = "SELECT vault.erase_documents_kept_until($1, 'ten years')"
    assert not await worker.fetchval(ask, published.listing_id)
    await world.overrule("UPDATE vault.listing SET state = 'withdrawn' WHERE id = $1", published.listing_id)
    assert await worker.fetchval(ask, published.listing_id)
    assert (await published.seller.get(f"/v1/documents/{document['id']}")).status_code == 404


async def test_rotation_wraps_every_key_anew_and_touches_no_document(world, room, app, settings, as_database_role):
    published, buyer, _deal, document = room
    before = wrapping.numbers(wrapping.folder_of(settings))
    wrapping.make_next(wrapping.folder_of(settings))
    seeder = await as_database_role("owner")
    await seeder.execute("SET ROLE succession_seeder")
    assert await rewrap(seeder, settings, lambda line: None) >= 1
    numbers = {row[0] for row in await world.seed("SELECT wrapping FROM vault.listing_key WHERE wrapped IS NOT NULL")}
    assert numbers == {app.state.vault.wrapping.newest()} and not numbers & set(before)
    assert (await buyer.get(f"/v1/documents/{document['id']}/pages/1")).status_code == 200


async def test_documents_of_before_are_moved_into_the_store_or_named(world, settings, capsys):
    published = await world.published()
    ids = {}
    for name, content in (("old.txt", b"old"), ("broken.pdf", b"%PDF- no")):
        row = await world.seed("INSERT INTO vault.document (listing_id, level, title, media_type, size_bytes, content_hash, added_by) "
                               "VALUES ($1, 'dossier', $2, 'x', $3, $4, $5) RETURNING id", published.listing_id, name, len(content),
                               hashlib.sha256(content).digest(), published.seller.member_id)
        ids[name] = row[0]["id"]
        await world.seed("INSERT INTO vault.document_content (document_id, listing_id, level, content) VALUES ($1, $2, 'dossier', $3)",
                         ids[name], published.listing_id, content)
    assert (await published.seller.get(f"/v1/documents/{ids['old.txt']}")).status_code == 404, "unread until it is moved"
    assert await _adopt(settings) == 1
    said = capsys.readouterr()
    assert "stay where nobody can read them" in said.out and str(ids["broken.pdf"]) in said.err
    assert (await published.seller.get(f"/v1/documents/{ids['old.txt']}")).content == b"old"
    left = await world.seed("SELECT document_id FROM vault.document_content WHERE listing_id = $1", published.listing_id)
    assert [row[0] for row in left] == [ids["broken.pdf"]]
    await world.seed("DELETE FROM vault.document_content WHERE document_id = $1", ids["broken.pdf"])


async def test_what_nobody_finished_is_swept_and_what_is_kept_stays(world, room, settings, as_database_role):
    published, _buyer, _deal, document = room
    stale, folder = uuid4(), settings.data_dir / "store"
    await world.seed("INSERT INTO vault.store_object (id, listing_id, purpose, keep_until) VALUES ($1, $2, 'quarantine', now() - interval '1 minute')",
                     stale, published.listing_id)
    path = Path(folder, stale.hex[:2], stale.hex)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    assert await sweep_store(await as_database_role("succession_worker"), settings) >= 1
    assert not path.exists() and (await published.seller.get(f"/v1/documents/{document['id']}")).status_code == 200
    assert await world.seed("SELECT 1 FROM vault.store_object WHERE id = $1 AND deleted_at IS NOT NULL", stale)


# ---------------------------------------------------------------------------------------------------------------------
# Long lists


async def test_documents_and_links_of_a_room_are_read_to_their_end_by_a_cursor_that_is_nobody_elses(world, room):
    published, buyer, deal, document = room
    colleague = await world.member(published.seller.organisation_id, "intermediary", role="admin")
    names = [document["title"], *(f"{letter}.txt" for letter in "dacb")]
    for name in names[1:]:
        await sent(published.seller, published.listing_id, name, b"fictitious", downloadable=True, unmarked_reason="plain text")
    at = f"/v1/listings/{published.listing_id}"
    made = [(await buyer.post(f"/v1/documents/{document['id']}/links")).json()["id"] for _ in range(5)]
    for reader in (published.seller, buyer):
        for path, wanted, column in ((f"{at}/documents", sorted(names), "title"), (f"{at}/document-links", made[::-1], "id")):
            found, cursor = [], None
            for size in (2, 2, 1):
                page = (await reader.get(path, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
                assert len(page["items"]) == size
                found += [each[column] for each in page["items"]]
                if cursor := page["next_cursor"]:
                    for other in (colleague, buyer if reader is published.seller else published.seller):
                        assert (await other.get(path, params={"cursor": cursor})).json()["code"] == "cursor_invalid"
            assert found == wanted and cursor is None
    assert await colleague.every(f"{at}/document-links", limit=2) == (await colleague.get(f"{at}/document-links")).json()["items"]
