"""What mypy knows of the API. The lines with `# error` must be errors; the others must not."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any, Mapping, Optional

import msgspec
import pydantic
from typing_extensions import TypedDict, assert_type

from kiwi_cache import Cache, Event, Snapshot, aio


@dataclasses.dataclass
class Airline:
    name: str


class AirlineDict(TypedDict):
    name: str


class AirlineStruct(msgspec.Struct):
    name: str


class AirlineModel(pydantic.BaseModel):
    name: str


def count(event: Event) -> None:
    print(event.cache, event.status)


def number(data: bytes) -> int:
    return int(data)


def use(url: str) -> None:
    plain = Cache.connect(url, "airlines", reload_ttl=timedelta(minutes=1), metrics=count)
    assert_type(plain, Cache[Any])
    airlines = Cache.connect(url, "airlines", model=Airline)
    assert_type(airlines["FR"], Airline)
    assert_type(airlines.get("FR"), Optional[Airline])
    assert_type(airlines.snapshot(), Snapshot[Airline])
    assert_type(Cache.connect(url, "a", model=AirlineStruct)["FR"].name, str)
    assert_type(Cache.connect(url, "a", model=AirlineModel)["FR"], AirlineModel)
    assert_type(Cache.connect(url, "a", model=AirlineDict)["FR"]["name"], str)
    assert_type(Cache.connect(url, "a", decode=number)["FR"], int)
    assert_type(Cache.connect(url, "a", decode="text")["FR"], str)
    assert_type(Cache.fixed({"FR": 1}), Cache[int])
    assert_type(Cache.fixed({"FR": {"name": "Ryanair"}}, model=Airline), Cache[Airline])
    mapping: Mapping[str, Airline] = airlines
    for code, airline in airlines.items():
        print(code.lower(), airline.name)
    for change in airlines.changes():
        print(change.seq, change.keys)
    with airlines as opened:
        print(opened.age, opened.state == "fresh", len(mapping))
    airlines["FR"].nam  # error
    airlines["FR"] = Airline("x")  # error
    Cache.connect(url, "airlines", reload=5)  # error
    Cache.connect(url, "airlines", decode="jason")  # error


async def use_async(url: str) -> None:
    airlines = await aio.Cache.connect(url, "airlines", model=Airline)
    assert_type(airlines["FR"], Airline)
    assert_type(await airlines.get_or_refill("FR"), Optional[Airline])
    async for change in airlines.changes():
        print(change.seq)
    airlines.reload().name  # error
