"""A planted identity is nowhere in any log: not ours, not the servers', whatever goes well or wrong with it."""

import logging
from pathlib import Path

from succession.accounts.identifiers import make_corporate_number

NAME, KANA, PERSON, PLACE = "植込秘密製作所株式会社", "ウエコミヒミツセイサクショ", "秘密 植込太郎", "架空県植込市秘密町0-0"
NUMBER = make_corporate_number("999955554444")
PLANTED = (NAME, "植込", KANA, PERSON, "秘密町", NUMBER, "planted-secret-customer", "plantedowner@", "Uekomi")


class _Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__(level=logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record) + repr(record.args) + (record.exc_text or ""))


async def test_no_log_line_holds_a_planted_identity(world, http, database_url):
    heard = _Heard()
    watched = [logging.getLogger(name) for name in ("", "succession", "litestar", "uvicorn", "asyncio")]
    for logger in watched:
        logger.addHandler(heard)
    try:
        await _say_it_everywhere(world, http)
    finally:
        for logger in watched:
            logger.removeHandler(heard)
    ours = [line for line in heard.lines if "httpx" not in line and "HTTP Request" not in line]  # the test's own client
    assert ours, "the listener hears something, or this test proves nothing"
    for word in PLANTED:
        assert not [line for line in ours if word in line], word
    for log in _server_logs(database_url):
        text = log.read_bytes().decode("utf-8", "replace")
        for word in PLANTED:
            assert word not in text, (log.name, word)


def _server_logs(database_url):
    import tempfile

    found = [path for directory in Path(tempfile.gettempdir()).glob("sx-*/logs") for path in directory.glob("*.log")]
    assert found, "the servers of this run keep their logs under the temporary directory"
    return found


async def _say_it_everywhere(world, http):
    seller, buyer = await world.intermediary(), await world.acquirer()
    profile = {"identity": {"name": NAME, "name_kana": KANA, "corporate_number": NUMBER, "representative": {"name": PERSON},
                            "sites": [{"address": PLACE}], "main_customers": ["planted-secret-customer"]}}
    made = await seller.post("/v1/listings", profile)
    assert made.status_code == 201, made.text
    listing = made.json()["id"]
    await seller.post("/v1/listings", profile)  # refused: duplicate
    await seller.post("/v1/listings", {"identity": {"name": NAME, "nonsense": PERSON}})  # refused: unknown field
    await seller.post("/v1/listings", {"identity": {"name": ["no", NAME]}})  # refused: wrong kind
    await seller.patch(f"/v1/listings/{listing}", {"identity": {"name": NAME}}, headers={"If-Match": '"99"'})
    await seller.post(f"/v1/listings/{listing}/owner-contacts", {"name": PERSON, "email": "plantedowner@fictitious.example"})
    await seller.post(f"/v1/listings/{listing}/exclusions", {"kind": "organisation", "value": NAME})
    await http.get("/v1/teasers", params={"q": NAME})
    await http.get(f"/v1/teasers/{NAME}")
    await buyer.get(f"/v1/listings/{listing}")
    await http.post("/v1/sessions", json={"email": "plantedowner@fictitious.example", "password": NAME})
    await seller.client.post("/v1/listing-imports", files={"file": (f"{NAME}.csv", f"会社名,法人番号\n{NAME},{NUMBER}\n".encode("cp932"))})
    await seller.client.post("/v1/listing-imports", files={"file": (f"{NAME}.csv", b"\x00\xff" + NAME.encode())})
    published = await world.published(seller)
    deal = await world.released(published, buyer)
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 200
    await world.deliver()
    logging.getLogger("succession").warning("the listener hears this line")
