"""The same for asyncio: what waits is awaited."""

from __future__ import annotations

import asyncio
from typing import Any, Awaitable, Callable, List

import pytest
from conftest import AIRLINES, LONG, RedisServer

from kiwi_cache import CacheClosed, CacheMissing, CacheValueError, Change
from kiwi_cache.aio import Cache


def run(server: RedisServer, test: Callable[[Callable[..., Awaitable[Any]]], Awaitable[None]]) -> None:
    """Runs a test in a loop. It is given what publishes without blocking the loop."""

    async def within() -> None:
        loop = asyncio.get_running_loop()
        await asyncio.wait_for(test(lambda *args: loop.run_in_executor(None, server.publish, *args)), LONG)

    asyncio.run(within())


def test_reads_and_waits(server: RedisServer) -> None:
    async def test(publish: Callable[..., Awaitable[Any]]) -> None:
        with pytest.raises(CacheMissing):
            await Cache.connect(server.url, "airlines")
        waiting = asyncio.ensure_future(Cache.connect(server.url, "airlines", wait_for=LONG))
        await publish("airlines", AIRLINES)
        async with await waiting as airlines:
            assert airlines["FR"]["name"] == "Ryanair" and airlines == AIRLINES and len(airlines) == 2
            assert airlines.state == "fresh" and Cache.instances() == [airlines]
            assert await airlines.changed(0.01) is None
            first = airlines.snapshot()
            change = asyncio.ensure_future(airlines.changed())
            await publish("airlines", {**AIRLINES, "FR": 1})
            snapshot = await change
            assert snapshot is not None and snapshot["FR"] == airlines["FR"] == 1 and first == AIRLINES
            assert await airlines.changed(since=first.id) is not None
            await publish("airlines", {"FR": 2})
            await airlines.reload()
            assert airlines["FR"] == 2 and await airlines.get_or_refill("FR") == 2
            assert await airlines.get_or_refill("XX", 7) == 7
        with pytest.raises(CacheClosed):
            airlines["FR"]
        with pytest.raises(CacheClosed):
            await airlines.changed()

    run(server, test)


def test_changes_are_an_async_iterator(server: RedisServer) -> None:
    async def test(publish: Callable[..., Awaitable[Any]]) -> None:
        entries = {str(n): n for n in range(1000)}
        await publish("numbers", entries)
        numbers = await Cache.connect(server.url, "numbers")
        seen: List[Change] = []

        async def follow() -> None:
            async for change in numbers.changes():
                seen.append(change)
                if change.seq == 3:
                    await numbers.close()

        following = asyncio.ensure_future(follow())
        await asyncio.sleep(0)
        await publish("numbers", {**entries, "7": 0})
        while not seen:
            await asyncio.sleep(0.01)
        await publish("numbers", {**entries, "7": 0, "8": 0})
        await following
        assert [(change.seq, change.keys) for change in seen] == [(2, {"7"}), (3, {"8"})]

    run(server, test)


def test_the_loop_goes_on_while_something_is_waited_for(server: RedisServer) -> None:
    async def test(publish: Callable[..., Awaitable[Any]]) -> None:
        connecting = asyncio.ensure_future(Cache.connect(server.url, "airlines", wait_for=LONG))
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert not connecting.done()
        await publish("airlines", AIRLINES)
        airlines = await connecting
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(airlines.changed(), 0.01)
        assert not airlines._followed_by(), "who gave up is forgotten"
        await airlines.close()

    run(server, test)


def test_a_value_that_does_not_fit(server: RedisServer) -> None:
    async def test(publish: Callable[..., Awaitable[Any]]) -> None:
        await publish("airlines", {"FR": 1})
        async with await Cache.connect(server.url, "airlines", decode=lambda data: int(data)) as airlines:
            await publish("airlines", {"FR": "one"})
            with pytest.raises(CacheValueError, match="`FR`"):
                await airlines.reload()
            assert airlines["FR"] == 1 and isinstance(airlines.last_error, CacheValueError)

    run(server, test)


def test_fixed() -> None:
    airlines = Cache.fixed(AIRLINES)
    assert airlines["FR"] == AIRLINES["FR"] and airlines.state == "fresh"
