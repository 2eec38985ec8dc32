"""Reads: like a dict, of what a real host has published."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import msgspec
import orjson
import pytest
from conftest import AIRLINES, RedisServer

import kiwi_cache
from kiwi_cache import Cache, CacheInvalid, CacheMissing, CacheValueError


def test_a_cache_is_a_read_only_mapping(server: RedisServer) -> None:
    server.publish("airlines", AIRLINES)
    with Cache.connect(server.url, "airlines") as airlines:
        assert isinstance(airlines, Mapping)
        assert airlines["FR"]["name"] == "Ryanair"
        assert airlines == AIRLINES and airlines != {} and dict(airlines) == AIRLINES
        assert len(airlines) == 2 and bool(airlines)
        assert sorted(airlines) == sorted(airlines.keys()) == ["FR", "U2"]
        assert dict(airlines.items()) == AIRLINES
        assert sorted(value["name"] for value in airlines.values()) == ["Ryanair", "easyJet"]
        assert "FR" in airlines and "XX" not in airlines and ("FR", AIRLINES["FR"]) in airlines.items()
        assert airlines.get("XX") is None and airlines.get("XX", 7) == 7 and airlines.get("U2") == AIRLINES["U2"]
        with pytest.raises(KeyError) as raised:
            airlines["XX"]
        assert raised.value.args == ("XX",)
        with pytest.raises(TypeError):
            airlines["FR"] = 1  # type: ignore[index]
        assert repr(airlines) == "<Cache 'airlines', fresh, snapshot 1>"


def test_keys_of_other_types_are_in_no_map(server: RedisServer) -> None:
    airlines = Cache.fixed(AIRLINES)
    for key in (5, None, b"FR", ("FR",)):
        assert key not in airlines and airlines.get(key) is None  # type: ignore[call-overload]
        with pytest.raises(KeyError):
            airlines[key]  # type: ignore[index]
    for read in (airlines.__getitem__, airlines.__contains__, airlines.get):
        with pytest.raises(TypeError, match="unhashable"):
            read([])  # type: ignore[operator]
    # What is not valid Unicode is in no map either, and is not an error of the map.
    assert airlines.get("é") is None and "\N{SNOWMAN}" not in airlines


def test_numbers_keep_their_digits(server: RedisServer) -> None:
    texts = {
        "int": "9007199254740993",
        "big": "123456789012345678901234567890",
        "negative": "-9223372036854775809",
        "float": "0.1",
        "hard": "2.2250738585072011e-308",
        "exponent": "1E5",
        "many": "3.14159265358979323846264338327950288",
        "text": '"\\u00e9\\n\\ud83d\\ude00"',
        "nested": '{"a": [1, [true, false, null], {}], "b": []}',
    }
    server.publish_text("numbers", texts)
    with Cache.connect(server.url, "numbers") as numbers:
        for key, text in texts.items():
            expected = __import__("json").loads(text)
            assert numbers[key] == expected and type(numbers[key]) is type(expected), key
    with Cache.connect(server.url, "numbers", decode="decimal") as numbers:
        assert str(numbers["many"]) == texts["many"] and type(numbers["float"]) is Decimal
        assert numbers["big"] == 123456789012345678901234567890 and type(numbers["int"]) is int
    with Cache.connect(server.url, "numbers", decode="text") as numbers:
        assert numbers["many"] == texts["many"]
    with Cache.connect(server.url, "numbers", decode=orjson.loads, check=False) as numbers:
        assert numbers["nested"] == {"a": [1, [True, False, None], {}], "b": []}
    with Cache.connect(server.url, "numbers", decode=msgspec.json.Decoder().decode) as numbers:
        assert numbers["float"] == 0.1


@pytest.mark.parametrize("decode", ["jason", 5])
def test_an_unknown_decode_says_what_is_expected(decode: object) -> None:
    with pytest.raises(CacheInvalid, match="expected"):
        Cache.fixed({}, decode=decode)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="reload"):
        Cache.connect("redis://127.0.0.1:1", "a", reload=5)  # type: ignore[call-overload]


def test_values_that_are_read_again_are_not_decoded_again(server: RedisServer) -> None:
    server.publish("airlines", AIRLINES)
    with Cache.connect(server.url, "airlines") as airlines:
        once = airlines["FR"]
        first = airlines["FR"]
        assert once == first and first is airlines["FR"] and first is airlines.get("FR")
        server.publish("airlines", {**AIRLINES, "FR": {"name": "Ryanair DAC"}})
        airlines.reload()
        assert airlines["FR"] == {"name": "Ryanair DAC"} and first == AIRLINES["FR"]
    for memo_bytes in (0, 30):
        with Cache.connect(server.url, "airlines", memo_bytes=memo_bytes) as airlines:
            values = [airlines["U2"] for _ in range(5)]
            assert values == [AIRLINES["U2"]] * 5 and len({id(value) for value in values}) == 5


def test_a_memo_is_bounded() -> None:
    entries = {str(n): {"n": n} for n in range(1000)}
    fixed = Cache.fixed(entries)
    small = fixed._of(
        kiwi_cache._native.Handle.fixed(  # type: ignore[attr-defined]
            [(key, '{"n": %s}' % key) for key in entries], number=0, checked=False, memo_bytes=100
        ),
        fixed._decoder,
        None,
        fixed._listener,
        False,
    )
    kept = [(small[key], small[key])[1] for key in entries]
    assert [value["n"] for value in kept] == list(range(1000))
    # The last ones are in it, and no more than 100 bytes of JSON.
    assert small["999"] is kept[999]
    assert sum(small[key] is value for key, value in zip(entries, kept)) < 10


def test_a_snapshot_never_changes(server: RedisServer) -> None:
    server.publish("airlines", AIRLINES)
    with Cache.connect(server.url, "airlines") as airlines:
        snapshot = airlines.snapshot()
        server.publish("airlines", {"FR": 1})
        airlines.reload()
        assert airlines == {"FR": 1}
        assert isinstance(snapshot, Mapping) and snapshot == AIRLINES and len(snapshot) == 2 and "U2" in snapshot
        assert dict(snapshot.items()) == AIRLINES and snapshot["FR"] == snapshot.get("FR") == AIRLINES["FR"]
        assert (snapshot.seq, airlines.seq, snapshot.name) == (1, 2, "airlines")
        assert snapshot.id != airlines.id == airlines.snapshot().id
        assert abs(datetime.now(timezone.utc) - snapshot.loaded_at) < timedelta(hours=1)
        assert "airlines" in repr(snapshot)
        with pytest.raises(TypeError, match="pickle"):
            pickle.dumps(snapshot)


def test_iterating_a_snapshot_does_not_mix_two(server: RedisServer) -> None:
    server.publish("numbers", {str(n): 1 for n in range(1000)})
    with Cache.connect(server.url, "numbers") as numbers:
        entries = iter(numbers.items())
        assert next(entries)[1] == 1
        server.publish("numbers", {str(n): 2 for n in range(1000)})
        numbers.reload()
        assert {value for _, value in entries} == {1} and set(numbers.values()) == {2}


def test_the_missing_hook_gives_values_for_absent_keys() -> None:
    fees = Cache.fixed({"FR": 25, "default": 10}, missing=lambda snapshot, key: snapshot["default"])
    assert (fees["FR"], fees["XX"]) == (25, 10)
    assert "XX" not in fees and fees.get("XX") is None and len(fees) == 2

    def absent(snapshot: object, key: str) -> int:
        raise KeyError(f"no fee for {key}")

    with pytest.raises(KeyError, match="no fee for XX"):
        Cache.fixed({}, missing=absent)["XX"]


def test_a_fixed_cache_needs_no_redis() -> None:
    airlines = Cache.fixed(AIRLINES)
    assert airlines["FR"]["name"] == "Ryanair" and airlines == AIRLINES
    assert (airlines.state, airlines.last_error, airlines.seq) == ("fresh", None, 1)
    assert airlines.age is not None and airlines.age < timedelta(hours=1)
    assert airlines.changed(timeout=0) is None
    airlines.reload()
    assert airlines.get_or_refill("FR") == AIRLINES["FR"]
    # As a host would publish it.
    assert Cache.fixed({"a": (1, 2)})["a"] == [1, 2]
    for value in (object(), float("nan")):
        with pytest.raises(CacheInvalid, match="`a`"):
            Cache.fixed({"a": value})


def test_a_value_that_cannot_be_decoded_names_the_key() -> None:
    deep = 5
    for _ in range(150):
        deep = [deep]  # type: ignore[assignment]
    airlines = Cache.fixed({"deep": deep, "FR": 1})
    assert airlines["deep"][0]

    def loads(data: bytes) -> int:
        raise ZeroDivisionError("a bug")

    with pytest.raises(CacheValueError, match="cache `fixed`: .* key `FR`: a bug") as raised:
        Cache.fixed({"FR": 1}, decode=loads)
    assert raised.value.key == "FR" and isinstance(raised.value.__cause__, ZeroDivisionError)


def test_a_cache_is_not_copied_to_other_processes() -> None:
    airlines = Cache.fixed(AIRLINES)
    with pytest.raises(TypeError, match="connect in the other process"):
        pickle.dumps(airlines)
    assert copy.copy(airlines) is airlines and copy.deepcopy(airlines) is airlines


def test_a_missing_cache_is_no_key_error(server: RedisServer) -> None:
    with pytest.raises(CacheMissing, match="kiwi-host run") as raised:
        Cache.connect(server.url, "airlines")
    assert not isinstance(raised.value, KeyError)
    with Cache.connect(server.url, "airlines", start_missing=True) as airlines:
        assert (airlines.state, airlines.age, airlines.seq, airlines.id) == ("missing", None, None, None)
        assert isinstance(airlines.last_error, CacheMissing)
        for read in (airlines.get, airlines.__getitem__, airlines.__contains__):
            with pytest.raises(CacheMissing):
                read("FR")
        for read in (len, iter, list, dict, Cache.snapshot):
            with pytest.raises(CacheMissing):
                read(airlines)  # type: ignore[operator]
