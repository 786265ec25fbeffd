"""Is the process alive, and can it serve?"""


async def test_it_answers(http):
    assert (await http.get("/healthz")).json() == {"status": "ok"}
    assert (await http.get("/readyz")).status_code == 200


async def test_what_does_not_exist_is_a_problem_document_in_the_readers_language(http):
    answer = await http.get("/v1/nothing-here", headers={"Accept-Language": "ja"})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["code"] == "not_found"
    assert answer.headers["content-language"] == "ja"
