"""`model=` and `decode=`: what values become, and what happens if one does not fit."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import typing
from decimal import Decimal
from typing import Any, Dict, List, Optional

import msgspec
import pydantic
import pytest
from conftest import RedisServer, eventually
from typing_extensions import TypedDict

from kiwi_cache import Cache, CacheInvalid, CacheMissing, CacheValueError, Event


@dataclasses.dataclass(frozen=True)
class Airline:
    name: str
    fee: float = 0.0


class AirlineDict(TypedDict):
    name: str


class AirlineStruct(msgspec.Struct):
    name: str
    fee: float = 0.0


class AirlineModel(pydantic.BaseModel):
    name: str
    fee: float = 0.0


class Kind(enum.Enum):
    LOW_COST = "low-cost"


@dataclasses.dataclass
class Everything:
    count: int
    price: Decimal
    day: datetime.date
    at: Optional[datetime.datetime]
    kinds: List[Kind]
    fees: Dict[str, float]
    either: typing.Union[int, str]
    literal: typing.Literal["a", 1]
    anything: Any
    pair: typing.Tuple[int, ...]
    others: List["Everything"] = dataclasses.field(default_factory=list)
    flag: bool = False


@pytest.mark.parametrize("model", [Airline, AirlineStruct, AirlineModel])
@pytest.mark.parametrize("decode", ["native", "decimal"])
def test_values_are_instances_of_the_model(server: RedisServer, model: Any, decode: Any) -> None:
    server.publish("airlines", {"FR": {"name": "Ryanair", "fee": 25, "new": 1}, "U2": {"name": "easyJet"}})
    with Cache.connect(server.url, "airlines", model=model, decode=decode) as airlines:
        assert isinstance(airlines["FR"], model)
        assert (airlines["FR"].name, airlines["FR"].fee, airlines["U2"].fee) == ("Ryanair", 25, 0)
        assert isinstance(airlines.snapshot()["U2"], model)
        assert all(isinstance(value, model) for value in airlines.values())


def test_a_typed_dict_stays_a_dict() -> None:
    airlines = Cache.fixed({"FR": {"name": "Ryanair", "new": 1}}, model=AirlineDict)
    assert airlines["FR"] == {"name": "Ryanair"}
    with pytest.raises(CacheValueError, match="field 'name' is missing"):
        Cache.fixed({"FR": {}}, model=AirlineDict)


def test_a_dataclass_may_have_fields_of_many_types() -> None:
    inner = {
        "count": 1, "price": "1.10", "day": "2019-07-01", "at": None, "kinds": ["low-cost"], "fees": {"bag": 25},
        "either": "x", "literal": 1, "anything": [1], "pair": [1, 2],
    }
    cache = Cache.fixed({"a": {**inner, "at": "2019-07-01T12:30:00", "others": [inner]}}, model=Everything)
    value = cache["a"]
    assert value.price == Decimal("1.10") and value.day == datetime.date(2019, 7, 1)
    assert value.at == datetime.datetime(2019, 7, 1, 12, 30) and value.kinds == [Kind.LOW_COST]
    assert value.fees == {"bag": 25.0} and value.pair == (1, 2) and value.others[0].at is None
    for change, message in [
        ({"count": "1"}, "count: expected an integer, found '1'"),
        ({"count": True}, "count: expected an integer, found True"),
        ({"price": 1.1}, 'decode="decimal"'),
        ({"kinds": ["no"]}, "kinds: 0: 'no' is not a valid Kind"),
        ({"fees": {"bag": "x"}}, "fees: bag: expected a number"),
        ({"literal": 2}, "expected one of"),
        ({"others": [{}]}, "others: 0: field 'anything' is missing"),
        ({"day": "yesterday"}, "day: "),
    ]:
        with pytest.raises(CacheValueError, match=message.replace("(", r"\(")):
            Cache.fixed({"a": {**inner, **change}}, model=Everything)


def test_a_model_that_is_none_says_what_is_expected() -> None:
    for model in (int, 5, object()):
        with pytest.raises(CacheInvalid, match="expected a dataclass"):
            Cache.fixed({}, model=model)  # type: ignore[call-overload]

    @dataclasses.dataclass
    class Odd:
        field: complex

    with pytest.raises(TypeError, match="complex.*msgspec"):
        Cache.fixed({}, model=Odd)


@pytest.mark.parametrize("model", [Airline, AirlineStruct, AirlineModel])
def test_a_snapshot_with_a_value_that_does_not_fit_is_refused(server: RedisServer, model: Any) -> None:
    entries: Dict[str, Any] = {str(n): {"name": str(n)} for n in range(100)}
    server.publish("airlines", entries)
    events: List[Event] = []
    with Cache.connect(server.url, "airlines", model=model, metrics=events.append) as airlines:
        changes = airlines.changes()
        server.publish("airlines", {**entries, "7": {"name": 7}, "8": {"name": "eight"}})
        eventually(lambda: airlines.last_error)
        error = airlines.last_error
        assert isinstance(error, CacheValueError) and error.key == "7" and "`7`" in str(error)
        assert airlines.seq == 1 and airlines["7"].name == "7" and airlines["8"].name == "8"
        assert airlines.state == "stale" and airlines.age is not None
        eventually(lambda: any(event.kind == "refused" and event.error is error for event in events))
        with pytest.raises(CacheValueError, match="`7`"):
            airlines.reload()
        # The next one fits, and differs from what is served by more than from the one that was refused.
        server.publish("airlines", {**entries, "7": {"name": "seven"}, "8": {"name": "eight"}})
        eventually(lambda: airlines["7"].name == "seven")
        assert airlines["8"].name == "eight" and airlines.last_error is None and airlines.state == "fresh"
        change = next(changes)
        assert change.seq == 3 and change.keys == {"7", "8"}


def test_without_a_check_only_the_read_fails(server: RedisServer) -> None:
    server.publish("airlines", {"FR": {"name": "Ryanair"}, "U2": {"name": 2}})
    with pytest.raises(CacheValueError, match="`U2`"):
        Cache.connect(server.url, "airlines", model=Airline)
    with Cache.connect(server.url, "airlines", model=Airline, check=False) as airlines:
        assert airlines["FR"].name == "Ryanair"
        with pytest.raises(CacheValueError, match="`U2`"):
            airlines["U2"]
        with pytest.raises(CacheValueError, match="`U2`"):
            dict(airlines.items())
    with Cache.connect(server.url, "airlines", model=Airline, start_missing=True) as airlines:
        assert airlines.state == "missing" and isinstance(airlines.last_error, CacheValueError)
        with pytest.raises(CacheMissing, match="`U2`"):
            airlines["FR"]
        server.publish("airlines", {"FR": {"name": "Ryanair"}})
        eventually(lambda: airlines.state == "fresh")


def test_whatever_a_decode_raises_is_a_value_error() -> None:
    def decode(data: bytes) -> Any:
        raise SystemError("odd")

    with pytest.raises(CacheValueError, match="odd"):
        Cache.fixed({"a": 1}, decode=decode)

    def interrupted(data: bytes) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Cache.fixed({"a": 1}, decode=interrupted)


def test_a_decode_may_read_the_same_cache() -> None:
    caches: List[Any] = []

    def decode(data: bytes) -> Any:
        value = int(data)
        return value if value < 2 or not caches else (value, caches[0]["one"])

    cache = Cache.fixed({"one": 1, "two": 2}, decode=decode)
    caches.append(cache)
    assert cache["two"] == (2, 1) and dict(cache.items())["two"] == (2, 1)
