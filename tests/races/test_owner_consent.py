"""Do answers of two persons at the same moment come to what they come to one after the other?"""

from __future__ import annotations

import asyncio
from uuid import UUID

from owner_scene import two


async def at_once(world, scene, *decisions):
    emails = (scene.published.owner_email, scene.second_email)
    links = [await world.owner_link(email) for email in emails]
    return await asyncio.gather(*(world.page_answered(link, email, decision) for link, email, decision in zip(links, emails, decisions, strict=True)))


async def test_two_yeses_at_once_are_a_consent(world):
    scene = await two(world)
    await scene.asked()
    assert [answer.status_code for answer in await at_once(world, scene, "yes", "yes")] == [200, 200]
    assert await scene.stands() and (await scene.seller.get(f"{scene.path}/name-clear")).json()["decision"] == "yes"


async def test_a_yes_and_a_no_at_once_are_none_and_end_the_deal_once(world):
    scene = await two(world)
    await scene.asked()
    answers = await at_once(world, scene, "yes", "no")
    assert answers[1].status_code == 200 and answers[0].status_code in (200, 404, 409, 410)  # the yes may come too late to be asked for
    assert not await scene.stands() and (await scene.seller.get(f"{scene.path}/name-clear")).json()["decision"] == "no"
    ends = await world.seed("SELECT count(*) FROM vault.deal_event WHERE deal_id = $1", UUID(scene.deal))
    assert ends[0]["count"] == 1


async def test_one_link_pressed_twice_at_once_is_one_answer(world):
    scene = await two(world)
    await scene.asked()
    link = await world.owner_link(scene.published.owner_email)
    answers = await asyncio.gather(*(world.page_answered(link, scene.published.owner_email, "ask_adviser") for _ in range(3)))
    assert sorted(answer.status_code for answer in answers)[0] == 200 and all(answer.status_code in (200, 410) for answer in answers)
    assert len(await world.seed("SELECT 1 FROM vault.name_clear_answer WHERE deal_id = $1", UUID(scene.deal))) == 1
