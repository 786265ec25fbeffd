"""Can a person set a password with nothing but the letter and a browser?"""

ORIGIN = {"Origin": "http://127.0.0.1:8400"}


async def test_the_link_of_a_letter_leads_to_a_page_that_sets_the_password_once(world, http):
    member = await world.acquirer()
    await http.post("/v1/password-resets", json={"email": member.email})
    link = (await world.letters(member.email))[-1]["params"]["link"] if await world.letters(member.email) else \
        (await world.letters(member=member.member_id))[-1]["params"]["link"]
    path = link.removeprefix("http://127.0.0.1:8400")
    shown = await http.get(path)
    assert shown.status_code == 200, (path, shown.text)
    assert "<form" in shown.text and "script" not in shown.text

    def typed(password, again=None):
        return {"password": password, "again": password if again is None else again}

    assert (await http.post(path, data=typed("short"), headers=ORIGIN)).status_code == 422
    assert (await http.post(path, data=typed("a long fictitious sentence", "another one entirely"), headers=ORIGIN)).status_code == 422
    assert (await http.post(path, data=typed("a long fictitious sentence"), headers={"Origin": "http://evil.example"})).status_code == 403
    assert (await http.post(path, data=typed("a long fictitious sentence"), headers=ORIGIN)).status_code == 200
    again = await http.post(path, data=typed("a long fictitious sentence"), headers=ORIGIN)
    assert again.status_code == 404 and "<form" in again.text
    signed_in = await http.post("/v1/sessions", json={"email": member.email, "password": "a long fictitious sentence"})
    assert signed_in.status_code == 204


async def test_a_problem_type_can_be_looked_up(http):
    answer = await http.get("/v1/problems/stale", headers={"Accept-Language": "en"})
    assert answer.json() == {"code": "stale", "status": 412, "title": "This was changed by somebody else meanwhile. Read it again."}
    assert (await http.get("/v1/problems/none")).status_code == 404
