"""Can every kind of organisation be made and recognised?"""


async def test_each_kind_is_known_by_its_key(world, http):
    for caller in (await world.intermediary("bank"), await world.acquirer(), await world.agency(), await world.operator()):
        assert (await caller.get("/healthz")).status_code == 200
    refused = await http.get("/healthz", headers={"Authorization": "Bearer wrong"})
    assert refused.status_code == 401 and refused.json()["code"] == "unauthenticated"
