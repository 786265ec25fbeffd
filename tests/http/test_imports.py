"""Does a Center's spreadsheet become drafts, exactly once, and does a dry run say what was understood?"""

from __future__ import annotations

import asyncio

import pytest
from sheets import HEADINGS, NUMBERS, company, csv_text, xlsx


def sheet(*rows, encoding="cp932"):
    return csv_text(HEADINGS, *rows).encode(encoding)


async def upload(caller, data: bytes, name: str = "案件一覧.csv", **headers):
    return await caller.client.post("/v1/listing-imports", files={"file": (name, data)}, headers=headers)


async def imported(caller, data: bytes) -> dict:
    answer = await upload(caller, data)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def all_rows(caller, found: dict, **params) -> list[dict]:
    rows, cursor = [], None
    while True:
        page = await caller.get(f"/v1/listing-imports/{found['id']}/rows", params=params | ({"cursor": cursor} if cursor else {}))
        assert page.status_code == 200, page.text
        rows += page.json()["items"]
        if (cursor := page.json()["next_cursor"]) is None:
            return rows


async def test_a_dry_run_says_per_cell_what_was_understood_and_enters_nothing(world):
    center = await world.intermediary()
    bad = company(2, 従業員数="many", 売上高="x")
    found = await imported(center, sheet(company(1), bad[:len(HEADINGS)]))
    assert (found["state"], found["rows_total"], found["rows_importable"], found["rows_done"]) == ("read", 2, 1, 0)
    assert found["filename"] == "案件一覧.csv" and {c["use"] for c in found["columns"]} >= {"field"}
    good, refused = await all_rows(center, found)
    cells = {cell["field"]: cell for cell in good["cells"]}
    assert good["row"] == 2 and good["importable"] and good["outcome"] is None and good["internal_reference"] == "R7-1"
    assert cells["business.employees"]["value"] == 30 and cells["business.employees"]["raw"] == "約30名"
    assert cells["terms.asking_price"]["understood"]
    assert not refused["importable"]
    problem = next(p for p in refused["problems"] if p["field"] == "business.employees")
    assert problem["refused"] and problem["message"]
    assert [row["row"] for row in await all_rows(center, found, importable=False)] == [3]
    assert (await center.get("/v1/listings")).json()["items"] == []


async def test_sentences_come_in_the_readers_language(world):
    center = await world.intermediary()
    found = await imported(center, sheet(company(1, 従業員数="many")))
    english = await center.get(f"/v1/listing-imports/{found['id']}/rows")
    japanese = await center.get(f"/v1/listing-imports/{found['id']}/rows", headers={"Accept-Language": "ja"})
    assert english.headers["content-language"] == "en" and japanese.headers["content-language"] == "ja"
    messages = [p["message"] for p in english.json()["items"][0]["problems"] if p["refused"]]
    assert messages and all("{" not in message for message in messages)


@pytest.mark.parametrize("encoding", ["cp932", "utf-8", "utf-8-sig"])
async def test_a_commit_makes_the_good_rows_drafts_that_read_as_understood(world, encoding):
    center = await world.intermediary()
    found = await imported(center, sheet(company(3), company(4, 法人番号="123"), company(5), encoding=encoding))
    answer = await center.post(f"/v1/listing-imports/{found['id']}/commit")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["state"], answer.json()["rows_done"]) == ("committed", 2) and answer.json()["committed_at"]
    rows = await all_rows(center, found)
    assert [row["outcome"] for row in rows] == ["entered", None, "entered"]
    read = (await center.get(f"/v1/listings/{rows[0]['listing_id']}")).json()
    profile = read["profile"]
    assert (read["import_id"], read["import_row"], read["internal_reference"]) == (found["id"], 2, "R7-3")
    assert profile["identity"]["name"] == "株式会社架空3製作所" and profile["identity"]["corporate_number"] == NUMBERS[3]
    assert profile["identity"]["sites"] == [{"label": None, "postal_code": None, "address": "奈良県架空市無町0-0"}]
    assert profile["business"]["prefecture"] == "JP-29" and profile["business"]["founded_year"] == 1983
    assert profile["financials"][0]["period_end"] == "2025-03-31" and profile["financials"][0]["revenue_yen"] == 420_000_000
    assert profile["financials"][0]["operating_profit_yen"] == -1_200_000
    assert profile["terms"]["asking_price"]["amount_yen"] == 120_000_000 and profile["guarantees"] is None
    edited = await center.patch(f"/v1/listings/{read['id']}", {"guarantees": []}, headers={"If-Match": '"1"'})
    assert edited.status_code == 200  # an imported draft is a draft like any other


async def test_a_commit_sent_twice_enters_once(world):
    center = await world.intermediary()
    found = await imported(center, sheet(company(6), company(7)))
    first = (await center.post(f"/v1/listing-imports/{found['id']}/commit")).json()
    second = (await center.post(f"/v1/listing-imports/{found['id']}/commit")).json()
    assert first == second and len((await center.get("/v1/listings")).json()["items"]) == 2


async def test_the_same_file_is_the_same_import_but_another_firms_is_its_own(world):
    center, bank = await world.intermediary(), await world.intermediary("bank")
    data = sheet(company(8))
    found = await imported(center, data)
    again = await upload(center, data, "other name.csv")
    assert again.status_code == 200 and again.json() == found
    assert (await imported(bank, data))["id"] != found["id"]
    at_once = await asyncio.gather(*(upload(center, sheet(company(9))) for _ in range(4)))
    assert len({answer.json()["id"] for answer in at_once}) == 1 and {a.status_code for a in at_once} <= {200, 201}


async def test_a_company_already_held_is_left_as_it_is(world):
    center = await world.intermediary()
    held = (await center.post("/v1/listings", {"identity": {"name": "別名", "corporate_number": NUMBERS[10]}})).json()
    found = await imported(center, sheet(company(10), company(11)))
    await center.post(f"/v1/listing-imports/{found['id']}/commit")
    assert [row["outcome"] for row in await all_rows(center, found)] == ["held_already", "entered"]
    assert (await center.get(f"/v1/listings/{held['id']}")).json() == held


async def test_a_company_with_a_successor_or_named_twice_is_not_importable(world):
    center = await world.intermediary()
    found = await imported(center, sheet(company(12, 後継者の有無="あり"), company(13), company(13), company(14)))
    assert [row["importable"] for row in await all_rows(center, found)] == [False, False, False, True]


@pytest.mark.parametrize("data", [b"", b"\x00\x01\x02", b"PK\x03\x04 broken", b"no heading of ours\n1\n", xlsx(["a"])[:200]])
async def test_a_broken_file_is_an_error_and_nothing_is_kept(world, data):
    center = await world.intermediary()
    answer = await upload(center, data, "x.xlsx")
    assert answer.status_code == 422 and answer.json()["code"] == "import_broken", answer.text
    assert answer.json()["detail"] and answer.json()["reason"]
    kept = await world.seed("SELECT 1 FROM vault.listing_import WHERE intermediary_id = $1", center.organisation_id)
    assert kept == []


async def test_what_is_no_upload_or_too_large_is_refused(world):
    center = await world.intermediary()
    assert (await center.post("/v1/listing-imports", {})).status_code in (400, 415, 422)
    assert (await center.client.post("/v1/listing-imports", files={"other": b"x"})).status_code in (400, 422)
    large = await upload(center, b"x" * (20 * 2**20 + 1))
    assert large.status_code == 413 and large.json()["code"] == "body_too_large"


async def test_nobody_else_reads_or_commits_it(world, http):
    center, other = await world.intermediary(), await world.intermediary()
    found = await imported(center, sheet(company(15)))
    path = f"/v1/listing-imports/{found['id']}"
    assert (await other.get(path)).status_code == (await other.get(f"{path}/rows")).status_code == 404
    assert (await other.post(f"{path}/commit")).status_code == 404
    for caller in (await world.acquirer(), await world.agency()):
        assert (await caller.get(path)).status_code == 403 and (await caller.post(f"{path}/commit")).status_code == 403
    assert (await http.get(path)).status_code == 401
    assert (await center.get(path)).json()["state"] == "read"


@pytest.mark.slow
async def test_a_thousand_rows_show_their_progress(world):
    """How long 5,000 take is measured in tests/bench/imports.py, not promised here."""
    center = await world.intermediary()
    data = xlsx(HEADINGS, *(company(place) for place in range(1500)))
    found = await imported(center, data)
    seen: list[int] = []
    commit = asyncio.create_task(center.post(f"/v1/listing-imports/{found['id']}/commit"))
    while not commit.done():
        seen.append((await center.get(f"/v1/listing-imports/{found['id']}")).json()["rows_done"])
        await asyncio.sleep(0.05)
    answer = await commit
    assert answer.status_code == 200 and answer.json()["rows_done"] == 1500, answer.text
    assert seen == sorted(seen) and any(0 < done < 1500 for done in seen), seen
    entered = await world.seed("SELECT count(*) FROM vault.listing WHERE import_id = $1", answer.json()["id"])
    assert entered[0][0] == 1500
