"""Who may come in, what must they declare, and what does an answer tell a stranger? Nothing."""

import asyncio
import secrets
from urllib.parse import parse_qs, urlsplit

import pytest

from succession.accounts import members, sign_in
from succession.accounts.identifiers import lei_check_digits, make_corporate_number
from world import PASSWORD, PASSWORD_HASH

PATH = "/v1/organisations"


@pytest.fixture(autouse=True)
async def rested(app, monkeypatch):
    await app.state.redis.flushdb()
    monkeypatch.setattr(sign_in, "ANSWER_AFTER_S", 0.0)


def new_email() -> str:
    return f"new-{secrets.token_hex(6)}@fictitious.example"


def acquirer(**changes):
    """A British company; what a test changes is all that is special about it."""
    body = {
        "kind": "acquirer", "buyer_kind": "company", "legal_name": "Fictitious Holdings Ltd", "country": "GB",
        "registry_number": f"F {secrets.token_hex(4)}", "head_office_country": "GB", "ultimate_parent": "Fictitious Parent BV",
        "ultimate_parent_country": "NL", "beneficial_owners": [{"name": "Ada Nobody", "country": "NL", "share_percent": 60}],
        "administrator": {"email": new_email(), "name": "Ada Nobody", "locale": "en"},
    }
    return {name: value for name, value in (body | changes).items() if value is not None}


def institution(**changes):
    registration = {"prefecture": "JP-29", "legal_form": "kk", "support_type": "fa", "staff_band": "1_2", "founded_decade": 2010,
                    "fee_table_submitted": True, "compliance_declaration_url": "https://firm.example/compliance",
                    "compliance_declaration_version": "2024-08"}
    body = {"kind": "intermediary", "intermediary_kind": "registered_institution", "legal_name": "架空アドバイザリー株式会社",
            "country": "JP", "corporate_number": make_corporate_number(f"9999{secrets.randbelow(10**8):08d}"),
            "registration": registration, "administrator": {"email": new_email(), "name": "架空 太郎"}}
    return {name: value for name, value in (body | changes).items() if value is not None}


def token_of(letter) -> str:
    return parse_qs(urlsplit(letter["params"]["link"]).query)["token"][0]


async def fields_of(http, body):
    answer = await http.post(PATH, json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "validation"
    return {error["field"]: error for error in answer.json()["errors"]}


async def stored(world, email):
    rows = await world.seed("SELECT o.* FROM vault.organisation o JOIN vault.member m ON m.organisation_id = o.id "
                            "WHERE m.email = $1", email)
    return rows[0] if rows else None


# ---------------------------------------------------------------- the road in


async def test_from_registration_to_the_first_permitted_step(http, world):
    body = acquirer(registry_number="ab 12", lei=(lei := "9999FICTITIOUS0000") + lei_check_digits(lei))
    email = body["administrator"]["email"]
    assert (await http.post(PATH, json=body)).json() == {"status": "letter_sent"}
    row = await stored(world, email)
    assert (row["status"], row["registry_number"]) == ("pending", "AB12")

    refused = await http.post("/v1/sessions", json={"email": email, "password": PASSWORD})
    assert refused.json()["code"] == "sign_in_failed", "nobody opened the letter"
    (letter,) = await world.letters(email)
    assert letter["template"] == "confirm_registration" and letter["locale"] == "en"
    assert (await http.post("/v1/passwords", json={"token": token_of(letter), "password": PASSWORD})).status_code == 204
    assert (await http.post("/v1/sessions", json={"email": email, "password": PASSWORD})).status_code == 204

    who = (await http.get("/v1/sessions/current")).json()
    assert who["verified"] is False and who["role"] == "admin"
    assert set(who["permissions"]) == {"account:read", "account:edit", "account:own", "account:sign_out", "adverse_event:object",
                                       "adverse_event:read", "member:manage", "member:read", "officer:declare", "officer:read",
                                       "second_factor:confirm", "second_factor:enrol", "second_factor:reset"}
    for attempt in (http.get(PATH), http.post("/v1/members", json={"email": new_email(), "name": "X", "role": "member"}),
                    http.post("/v1/api-keys", json={"name": "k", "scopes": ["brief:read"], "expires_at": "2999-01-01T00:00:00Z"})):
        answer = await attempt
        assert (answer.status_code, answer.json()["code"]) == (403, "organisation_not_verified")

    operator = await world.signed_in(await world.operator())
    waiting = (await operator.get(PATH, params={"status": "pending", "limit": 100})).json()["organisations"]
    assert str(row["id"]) in [entry["id"] for entry in waiting]
    read = await operator.get(f"{PATH}/{row['id']}")
    decided = await operator.post(f"{PATH}/{row['id']}/verification", {
        "decision": "verified", "evidence": [{"kind": "register_extract", "reference": "extract 12", "seen_on": "2025-01-31"}],
    }, headers={"If-Match": read.headers["etag"]})
    assert decided.status_code == 201 and decided.json()["status"] == "verified"
    assert "brief:file" in (await http.get("/v1/sessions/current")).json()["permissions"]


async def test_an_institution_is_registered_with_its_record(http, world):
    body = institution(legal_name="㈱ 架空  アドバイザリー")
    assert (await http.post(PATH, json=body)).status_code == 202
    row = await stored(world, body["administrator"]["email"])
    assert row["legal_name"] == "(株) 架空 アドバイザリー" and "JP-29" in row["registration"]


@pytest.mark.parametrize("spell", [lambda digits: f"T{digits}", lambda digits: "".join(chr(ord(d) + 0xFEE0) for d in digits)])
async def test_a_corporate_number_has_one_spelling(http, world, spell):
    digits = make_corporate_number(f"9999{secrets.randbelow(10**8):08d}")
    body = institution(corporate_number=spell(digits))
    assert (await http.post(PATH, json=body)).status_code == 202
    assert (await stored(world, body["administrator"]["email"]))["corporate_number"] == digits


async def test_a_sole_proprietor_and_a_natural_buyer_have_no_numbers(http):
    registration = institution()["registration"] | {"legal_form": "sole_proprietor"}
    assert (await http.post(PATH, json=institution(corporate_number=None, registration=registration))).status_code == 202
    person = acquirer(buyer_kind="individual", registry_number=None, head_office_country=None, ultimate_parent=None,
                      ultimate_parent_country=None, beneficial_owners=None)
    assert (await http.post(PATH, json=person)).status_code == 202


# ---------------------------------------------------------------- what has to be declared


@pytest.mark.parametrize(("body", "field"), [
    (institution(corporate_number=None), "corporate_number"),
    (institution(corporate_number="1234567890123"), "corporate_number"),
    (institution(registration=None), "registration.prefecture"),
    (institution(registration={"prefecture": "JP-29"}), "registration.support_type"),
    (institution(registration={"prefecture": "JP-29", "compliance_declaration_url": "javascript:alert(1)"}),
     "registration.compliance_declaration_url"),
    (institution(intermediary_kind=None), "intermediary_kind"),
    (institution(agency_role="desk"), "agency_role"),
    (institution(legal_name="win at www.elsewhere.example"), "legal_name"),
    (institution(administrator={"email": "not an address", "name": "x"}), "administrator.email"),
    (institution(administrator={"email": "a@b.example", "name": "http://x"}), "administrator.name"),
    (acquirer(country="XX"), "country"),
    (acquirer(registry_number=None), "registry_number"),
    (acquirer(lei="9999FICTITIOUS000000"), "lei"),
    (acquirer(head_office_country=None), "head_office_country"),
    (acquirer(ultimate_parent=None), "ultimate_parent"),
    (acquirer(beneficial_owners=None), "beneficial_owners"),
    (acquirer(without_beneficial_owner="listed"), "without_beneficial_owner"),
    (acquirer(beneficial_owners=[{"name": "A", "country": "GB", "share_percent": 60}] * 2), "beneficial_owners"),
    (acquirer(beneficial_owners=[{"name": "A", "country": "gb", "share_percent": 60}]), "beneficial_owners[0].country"),
    (acquirer(beneficial_owners=[{"name": "A", "country": "GB", "share_percent": 33.333}]), "beneficial_owners[0].share_percent"),
    (acquirer(registration={"prefecture": "JP-29"}), "registration"),
    (acquirer(website="javascript:alert(1)"), "website"),
])
async def test_what_is_missing_or_wrong_is_named(http, world, body, field):
    assert field in await fields_of(http, body)
    if "@" in body["administrator"]["email"]:
        assert await world.letters(body["administrator"]["email"]) == []


async def test_every_fault_is_named_at_once(http):
    found = await fields_of(http, {"kind": "acquirer", "legal_name": "X", "country": "GB", "lei": "1", "administrator": acquirer()["administrator"]})
    assert {"buyer_kind", "registry_number", "head_office_country", "ultimate_parent", "lei", "beneficial_owners"} <= set(found)


async def test_an_operator_cannot_be_registered(http):
    found = await fields_of(http, acquirer(kind="operator"))
    assert found["kind"]["allowed"] == ["intermediary", "acquirer", "agency"]


@pytest.mark.parametrize("field", ["status", "id", "version"])
async def test_nobody_registers_with_a_standing(http, field):
    assert field in await fields_of(http, acquirer(**{field: "verified"}))


# ---------------------------------------------------------------- what a stranger learns


async def test_a_known_address_is_answered_as_an_unknown_one(http, world, monkeypatch):
    monkeypatch.setattr(sign_in, "ANSWER_AFTER_S", 0.2)
    known = await world.acquirer()
    unknown = acquirer()
    answers = []
    for body in (acquirer(administrator={"email": known.email.upper(), "name": "Somebody Else"}), unknown):
        started = asyncio.get_running_loop().time()
        answer = await http.post(PATH, json=body)
        answers.append((answer.status_code, answer.text, sorted(answer.headers)))
        assert asyncio.get_running_loop().time() - started >= 0.2, "how long it took tells nothing"
    assert answers[0] == answers[1] and answers[0][0] == 202
    assert [letter["template"] for letter in await world.letters(known.email)] == ["already_registered"]
    assert [letter["template"] for letter in await world.letters(unknown["administrator"]["email"])] == ["confirm_registration"]
    assert (await world.seed("SELECT count(*) FROM vault.member WHERE email = $1", known.email))[0][0] == 1
    (letter,) = await world.letters(known.email)
    assert "token" not in letter["params"]["link"], "a stranger's request opens no door"


async def test_a_registered_company_is_answered_as_an_unknown_one_and_cannot_be_verified_twice(http, world):
    number = make_corporate_number(f"9999{secrets.randbelow(10**8):08d}")
    await world.intermediary("bank", corporate_number=number)
    body = institution(corporate_number=number)
    assert (await http.post(PATH, json=body)).json() == {"status": "letter_sent"}
    row = await stored(world, body["administrator"]["email"])
    operator = await world.signed_in(await world.operator())
    refused = await operator.post(f"{PATH}/{row['id']}/verification", {
        "decision": "verified", "evidence": [{"kind": "call", "reference": "x", "seen_on": "2025-01-31"}]}, headers={"If-Match": '"1"'})
    assert (refused.status_code, refused.json()["code"]) == (409, "organisation_taken")
    assert (await stored(world, body["administrator"]["email"]))["status"] == "pending"


async def test_an_unconfirmed_registration_takes_nobodys_address(http, world):
    email = new_email()
    for _attempt in range(2):
        assert (await http.post(PATH, json=acquirer(administrator={"email": email, "name": "N", "locale": "en"}))).status_code == 202
    first, second = await world.letters(email)
    assert {first["template"], second["template"]} == {"confirm_registration"}
    assert (await http.post("/v1/passwords", json={"token": token_of(second), "password": PASSWORD})).status_code == 204
    refused = await http.post("/v1/passwords", json={"token": token_of(first), "password": PASSWORD})
    assert (refused.status_code, refused.json()["code"]) == (409, "email_taken")


async def test_who_never_opened_the_letter_is_not_put_before_the_operator(http, world):
    body = acquirer()
    await http.post(PATH, json=body)
    row = await stored(world, body["administrator"]["email"])
    operator = await world.operator()
    found = (await operator.get(PATH, params={"status": "pending", "limit": 100})).json()["organisations"]
    assert str(row["id"]) not in [entry["id"] for entry in found]


async def test_letters_to_one_address_run_out_silently(http, world):
    email = new_email()
    for _attempt in range(sign_in.LIMITS["letter_address"].tries + 2):
        answer = await http.post("/v1/password-resets", json={"email": email})
        assert answer.status_code == 202
    answer = await http.post(PATH, json=acquirer(administrator={"email": email, "name": "N"}))
    assert answer.status_code == 202 and await world.letters(email) == []


async def test_registrations_from_one_network_run_out(http, monkeypatch):
    monkeypatch.setitem(sign_in.LIMITS, "register_network", sign_in.Limit(1, 3600))
    assert (await http.post(PATH, json=acquirer())).status_code == 202
    refused = await http.post(PATH, json=acquirer())
    assert refused.status_code == 429 and int(refused.headers["retry-after"]) > 0


async def test_registering_twice_with_one_key_sends_one_letter(http, world):
    body, key = acquirer(), {"Idempotency-Key": secrets.token_hex(8)}
    answers = [await http.post(PATH, json=body, headers=key) for _ in range(2)]
    assert [a.status_code for a in answers] == [202, 202] and answers[0].content == answers[1].content
    assert len(await world.letters(body["administrator"]["email"])) == 1


# ---------------------------------------------------------------- resets and links


async def test_a_reset_is_answered_alike_and_written_to_the_holder_only(http, world):
    member, nobody = await world.acquirer(), new_email()
    answers = [await http.post("/v1/password-resets", json={"email": email}) for email in (member.email, nobody, "no address")]
    assert {(a.status_code, a.text) for a in answers} == {(202, answers[0].text)}
    (letter,) = await world.letters(member=member.member_id)
    assert letter["template"] == "password_reset" and await world.letters(nobody) == []


async def test_a_reset_link_works_once_and_ends_every_session(http, world):
    member = await world.acquirer()
    browser = await world.signed_in(member)
    for _twice in range(2):
        await http.post("/v1/password-resets", json={"email": member.email})
    first, second = await world.letters(member=member.member_id)
    fresh = "quite another sentence 77"
    assert (await http.post("/v1/passwords", json={"token": token_of(first), "password": fresh})).json()["code"] == "link_invalid", \
        "a new letter ends the old link"
    assert (await http.post("/v1/passwords", json={"token": token_of(second), "password": fresh})).status_code == 204
    assert (await browser.get("/v1/sessions/current")).status_code == 401
    assert (await http.post("/v1/sessions", json={"email": member.email, "password": PASSWORD})).status_code == 401
    assert (await http.post("/v1/sessions", json={"email": member.email, "password": fresh})).status_code == 204
    again = await http.post("/v1/passwords", json={"token": token_of(second), "password": PASSWORD})
    assert (again.status_code, again.json()["code"]) == (404, "link_invalid")
    assert "password_changed" in [letter["template"] for letter in await world.letters(member=member.member_id)]


async def test_one_link_used_twice_at_once_works_once(http, world, monkeypatch):
    arrived, everybody = [], asyncio.Event()

    async def together(_password):
        """All have looked at the link before anybody uses it."""
        arrived.append(1)
        if len(arrived) == 4:
            everybody.set()
        await asyncio.wait_for(everybody.wait(), 5)
        return PASSWORD_HASH

    monkeypatch.setattr(members, "hash_password", together)
    member = await world.acquirer()
    await http.post("/v1/password-resets", json={"email": member.email})
    (letter,) = await world.letters(member=member.member_id)
    answers = await asyncio.gather(*(
        http.post("/v1/passwords", json={"token": token_of(letter), "password": f"sentence number {n} of many"}) for n in range(4)))
    assert sorted(a.status_code for a in answers) == [204, 404, 404, 404]


async def test_an_expired_an_unknown_and_a_departed_members_link_read_the_same(http, world):
    texts = set()
    for spoil in ("UPDATE vault.member_token SET expires_at = now() WHERE member_id = $1", None,
                  "UPDATE vault.member_token SET used_at = now() WHERE member_id = $1"):
        member = await world.acquirer()
        await http.post("/v1/password-resets", json={"email": member.email})
        (letter,) = await world.letters(member=member.member_id)
        if spoil:
            await world.seed(spoil, member.member_id)
        token = token_of(letter) if spoil else "unknown"
        answer = await http.post("/v1/passwords", json={"token": token, "password": PASSWORD})
        assert answer.status_code == 404
        texts.add(answer.text)
    assert len(texts) == 1


async def test_no_token_is_kept_in_the_open(http, world):
    member = await world.acquirer()
    await http.post("/v1/password-resets", json={"email": member.email})
    (letter,) = await world.letters(member=member.member_id)
    rows = await world.seed("SELECT to_jsonb(t)::text FROM vault.member_token t WHERE member_id = $1", member.member_id)
    assert rows and token_of(letter) not in rows[0][0]


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "{local}-12", "x" * 201])
async def test_a_weak_password_is_refused_and_the_link_stays_good(http, world, password):
    member = await world.acquirer()
    await http.post("/v1/password-resets", json={"email": member.email})
    (letter,) = await world.letters(member=member.member_id)
    weak = password.format(local=member.email.split("@")[0])
    answer = await http.post("/v1/passwords", json={"token": token_of(letter), "password": weak})
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "password"
    assert (await http.post("/v1/passwords", json={"token": token_of(letter), "password": PASSWORD})).status_code == 204


async def test_changing_ones_password_asks_for_the_present_one_and_keeps_this_browser(world):
    member = await world.acquirer()
    browser, other = await world.signed_in(member), await world.signed_in(member)
    await world.seed("UPDATE vault.member SET password_hash = $2 WHERE id = $1", member.member_id, PASSWORD_HASH)
    wrong = await browser.put("/v1/members/me/password", {"present_password": "wrong", "new_password": "quite another sentence 77"})
    assert wrong.status_code == 401
    right = await browser.put("/v1/members/me/password", {"present_password": PASSWORD, "new_password": "quite another sentence 77"})
    assert right.status_code == 204
    assert (await browser.get("/v1/sessions/current")).status_code == 200
    assert (await other.get("/v1/sessions/current")).status_code == 401
