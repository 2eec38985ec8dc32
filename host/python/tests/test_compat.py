"""A service that uses kiwi-cache changes its import: held against the real kiwi-cache 0.4.5, in another process."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Dict

import pytest
import redis
import redis.asyncio
import services
from conftest import AIRLINES, LONG, REPOSITORY, RedisServer, eventually, in_child

from kiwi_cache.compat import AioKiwiCache, CallAttemptException, KiwiCache
from kiwi_cache.compat.address import name_of, url_of


def with_kiwi_cache(server: RedisServer, code: str) -> Any:
    """Runs code in a process with the real kiwi-cache; returns what it assigns to `found`."""
    lines = (
        "import json, logging, redis, services, structlog\n"
        "structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))\n"
        f"client = redis.StrictRedis(port={server.port})\n{code}\nprint(json.dumps(found))\n"
    )
    environment = {**os.environ, "SERVICE": "kiwi-cache", "PYTHONPATH": os.path.dirname(__file__)}
    done = subprocess.run([sys.executable, "-c", lines], env=environment, capture_output=True, text=True, timeout=LONG)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def client(server: RedisServer) -> Any:
    KiwiCache.instances.clear()
    return redis.StrictRedis(port=server.port)


def airlines(client: Any, **options: Any) -> Any:
    made = services.Airlines(client, **{**services.TTLS, **options})
    made.statsd = services.Statsd()
    return made


def test_a_record_of_kiwi_cache_is_read(server: RedisServer, client: Any) -> None:
    found = with_kiwi_cache(
        server,
        "cache = services.Airlines(client, source={'FR': {'name': 'Ryanair', 'fee': 1.5}}, **services.TTLS)\n"
        "found = cache['FR']",
    )
    ours = airlines(client, error="the source is not asked")
    assert ours["FR"] == found == {"name": "Ryanair", "fee": 1.5}
    assert len(ours) == 1 and list(ours) == ["FR"] and "FR" in ours and ours.get("XX") is None
    assert ours.loads == 0 and ours.statsd.sent == []
    with pytest.raises(KeyError):
        ours["XX"]
    with pytest.raises(RuntimeError, match="read-only"):
        ours["FR"] = 1
    with pytest.raises(RuntimeError, match="read-only"):
        ours.update({})
    ours.close()


def test_kiwi_cache_reads_the_record_that_is_saved(server: RedisServer, client: Any) -> None:
    data = {"FR": {"fee": Decimal("1.10"), "since": datetime(2019, 7, 1)}, "U2": {"kinds": {"Y"}, "api_token": "x"}}
    ours = airlines(client, source=data, suffix="eu")
    assert str(ours["FR"]["fee"]) == "1.1" and ours.loads == 1
    assert ours.statsd.sent == [("kiwicache", "name:Airlines", "status:success")]
    found = with_kiwi_cache(server, "found = services.Airlines(client, suffix='eu', **services.TTLS).data")
    assert found == {key: ours[key] for key in ours}
    assert found["FR"] == {"fee": 1.1, "since": "2019-07-01 00:00:00"} and found["U2"] == {"kinds": ["Y"], "api_token": "x"}
    theirs = with_kiwi_cache(
        server,
        "import decimal\nfrom datetime import datetime\n"
        "data = {'FR': {'fee': decimal.Decimal('1.10'), 'since': datetime(2019, 7, 1)}, 'U2': {'kinds': {'Y'}, 'api_token': 'x'}}\n"
        "services.Airlines(client, suffix='theirs', source=data, **services.TTLS).refill_cache()\n"
        "found = client.get('resource:Airlines:theirs').decode()",
    )
    record = client.get("resource:Airlines:eu").decode()
    assert record.split('"timestamp"')[0] == theirs.split('"timestamp"')[0], "the same record, byte for byte"
    assert 0 < client.ttl("resource:Airlines:eu") <= 600 and client.get("lock:Airlines:eu") is None
    ours.close()


def test_what_a_host_publishes_is_read_and_the_source_is_not_called(server: RedisServer, client: Any) -> None:
    plugins, data = REPOSITORY / "plugins", REPOSITORY / "examples" / "data"
    for layout in ("hash", "both", "record"):
        record_key = "" if layout == "hash" else 'record_key = "Airlines"'
        server.configure(
            f"""
            [cache.airlines]
            plugin = "{plugins}/file.wasm"
            settings = {{ path = "{data}/airlines.csv", key = "iata" }}
            grants = {{ files = ["{data}/airlines.csv"] }}
            layout = "{layout}"
            {record_key}
            """
        )
        client.flushall()
        server.host("run", "--once")
        ours = airlines(client, error="the source is not asked")
        assert ours["FR"]["name"] == "Ryanair" and len(ours) > 10 and ours.loads == 0, layout
        assert isinstance(ours.data["FR"], dict) and ours.expires_at > datetime(2026, 1, 1)
        ours.close()


def test_a_change_arrives_without_a_reload(server: RedisServer, client: Any) -> None:
    server.publish("airlines", AIRLINES)
    ours = airlines(client, reload_ttl=timedelta(hours=1), cache_ttl=timedelta(hours=10))
    assert ours["FR"] == AIRLINES["FR"]
    server.publish("airlines", {**AIRLINES, "FR": 1})
    eventually(lambda: ours["FR"] == 1)
    ours.close()


def test_the_source_is_loaded_again_when_the_record_is_gone(server: RedisServer, client: Any) -> None:
    ours = airlines(client, source={"FR": 1}, reload_ttl=timedelta(seconds=0.1), cache_ttl=timedelta(seconds=10))
    assert ours["FR"] == 1 and ours.loads == 1
    ours.source = {"FR": 2}
    client.delete("resource:Airlines")
    eventually(lambda: ours["FR"] == 2)
    assert ours.loads == 2
    # The source fails: what was loaded last stays, and is saved again.
    ours.error = "down"
    client.delete("resource:Airlines")
    eventually(lambda: ours["FR"] == 2 and ours.loads >= 3)
    eventually(lambda: client.exists("resource:Airlines"))
    assert ("kiwicache", "name:Airlines", "status:load_error") in ours.statsd.sent
    ours.close()


def test_what_the_periodic_task_needs(server: RedisServer, client: Any) -> None:
    eu, us = airlines(client, suffix="eu", source={"a": 1}), airlines(client, suffix="us", source={"a": 2})
    assert KiwiCache.instances == {"resource:Airlines:eu": eu, "resource:Airlines:us": us}
    for instance in KiwiCache.instances.values():
        instance.refill_cache()
    assert (eu["a"], us["a"], eu.loads, us.loads) == (1, 2, 1, 1)
    client.set("lock:Airlines:eu", "locked", ex=1)
    eu.source = {"a": 3}
    # Another process has the lock. It ends, and nothing was refilled meanwhile.
    eu.refill_cache()
    eu.reload()
    assert eu.loads == 2 and eu["a"] == 3
    for cache in (eu, us):
        cache.close()


def test_attributes_and_arguments_are_those_of_kiwi_cache(server: RedisServer, client: Any) -> None:
    import inspect

    names = "found = list(__import__('inspect').signature(__import__('kw.cache').cache.KiwiCache).parameters)"
    assert list(inspect.signature(KiwiCache).parameters) == with_kiwi_cache(server, names)
    ours = airlines(client)
    assert (ours.reload_ttl, ours.cache_ttl, ours.refill_ttl) == (
        timedelta(minutes=1), timedelta(minutes=10), timedelta(seconds=5),
    )
    assert (ours.name, ours._key_suffix, ours._cache_key, ours.max_attempts) == ("Airlines", None, "resource:Airlines", -1)
    assert airlines(client, cache_ttl=None)._cache_ttl == timedelta(minutes=10)
    for wrong in ({"resources_redis": 5}, {"reload_ttl": 60}, {"max_attempts": "3"}):
        with pytest.raises(TypeError):
            services.Airlines(**{"resources_redis": client, **wrong})  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="cache_ttl"):
        airlines(client, cache_ttl=timedelta(seconds=1))
    with pytest.raises(NotImplementedError):
        KiwiCache(client).load_from_source()


def test_max_attempts(server: RedisServer, client: Any) -> None:
    patient = airlines(client, error="down", max_attempts=-1)
    with pytest.raises(KeyError):
        patient["FR"]
    assert patient.loads == 1
    strict = airlines(client, error="down", max_attempts=3)
    with pytest.raises(CallAttemptException, match="Max attempt of call airlines.load_from_source"):
        strict["FR"]
    assert strict.loads == 3
    for cache in (patient, strict):
        cache.close()


def test_an_empty_source(server: RedisServer, client: Any) -> None:
    refused, allowed = airlines(client), airlines(client, suffix="empty", allow_empty_data=True)
    assert len(refused) == 0 and refused.loads >= 1 and not client.exists("resource:Airlines")
    assert len(allowed) == 0 and list(allowed) == [] and allowed.loads == 1 and client.exists("resource:Airlines:empty")
    for cache in (refused, allowed):
        cache.close()


def test_while_redis_is_away_the_data_stay(server: RedisServer, client: Any) -> None:
    ours = airlines(client, source={"FR": 1}, reload_ttl=timedelta(seconds=0.1), cache_ttl=timedelta(hours=1))
    assert ours["FR"] == 1
    server.stop()
    eventually(lambda: ("kiwicache", "name:Airlines", "status:redis_error") in ours.statsd.sent)
    assert ours["FR"] == 1 and ours.loads == 1
    ours.close()


def test_a_missing_hook_of_a_subclass(server: RedisServer, client: Any) -> None:
    fees = services.Fees(client, source={"FR": 25, "default": 10}, **services.TTLS)
    assert (fees["FR"], fees["XX"]) == (25, 10) and "XX" not in fees
    fees.close()


def test_a_table(server: RedisServer, client: Any) -> None:
    ours = services.routes(resources_redis=client, **services.TTLS)
    assert ours["PRG-STN"] == {"distance": 1038.5, "seats": 189, "code": "PRG-STN"}
    theirs = with_kiwi_cache(
        server,
        "client.flushall()\nfound = services.routes(resources_redis=client, **services.TTLS).data",
    )
    assert theirs == dict(ours.items())
    ours.close()
    with pytest.raises(ValueError, match="must be set"):
        services.Routes(client, session=object(), table_name="routes")


def test_a_fork_while_it_serves(server: RedisServer, client: Any) -> None:
    server.publish("airlines", {"FR": 1})
    ours = airlines(client, reload_ttl=timedelta(seconds=0.1))
    assert ours["FR"] == 1
    wait = in_child(lambda: eventually(lambda: ours["FR"] == 2))
    server.publish("airlines", {"FR": 2})
    wait()
    ours.close()


def test_where_a_client_connects_to() -> None:
    urls: Dict[str, Any] = {
        "redis://127.0.0.1:7000/2": redis.StrictRedis("127.0.0.1", 7000, 2),
        "redis://bob:s%40%2Fcret@cache.example:6379/0": redis.StrictRedis("cache.example", username="bob", password="s@/cret"),
        "redis://:s3cret@[::1]:6379/0": redis.StrictRedis("::1", password="s3cret"),
        "rediss://cache.example:6380/0": redis.StrictRedis("cache.example", 6380, ssl=True),
        "redis+unix:///run/redis.sock?db=1": redis.StrictRedis(unix_socket_path="/run/redis.sock", db=1),
    }
    for url, client in urls.items():
        assert url_of(client) == url
    with pytest.raises(Exception, match="class attribute `url`"):
        url_of(object())
    names = {"Airlines": "airlines", "KiwiAirlines": "kiwi_airlines", "HTTPRates2": "http_rates2"}
    assert {name: name_of(name, None) for name in names} == names
    assert name_of("Airlines", "eu:x") == "airlines_eu_x"


def test_asyncio(server: RedisServer) -> None:
    class Airlines(AioKiwiCache):
        loads = 0

        async def load_from_source(self) -> Any:
            self.loads += 1
            return {"FR": 1}

    async def use() -> None:
        client = redis.asyncio.Redis(port=server.port)
        with pytest.raises(RuntimeError, match="redis.Connection"):
            Airlines()
        cache = Airlines(client, statsd=services.Statsd())
        assert cache in AioKiwiCache.instances
        assert await cache.getitem("FR") == 1 and await cache.get("XX", 7) == 7 and await cache.contains("FR")
        assert list(await cache.keys()) == ["FR"] and cache.loads == 1
        assert json.loads(await client.get("resource:Airlines")) == {"FR": 1}
        with pytest.raises(KeyError):
            await cache.getitem("XX")
        other = Airlines(client)
        assert await other.getitem("FR") == 1 and other.loads == 0, "it reads the record"
        await asyncio.get_running_loop().run_in_executor(None, server.publish, "airlines", {"FR": 2})
        await other.reload()
        assert await other.getitem("FR") == 2 and dict(await other.items()) == {"FR": 2}
        for one in (cache, other):
            await one.close()
        await client.aclose()

    asyncio.run(asyncio.wait_for(use(), LONG))
