"""Events that arrive go before those that wait to be handled, and never hold them up for good."""

import asyncio

from bot.web.bell import Bells
from bot.worker import Arrivals


def test_what_is_handled_makes_way_until_the_last_one_is_stored() -> None:
    async def story() -> list[str]:
        arrivals, told = Arrivals(), list[str]()

        async def handle() -> None:
            await arrivals.calm()
            told.append("handled")

        with arrivals.storing():
            with arrivals.storing():
                handling = asyncio.create_task(handle())
                await asyncio.sleep(0)
            told.append("one is still being stored")
            await asyncio.sleep(0)
        told.append("stored")
        await handling
        return told

    assert asyncio.run(story()) == ["one is still being stored", "stored", "handled"]


def test_a_storm_that_does_not_end_is_not_waited_for() -> None:
    async def story() -> bool:
        arrivals = Arrivals()
        with arrivals.storing():
            await arrivals.calm()
        return True

    assert asyncio.run(story())


def test_a_commit_rings_for_those_it_gives_something_to_do_and_the_metronome_for_all() -> None:
    bells = Bells()
    bells.ring(frozenset({"inbox", "rooms"}))
    assert {topic: bells[topic].count for topic in ("inbox", "outbox", "timers")} == {"inbox": 1, "outbox": 0, "timers": 0}
    bells.ring()
    assert {topic: bells[topic].count for topic in ("inbox", "outbox", "timers")} == {"inbox": 2, "outbox": 1, "timers": 1}
    assert not bells.closed
    bells.close()
    assert bells.closed
