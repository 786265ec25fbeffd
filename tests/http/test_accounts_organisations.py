"""Who sees and changes which organisation and which member, and what does the operator's word do?"""

import asyncio
import secrets

import pytest

from world import PASSWORD

EVIDENCE = [{"kind": "register_extract", "reference": "extract 12", "seen_on": "2025-01-31"}]


@pytest.fixture(autouse=True)
async def rested(app):
    await app.state.redis.flushdb()


def decision(word, **changes):
    return {"decision": word, "evidence": EVIDENCE} | changes


async def decide(operator, organisation_id, word, version=1, **changes):
    return await operator.post(f"/v1/organisations/{organisation_id}/verification", decision(word, **changes),
                               headers={"If-Match": f'"{version}"'})


async def sent(world) -> int:
    return (await world.seed("SELECT count(*) FROM ops.outbox"))[0][0]


async def standing(world, organisation_id) -> str:
    return (await world.seed("SELECT status FROM vault.organisation WHERE id = $1", organisation_id))[0][0]


FOREIGN = {"registry_number": "R-1", "head_office_country": "GB", "ultimate_parent": "Fictitious Parent", "ultimate_parent_country": "NL",
           "without_beneficial_owner": "listed"}


@pytest.fixture
async def buyer(world):
    """A verified foreign company in a browser, everything declared."""
    return await world.signed_in(await world.acquirer(**(FOREIGN | {"registry_number": secrets.token_hex(4).upper()})))


# ---------------------------------------------------------------- verification


async def test_the_operators_decision_is_kept_told_and_read(world):
    operator = await world.signed_in(await world.operator())
    pending = await world.acquirer(status="pending")
    answer = await decide(operator, pending.organisation_id, "refused", note="The extract is older than three months.")
    assert answer.status_code == 201 and answer.headers["etag"] == '"2"'
    (letter,) = await world.letters(organisation=pending.organisation_id)
    assert letter["template"] == "organisation_refused"
    (kept,) = (await (await world.signed_in(pending)).get("/v1/organisations/me")).json()["verifications"]
    assert (kept["decision"], kept["note"], kept["organisation_version"]) == ("refused", "The extract is older than three months.", 1)
    assert kept["evidence"] == EVIDENCE and kept["decided_by"] == str(operator.member_id)


@pytest.mark.parametrize(("status", "word", "expected"), [
    ("pending", "verified", 201), ("pending", "refused", 201), ("pending", "suspended", 409),
    ("verified", "verified", 201), ("verified", "suspended", 201), ("verified", "refused", 409),
    ("refused", "verified", 201), ("refused", "suspended", 409),
    ("suspended", "verified", 201), ("suspended", "refused", 201), ("suspended", "suspended", 409),
])
async def test_which_decision_may_follow_which_standing(world, status, word, expected):
    operator, subject = await world.signed_in(await world.operator()), await world.acquirer(status=status)
    before = await sent(world)
    answer = await decide(operator, subject.organisation_id, word)
    assert answer.status_code == expected
    assert await standing(world, subject.organisation_id) == (word if expected == 201 else status)
    assert await sent(world) - before == (1 if expected == 201 else 0)


async def test_only_a_person_of_the_operator_decides(world, http):
    subject = await world.acquirer(status="pending")
    clerk = await world.member((await world.operator()).organisation_id, "operator", role="member")
    asked = [(http, 401), ((await world.operator()).client, 403), ((await world.signed_in(clerk)).client, 403),
             ((await world.signed_in(subject)).client, 403), ((await world.signed_in(await world.intermediary())).client, 403),
             ((await world.signed_in(await world.agency())).client, 403)]
    for client, status in asked:
        answer = await client.post(f"/v1/organisations/{subject.organisation_id}/verification", json=decision("verified"),
                                   headers={"If-Match": '"1"', "Origin": "http://127.0.0.1:8400"})
        assert answer.status_code == status
    assert await standing(world, subject.organisation_id) == "pending"
    assert await world.letters(organisation=subject.organisation_id) == []


async def test_what_was_changed_after_reading_is_not_verified(world):
    operator = await world.signed_in(await world.operator())
    subject = await world.signed_in(await world.acquirer(status="pending", **(FOREIGN | {"registry_number": secrets.token_hex(4).upper()})))
    assert (await subject.patch("/v1/organisations/me", {"legal_name": "Another Name Ltd"}, headers={"If-Match": '"1"'})).status_code == 200
    assert (await decide(operator, subject.organisation_id, "verified")).json()["code"] == "stale"
    missing = await operator.post(f"/v1/organisations/{subject.organisation_id}/verification", decision("verified"))
    assert missing.json()["code"] == "precondition_required"
    assert await standing(world, subject.organisation_id) == "pending"


async def test_an_operator_does_not_decide_about_its_own_house_or_about_nobody(world):
    operator = await world.signed_in(await world.operator())
    assert (await decide(operator, operator.organisation_id, "suspended")).status_code == 403
    assert (await decide(operator, "00000000-0000-4000-8000-000000000000", "verified")).status_code == 404


async def test_a_decision_is_evidence_in_the_database_too(world, as_database_role):
    operator, subject = await world.signed_in(await world.operator()), await world.acquirer(status="pending")
    await decide(operator, subject.organisation_id, "verified")
    owner = await as_database_role("owner")
    for statement in ("UPDATE vault.verification SET note = 'x'", "DELETE FROM vault.verification", "TRUNCATE vault.verification CASCADE"):
        with pytest.raises(Exception, match="evidence"):
            await owner.execute(statement)


async def test_suspension_takes_everything_but_the_account_and_cannot_be_lifted_by_an_edit(world, buyer):
    operator = await world.signed_in(await world.operator())
    assert (await decide(operator, buyer.organisation_id, "suspended")).status_code == 201
    who = (await buyer.get("/v1/sessions/current")).json()
    # Its account and officers, and what is held against it: who is suspended may object all the same.
    assert who["verified"] is False and not [p for p in who["permissions"]
                                             if p.split(":")[0] not in ("account", "adverse_event", "member", "officer", "second_factor")]
    edited = await buyer.patch("/v1/organisations/me", {"legal_name": "Fresh Start Ltd"}, headers={"If-Match": '"2"'})
    assert edited.status_code == 200 and edited.json()["status"] == "suspended"


async def test_sql_does_not_let_an_organisation_lift_its_standing(world, buyer, as_database_role):
    app = await as_database_role("succession_app")
    for before, after in (("suspended", "pending"), ("suspended", "verified"), ("pending", "verified")):
        await world.seed("WITH k AS MATERIALIZED (SELECT set_config('succession.kind', 'operator', true)) "
                         "UPDATE vault.organisation SET status = $2 FROM k WHERE id = $1", buyer.organisation_id, before)
        with pytest.raises(Exception, match="only the operator"):
            async with app.transaction():
                await app.execute("SELECT set_config('succession.kind', 'acquirer', true), set_config('succession.organisation', $1, true)",
                                  str(buyer.organisation_id))
                await app.execute("UPDATE vault.organisation SET status = $1", after)


# ---------------------------------------------------------------- one's own organisation


@pytest.mark.parametrize(("change", "status"), [
    ({"website": "https://firm.example/"}, "verified"), ({"business": "Machine tools\nand parts"}, "verified"),
    ({"website": None}, "verified"), ({"legal_name": "Other Ltd"}, "pending"), ({"lei": None}, "verified"),
    ({"group_name": "Other Group"}, "pending"), ({"country": "FR"}, "pending"), ({"buyer_kind": "fund"}, "pending"),
    ({"beneficial_owners": [{"name": "Ada Nobody", "country": "NL", "share_percent": 30.5}], "without_beneficial_owner": None}, "pending"),
])
async def test_changing_what_was_verified_asks_for_a_new_look(world, buyer, change, status):
    answer = await buyer.patch("/v1/organisations/me", change, headers={"If-Match": '"1"'})
    assert answer.status_code == 200, answer.text
    read = (await buyer.get("/v1/organisations/me")).json()
    assert read == answer.json() and (read["status"], read["version"]) == (status, 2)
    assert all(read[name] == value for name, value in change.items())
    kept = await world.seed("SELECT kind, value FROM vault.organisation_key WHERE organisation_id = $1", buyer.organisation_id)
    if "group_name" in change:
        assert ("group", "other group") in [tuple(row) for row in kept], "an exclusion by group holds at once"
    if "beneficial_owners" in change:
        assert ("person", "ada nobody") in [tuple(row) for row in kept]


async def test_the_yearly_record_is_no_new_identity(world):
    record = {"prefecture": "JP-29", "legal_form": "kk", "support_type": "fa", "staff_band": "1_2", "founded_decade": 2010,
              "fee_table_submitted": True, "compliance_declaration_url": "https://firm.example/c", "compliance_declaration_version": "1"}
    firm = await world.signed_in(await world.intermediary("registered_institution"))
    first = await firm.patch("/v1/organisations/me", {"registration": record}, headers={"If-Match": '"1"'})
    assert first.json()["status"] == "pending", "legal form and type were not declared before"
    operator = await world.signed_in(await world.operator())
    await decide(operator, firm.organisation_id, "verified", version=2)
    later = await firm.patch("/v1/organisations/me", {"registration": record | {"annual_report_filed_on": "2025-06-30"}}, headers={"If-Match": '"3"'})
    assert later.json()["status"] == "verified" and later.json()["registration"]["annual_report_filed_on"] == "2025-06-30"


async def test_an_edit_states_its_version_and_is_read_as_a_whole(world, buyer):
    assert (await buyer.patch("/v1/organisations/me", {"website": None})).status_code == 428
    assert (await buyer.patch("/v1/organisations/me", {"website": None}, headers={"If-Match": '"7"'})).status_code == 412
    incomplete = await buyer.patch("/v1/organisations/me", {"ultimate_parent": None}, headers={"If-Match": '"1"'})
    assert incomplete.status_code == 422 and incomplete.json()["errors"][0]["field"] == "ultimate_parent"
    for field in ("status", "kind", "version", "intermediary_kind"):
        refused = await buyer.patch("/v1/organisations/me", {field: "verified"}, headers={"If-Match": '"1"'})
        assert refused.status_code == 422 and refused.json()["errors"][0]["field"] == field
    assert (await buyer.get("/v1/organisations/me")).headers["etag"] == '"1"'


async def test_two_edits_of_one_version_are_one_edit(buyer):
    answers = await asyncio.gather(*(
        buyer.patch("/v1/organisations/me", {"business": f"text {n}"}, headers={"If-Match": '"1"'}) for n in range(4)))
    assert sorted(a.status_code for a in answers) == [200, 412, 412, 412]


# ---------------------------------------------------------------- the directory


async def test_who_may_know_whom(world, http, buyer):
    bank, desk, operator = await world.intermediary("bank"), await world.agency(), await world.operator()
    pending_bank = await world.intermediary("bank", status="pending")
    rival = await world.acquirer()
    expected = {  # reader: what they get for (bank, desk, pending bank, buyer)
        "anonymous": (http, (401, 401, 401, 401)),
        "pending": (pending_bank.client, (403, 403, 403, 403)),
        "rival": (rival.client, (200, 200, 404, 404)),
        "bank": (bank.client, (200, 200, 404, 404)),
        "desk": (desk.client, (200, 200, 404, 404)),
        "operator": (operator.client, (200, 200, 200, 200)),
    }
    for name, (client, statuses) in expected.items():
        got = [(await client.get(f"/v1/organisations/{one.organisation_id}")).status_code for one in (bank, desk, pending_bank, buyer)]
        assert tuple(got) == statuses, name
        entries = await client.get("/v1/organisations", params={"limit": 100, "kind": "acquirer"})
        if entries.status_code == 200 and name in ("rival", "bank", "desk"):
            assert {entry["id"] for entry in entries.json()["organisations"]} <= {str(rival.organisation_id)}


async def test_natural_persons_are_for_the_operator_and_who_deals_with_them(world, buyer):
    owner = [{"name": "Ada Nobody", "country": "NL", "share_percent": 30}]
    await buyer.patch("/v1/organisations/me", {"beneficial_owners": owner, "without_beneficial_owner": None}, headers={"If-Match": '"1"'})
    path, operator = f"/v1/organisations/{buyer.organisation_id}", await world.operator()
    assert (await operator.get(path)).json()["beneficial_owners"] == owner
    bank, desk = await world.intermediary("bank"), await world.agency()
    await world.seed("INSERT INTO vault.representation (intermediary_id, acquirer_id, document_hash, from_date, until_date, recorded_by, "
                     "confirmed_by, confirmed_at) VALUES ($1, $2, sha256('x'), current_date, current_date + 9, $3, $4, now())",
                     bank.organisation_id, buyer.organisation_id, bank.member_id, buyer.member_id)
    await world.seed("INSERT INTO vault.brief (acquirer_id, agency_id, wishes, purpose, languages, created_by) "
                     "VALUES ($1, $2, '{}', 'growth', '{en}', $3)", buyer.organisation_id, desk.organisation_id, buyer.member_id)
    for reader, persons in ((bank, owner), (desk, [])):
        read = await reader.get(path)
        assert read.status_code == 200 and read.json()["beneficial_owners"] == persons
        assert read.json()["verifications"] == []


async def test_the_directory_continues_by_cursor_and_only_for_its_query(world):
    operator = await world.operator()
    made = {str((await world.agency("monitor")).organisation_id) for _ in range(5)}
    seen, cursor = [], None
    while True:
        page = (await operator.get("/v1/organisations", params={"kind": "agency", "limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [entry["id"] for entry in page["organisations"]]
        assert len(page["organisations"]) <= 2
        if (cursor := page["next_cursor"]) is None:
            break
        last = cursor
    assert made <= set(seen) and len(seen) == len(set(seen))
    for params in ({"kind": "acquirer", "cursor": last}, {"kind": "agency", "cursor": "forged"}):
        assert (await operator.get("/v1/organisations", params=params)).json()["code"] == "cursor_invalid"
    stranger = await world.operator()
    assert (await stranger.get("/v1/organisations", params={"kind": "agency", "cursor": last})).json()["code"] == "cursor_invalid"


async def test_lists_have_a_limit(world):
    operator = await world.operator()
    for limit in (0, 101, "many"):
        answer = await operator.get("/v1/organisations", params={"limit": limit})
        assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "limit"


async def test_the_audit_is_the_operators_and_continues_without_gaps(world, http, buyer):
    await buyer.patch("/v1/organisations/me", {"business": "a"}, headers={"If-Match": '"1"'})
    await buyer.patch("/v1/organisations/me", {"business": "b"}, headers={"If-Match": '"2"'})
    operator = await world.operator()
    assert (await http.get("/v1/audit-events")).status_code == 401
    assert (await buyer.get("/v1/audit-events")).status_code == 403
    asked = {"organisation_id": str(buyer.organisation_id), "limit": 1}
    first = (await operator.get("/v1/audit-events", params=asked)).json()
    second = (await operator.get("/v1/audit-events", params=asked | {"cursor": first["next_cursor"]})).json()
    actions = [event["action"] for event in first["audit_events"] + second["audit_events"]]
    assert actions == ["organisation_corrected", "organisation_corrected"] and second["next_cursor"] is None


# ---------------------------------------------------------------- members


async def test_inviting_accepting_and_first_steps(world, http):
    admin = await world.signed_in(await world.intermediary())
    email = f"colleague-{secrets.token_hex(4)}@fictitious.example"
    invited = await admin.post("/v1/members", {"email": email.upper(), "name": "A. Colleague", "role": "member", "locale": "en"})
    assert invited.status_code == 201 and (invited.json()["status"], invited.json()["email"]) == ("invited", email)
    (letter,) = await world.letters(email)
    token = letter["params"]["link"].partition("token=")[2]
    assert (await http.post("/v1/passwords", json={"token": token, "password": PASSWORD})).status_code == 204
    assert (await http.post("/v1/sessions", json={"email": email, "password": PASSWORD})).status_code == 204
    assert (await http.get("/v1/members")).json()["code"] == "second_factor_needed"
    await world.set_up_app(http)
    listed = (await http.get("/v1/members")).json()["members"]
    assert {(m["email"], m["status"]) for m in listed} == {(admin.email, "active"), (email, "active")}
    assert (await http.post("/v1/members", json={"email": "x@fictitious.example", "name": "X", "role": "admin"})).status_code == 403


async def test_inviting_tells_nothing_about_accounts_elsewhere(world, http):
    admin, elsewhere = await world.signed_in(await world.intermediary()), await world.acquirer()
    bodies = []
    for email in (elsewhere.email, f"unknown-{secrets.token_hex(4)}@fictitious.example"):
        answer = await admin.post("/v1/members", {"email": email, "name": "Somebody", "role": "member"})
        bodies.append({name: answer.json()[name] for name in ("name", "role", "locale", "status", "version")} | {"code": answer.status_code})
    assert bodies[0] == bodies[1]
    (letter,) = await world.letters(elsewhere.email)
    token = letter["params"]["link"].partition("token=")[2]
    refused = await http.post("/v1/passwords", json={"token": token, "password": PASSWORD})
    assert (refused.status_code, refused.json()["code"]) == (409, "email_taken"), "its holder learns why"


async def test_a_member_is_invited_once_and_can_be_written_to_again(world, http):
    admin = await world.signed_in(await world.intermediary())
    body = {"email": f"colleague-{secrets.token_hex(4)}@fictitious.example", "name": "C", "role": "member"}
    member = (await admin.post("/v1/members", body)).json()
    assert (await admin.post("/v1/members", body)).json()["code"] == "member_exists"
    assert (await admin.post(f"/v1/members/{member['id']}/invitation")).status_code == 202
    first, second = await world.letters(body["email"])
    old, new = (letter["params"]["link"].partition("token=")[2] for letter in (first, second))
    assert (await http.post("/v1/passwords", json={"token": old, "password": PASSWORD})).status_code == 404
    assert (await http.post("/v1/passwords", json={"token": new, "password": PASSWORD})).status_code == 204
    assert (await admin.post(f"/v1/members/{member['id']}/invitation")).json()["code"] == "conflict"


async def test_another_organisations_members_do_not_exist(world, http):
    admin, other = await world.signed_in(await world.intermediary()), await world.intermediary()
    before = await sent(world)
    path = f"/v1/members/{other.member_id}"
    assert (await admin.patch(path, {"role": "member"}, headers={"If-Match": '"1"'})).status_code == 404
    assert (await admin.delete(path)).status_code == 404
    assert (await admin.post(f"{path}/invitation")).status_code == 404
    assert (await http.delete(path)).status_code == 401
    assert str(other.member_id) not in (await admin.get("/v1/members")).text
    row = (await world.seed("SELECT role, status FROM vault.member WHERE id = $1", other.member_id))[0]
    assert tuple(row) == ("admin", "active") and await sent(world) == before


async def test_a_role_is_changed_by_version_and_the_last_administrator_stays(world):
    first = await world.intermediary()
    second = await world.member(first.organisation_id, "intermediary", role="member")
    admin, clerk = await world.signed_in(first), await world.signed_in(second)
    own = f"/v1/members/{first.member_id}"
    assert (await clerk.patch(own, {"role": "member"}, headers={"If-Match": '"1"'})).status_code == 403
    assert (await admin.patch(own, {"role": "member"}, headers={"If-Match": '"1"'})).json()["code"] == "last_admin"
    assert (await admin.delete("/v1/members/me")).json()["code"] == "last_admin"
    promoted = await admin.patch(f"/v1/members/{second.member_id}", {"role": "admin"}, headers={"If-Match": '"1"'})
    assert promoted.json()["role"] == "admin" and promoted.headers["etag"] == '"2"'
    assert (await admin.patch(f"/v1/members/{second.member_id}", {"role": "member"}, headers={"If-Match": '"1"'})).status_code == 412
    assert (await admin.delete("/v1/members/me")).status_code == 204
    assert [m["email"] for m in (await clerk.get("/v1/members")).json()["members"]] == [second.email]


async def test_two_administrators_who_leave_at_once_are_not_both_gone(world):
    first = await world.intermediary()
    second = await world.member(first.organisation_id, "intermediary", role="admin")
    admins = [await world.signed_in(first), await world.signed_in(second)]
    answers = await asyncio.gather(*(admin.delete("/v1/members/me") for admin in admins))
    assert sorted(a.status_code for a in answers) == [204, 409]


async def test_who_left_can_come_back_by_a_new_invitation(world, http):
    first = await world.intermediary()
    second = await world.member(first.organisation_id, "intermediary", role="member")
    admin = await world.signed_in(first)
    assert (await (await world.signed_in(second)).delete("/v1/members/me")).status_code == 204
    assert (await admin.post("/v1/members", {"email": second.email, "name": "Again", "role": "member"})).status_code == 201


async def test_a_member_keeps_their_own_name_and_language(world):
    member = await world.signed_in(await world.acquirer())
    read = await member.get("/v1/members/me")
    changed = await member.patch("/v1/members/me", {"locale": "en", "name": "Ａ Ｎａｍｅ"}, headers={"If-Match": read.headers["etag"]})
    assert (changed.json()["locale"], changed.json()["name"], changed.json()["role"]) == ("en", "A Name", "admin")
    refused = await member.patch("/v1/members/me", {"role": "reviewer"}, headers={"If-Match": '"2"'})
    assert refused.status_code == 422 and refused.json()["errors"][0]["allowed"] == ["name", "locale"]
