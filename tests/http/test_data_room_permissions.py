"""Who may do what in a data room? Strangers of every kind and the other side change nothing, send nothing and learn nothing."""

from __future__ import annotations

from uuid import uuid4

import pytest
from room_scene import UNDERTAKING, opened
from world import ORIGIN

DEAL = "/v1/disclosure-requests/{deal}"
SELLER = (
    ("POST", "/v1/listings/{listing}/folders", {"name": "x"}), ("PATCH", "/v1/folders/{folder}", {"name": "x"}),
    ("DELETE", "/v1/folders/{folder}", None),
    ("PUT", "/v1/documents/{document}/declaration", {"contains_personal_data": False, "export_control_class": "none"}),
    ("PUT", "/v1/documents/{document}/folder", {"folder_id": "{folder}"}),
    ("GET", f"{DEAL}/folder-permissions", None), ("POST", f"{DEAL}/folder-permissions", {"folder_ids": ["{folder}"]}),
    ("POST", "/v1/folder-permissions/{permission}/link", {}), ("POST", f"{DEAL}/folder-releases", {"folder_id": "{folder}"}),
    ("POST", "/v1/folder-grants/{grant}/revocation", {"reason": "mistake"}), ("GET", f"{DEAL}/recipient-checks", None),
    ("POST", f"{DEAL}/recipient-checks", {"document_id": "{document}", "hints": ["export_catch_all:GB"], "words": "x"}),
    ("POST", "/v1/competition/{declaration}/confirmation", {"words": "x"}), ("POST", "/v1/clean-team/{entry}/acceptance", {}),
)  # fmt: skip
BUYER = (("POST", f"{DEAL}/clean-team", UNDERTAKING | {"member_id": "{member}"}),)
BOTH = (
    ("GET", "/v1/listings/{listing}/folders", None), ("GET", f"{DEAL}/folder-grants", None), ("GET", f"{DEAL}/competition", None),
    ("GET", f"{DEAL}/clean-team", None),
)  # fmt: skip
EITHER = (("POST", f"{DEAL}/competition", {"competes": True, "words": "x"}), ("POST", "/v1/clean-team/{entry}/end", {}))
TABLES = ("folder", "folder_permission", "folder_grant", "competitor_declaration", "clean_team_member", "recipient_confirmation",
          "document", "ledger_entry", "owner_link", "audit_event", "access")


@pytest.fixture
async def scene(world):
    room = await opened(world)
    folder, document = await room.folder("a"), await room.document("a")
    permission = await room.allowed(folder)
    grant = (await room.release(folder)).json()["id"]
    declaration = (await room.buyer.post(f"{room.path}/competition", {"competes": False, "words": "x"})).json()["id"]
    _reader, entry = await room.clean_member(accepted=False)
    return room, {"deal": room.deal, "listing": room.published.listing_id, "folder": folder, "document": document, "grant": grant,
                  "permission": permission, "declaration": declaration, "entry": entry, "member": room.buyer.member_id}


async def state(world):
    rows = [(await world.seed(f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM vault.{table} t"))[0][0] for table in TABLES]
    return rows, (await world.seed("SELECT count(*) FROM ops.outbox"))[0][0]


def filled(value, ids):
    if isinstance(value, str):
        return value.format(**ids)
    if isinstance(value, list):
        return [filled(each, ids) for each in value]
    return {name: filled(each, ids) for name, each in value.items()} if isinstance(value, dict) else value


async def asked(client, step, ids):
    method, path, body = step
    return await client.request(method, path.format(**ids), json=filled(body, ids), headers={"If-Match": '"1"'})


async def test_strangers_of_every_kind_change_nothing_and_learn_nothing(world, scene):
    room, ids = scene
    strangers = {
        "anonymous": world.client(Origin=ORIGIN), "acquirer": (await world.acquirer()).client,
        "intermediary": (await world.signed_in(await world.intermediary("bank"))).client, "desk": (await world.agency()).client,
        "operator": (await world.operator()).client, "unverified": (await world.acquirer(status="pending")).client,
    }
    before = await state(world)
    for kind, client in strangers.items():
        for step in (*SELLER, *BUYER, *BOTH, *EITHER):
            answer = await asked(client, step, ids)
            expected = {401} if kind == "anonymous" else {403} if kind == "unverified" else {403, 404}
            assert answer.status_code in expected, (kind, step[:2], answer.status_code, answer.text)
            if answer.status_code == 404:
                missing = await asked(client, step, {name: uuid4() for name in ids})
                assert {**missing.json(), "instance": ""} == {**answer.json(), "instance": ""}, (kind, step[:2])
            assert room.published.legal_name not in answer.text
    assert await state(world) == before


async def test_the_other_side_sees_and_may_not_act(world, scene):
    room, ids = scene
    browser = (await world.signed_in(room.buyer)).client
    before = await state(world)
    for step in SELLER:
        for client in (room.buyer.client, browser):
            answer = await asked(client, step, ids)
            assert answer.status_code in (403, 404), (step[:2], answer.status_code, answer.text)
    for step in BUYER:
        for client in (room.seller.client, room.person.client):
            assert (await asked(client, step, ids)).status_code in (403, 404), step[:2]
    assert await state(world) == before
    for step in BOTH:
        for party in (room.buyer, room.seller):
            assert (await asked(party.client, step, ids)).status_code == 200, step[:2]


async def test_either_side_may_declare_and_end(world, scene):
    room, ids = scene
    for client in (room.buyer.client, room.seller.client):
        assert (await asked(client, EITHER[0], ids)).status_code == 201
    assert (await asked(room.seller.client, EITHER[1], ids)).status_code == 201
