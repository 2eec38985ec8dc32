"""From connecting to closing: what is new arrives, and what fails is said."""

from __future__ import annotations

import logging
import pathlib
import signal
import subprocess
import sys
import threading
import time
from typing import Any, List

import pytest
from conftest import AIRLINES, LONG, REPOSITORY, RedisServer, eventually, free_port, in_child

from kiwi_cache import (
    Cache,
    CacheClosed,
    CacheDenied,
    CacheError,
    CacheInvalid,
    CacheMissing,
    CacheUnavailable,
    Event,
)


def test_a_new_snapshot_is_served_as_soon_as_it_is_published(server: RedisServer) -> None:
    server.publish("airlines", AIRLINES)
    with Cache.connect(server.url, "airlines", reload_ttl=3600) as airlines:
        server.publish("airlines", {**AIRLINES, "FR": 1})
        eventually(lambda: airlines["FR"] == 1)
        assert airlines["U2"] == AIRLINES["U2"] and airlines.seq == 2


def test_polling_alone_is_enough(server: RedisServer) -> None:
    server.publish("airlines", AIRLINES)
    with Cache.connect(server.url, "airlines", reload_ttl=0.05, poll_only=True) as airlines:
        server.publish("airlines", {"FR": 1})
        eventually(lambda: airlines.get("FR") == 1)


def test_errors_are_of_their_kinds(server: RedisServer) -> None:
    for url, name in [("redis://127.0.0.1", "a b"), ("nonsense", "airlines"), ("file:.kiwi", "airlines")]:
        with pytest.raises(CacheInvalid):
            Cache.connect(url, name)
    with pytest.raises(CacheInvalid, match="reload_ttl"):
        Cache.connect(server.url, "airlines", reload_ttl=0)
    with pytest.raises(ValueError, match="invalid `wait_for`"):
        Cache.connect(server.url, "airlines", wait_for=-1)
    with pytest.raises(CacheUnavailable):
        Cache.connect(f"redis://127.0.0.1:{free_port()}", "airlines")
    server.client().config_set("requirepass", "s3cret")
    with pytest.raises(CacheDenied) as raised:
        Cache.connect(f"redis://:wrong-pa55@127.0.0.1:{server.port}", "airlines")
    assert isinstance(raised.value, CacheError) and "pa55" not in str(raised.value)
    with pytest.raises(CacheMissing):
        Cache.connect(f"redis://:s3cret@127.0.0.1:{server.port}", "airlines")
    assert Cache.instances() == []


def test_connecting_waits_for_a_first_snapshot(server: RedisServer) -> None:
    connected: List[Any] = []
    connecting = threading.Thread(
        target=lambda: connected.append(Cache.connect(server.url, "airlines", wait_for=LONG)), daemon=True
    )
    connecting.start()
    server.publish("airlines", AIRLINES)
    connecting.join(LONG)
    assert connected[0] == AIRLINES
    connected[0].close()


def test_ctrl_c_ends_a_wait() -> None:
    code = (
        "import kiwi_cache, signal, sys\n"
        # It may have been ignored where the tests were started.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "try:\n"
        "    print('connecting', flush=True)\n"
        f"    kiwi_cache.Cache.connect('redis://127.0.0.1:{free_port()}', 'airlines', wait_for=3600)\n"
        "except KeyboardInterrupt: print('interrupted')\n"
    )
    waiting = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert waiting.stdout is not None and waiting.stdout.readline() == "connecting\n"
    waiting.send_signal(signal.SIGINT)
    try:
        assert waiting.communicate(timeout=LONG)[0] == "interrupted\n" and waiting.returncode == 0
    finally:
        waiting.kill()


def test_while_redis_is_away_the_last_map_is_served_and_then_the_newest(server: RedisServer) -> None:
    server.publish("airlines", AIRLINES)
    events: List[Event] = []
    with Cache.connect(server.url, "airlines", reload_ttl=0.05, metrics=events.append) as airlines:
        server.stop()
        eventually(lambda: isinstance(airlines.last_error, CacheUnavailable))
        assert airlines == AIRLINES
        with pytest.raises(CacheUnavailable):
            airlines.reload()
        eventually(lambda: any(event.status == "redis_error" for event in events))
        server.start()
        # Redis has lost the data: the copy stays.
        eventually(lambda: isinstance(airlines.last_error, CacheMissing))
        assert airlines == AIRLINES
        server.publish("airlines", {"FR": 1})
        eventually(lambda: airlines.get("FR") == 1)
        eventually(lambda: airlines.last_error is None)


def test_a_service_starts_while_redis_is_away(server: RedisServer) -> None:
    server.stop()
    with Cache.connect(server.url, "airlines", start_missing=True, reload_ttl=0.1) as airlines:
        assert airlines.state == "missing" and isinstance(airlines.last_error, CacheUnavailable)
        with pytest.raises(CacheMissing, match="cannot be reached"):
            airlines["FR"]
        server.start()
        server.publish("airlines", AIRLINES)
        eventually(lambda: airlines.state == "fresh")
        assert airlines["FR"] == AIRLINES["FR"]


def test_a_copy_on_disk_is_served_while_redis_is_away(server: RedisServer, tmp_path: pathlib.Path) -> None:
    server.publish("airlines", AIRLINES)
    copies = tmp_path / "copies"
    with Cache.connect(server.url, "airlines", copy_dir=copies) as airlines:
        assert airlines == AIRLINES
        eventually(lambda: any(path.is_file() and path.stat().st_size > 100 for path in copies.rglob("*")))
    server.stop()
    with Cache.connect(server.url, "airlines", copy_dir=copies, reload_ttl=0.1) as airlines:
        assert airlines == AIRLINES and airlines.state == "stale" and airlines.seq == 1
        assert airlines.age is not None and isinstance(airlines.last_error, CacheUnavailable)
        wait = in_child(lambda: eventually(lambda: airlines.get("FR") == 1))
        server.start()
        server.publish("airlines", {"FR": 1})
        eventually(lambda: airlines["FR"] == 1 and airlines.state == "fresh")
        wait()


def test_a_host_is_asked_for_what_is_missing(server: RedisServer) -> None:
    plugins, data = REPOSITORY / "plugins", REPOSITORY / "examples" / "data"
    server.configure(
        f"""
        [cache.airlines]
        plugin = "{plugins}/file.wasm"
        settings = {{ path = "{data}/airlines.csv", key = "iata" }}
        grants = {{ files = ["{data}/airlines.csv"] }}
        """
    )
    with Cache.connect(server.url, "airlines", start_missing=True, refill_timeout=LONG) as airlines:
        found: List[Any] = []
        asking = threading.Thread(target=lambda: found.append(airlines.get_or_refill("FR")), daemon=True)
        asking.start()
        server.host("run", "--once")
        asking.join(LONG)
        assert found[0]["name"] == "Ryanair" and airlines["FR"] == found[0]
        assert airlines.get_or_refill("XX", "absent") == "absent"
    with Cache.connect(server.url, "nobody", start_missing=True, refill_timeout=0.1) as nobody:
        with pytest.raises(CacheMissing):
            nobody.get_or_refill("FR")


def test_changes_are_followed_key_by_key(server: RedisServer) -> None:
    entries = {str(n): n for n in range(1000)}
    server.publish("numbers", entries)
    with Cache.connect(server.url, "numbers") as numbers:
        changes = numbers.changes()
        assert changes.next(timeout=0) is None
        server.publish("numbers", {**entries, "7": 0})
        change = next(changes)
        assert (change.seq, change.keys, numbers["7"]) == (2, {"7"}, 0)
        del entries["8"]
        server.publish("numbers", {**entries, "7": 0})
        assert next(changes).keys == {"8"} and "8" not in numbers
        server.publish("numbers", {"1": 1})
        assert next(changes).keys is None and numbers == {"1": 1}
        after = numbers.changes()
    assert list(changes) == [] and list(after) == [], "they end when the cache is closed"


def test_a_slow_follower_skips_to_the_newest(server: RedisServer) -> None:
    entries = {str(n): n for n in range(1000)}
    server.publish("numbers", entries)
    with Cache.connect(server.url, "numbers") as numbers:
        slow, quick = numbers.changes(), numbers.changes()
        for n in range(20):
            server.publish("numbers", {**entries, str(n): -1})
            while (change := next(quick)).seq < n + 2:
                pass
        # Of 20 changes it has not taken, the last 4 are left at most, after one that says that any key may have changed.
        first = slow.next(timeout=LONG)
        assert first is not None and first.keys is None and first.seq > 2
        while change.seq != 21:
            change = next(slow)


def test_waiting_for_a_change(server: RedisServer) -> None:
    server.publish("numbers", {"a": 1})
    with Cache.connect(server.url, "numbers") as numbers:
        first = numbers.snapshot()
        assert numbers.changed(timeout=0.01) is None
        server.publish("numbers", {"a": 2})
        second = numbers.changed(since=first.id)
        assert second is not None and second["a"] == 2
        assert numbers.changed(timeout=0.01, since=second.id) is None
        raised: List[BaseException] = []

        def wait() -> None:
            try:
                numbers.changed()
            except CacheClosed as error:
                raised.append(error)

        waiting = threading.Thread(target=wait, daemon=True)
        waiting.start()
    waiting.join(LONG)
    assert len(raised) == 1


def test_a_closed_cache_says_so(server: RedisServer) -> None:
    server.publish("airlines", AIRLINES)
    airlines = Cache.connect(server.url, "airlines")
    assert Cache.instances() == [airlines] and not airlines.closed
    snapshot = airlines.snapshot()
    airlines.close()
    airlines.close()
    assert airlines.closed and Cache.instances() == [] and "closed" in repr(airlines)
    for use in (
        lambda: airlines["FR"],
        lambda: airlines.get("FR"),
        lambda: "FR" in airlines,
        lambda: len(airlines),
        lambda: list(airlines),
        lambda: airlines.state,
        lambda: airlines.age,
        lambda: airlines.last_error,
        airlines.reload,
        airlines.snapshot,
        airlines.changed,
        lambda: airlines.get_or_refill("FR"),
    ):
        with pytest.raises(CacheClosed, match="connect again"):
            use()  # type: ignore[operator]
    assert snapshot == AIRLINES
    clients = lambda: [client for client in server.client().client_list() if "kiwi" in client["name"]]  # noqa: E731
    eventually(lambda: not clients(), "its connections are closed")


def test_a_cache_that_nobody_has_any_more_is_closed(server: RedisServer) -> None:
    server.publish("airlines", AIRLINES)
    before = threading.active_count()
    for _ in range(10):
        assert Cache.connect(server.url, "airlines")["FR"]
    eventually(lambda: Cache.instances() == [])
    assert threading.active_count() <= before + 1


def test_events_are_logged_and_counted(server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "kiwi_cache")
    events: List[Event] = []

    def count(event: Event) -> None:
        events.append(event)
        if event.kind == "reloaded":
            raise ZeroDivisionError("a bug of the metrics")

    with pytest.raises(CacheMissing):
        Cache.connect(server.url, "airlines", metrics=count)
    eventually(lambda: [(event.cache, event.kind) for event in events] == [("airlines", "failed")])
    assert isinstance(events[0].error, CacheMissing) and events[0].status is None
    server.publish("airlines", AIRLINES)
    # No hint: it would be followed by a poll that finds nothing new.
    with Cache.connect(server.url, "airlines", metrics=count, poll_only=True, reload_ttl=3600) as airlines:
        eventually(lambda: events[-1].kind == "reloaded")
        assert events[-1].seq == 1 and events[-1].entries == 2 and events[-1].whole and events[-1].took is not None
        airlines.reload()
        eventually(lambda: events[-1].kind == "unchanged")
    logged = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert any(level == "WARNING" and "no snapshot was found" in text for level, text in logged)
    assert ("DEBUG", "cache `airlines`: loaded snapshot 1, the whole map") in logged
    assert any(level == "ERROR" and "its metrics failed" in text for level, text in logged)


def test_the_interpreter_ends_whatever_the_reader_is_doing(server: RedisServer) -> None:
    server.publish("airlines", {str(n): n for n in range(20_000)})
    url = server.url
    connect = f"import kiwi_cache, logging, sys, threading\nlogging.disable()\nc = kiwi_cache.Cache.connect({url!r}, 'airlines', reload_ttl=0.001)\n"
    for code in (
        "pass",
        "sys.exit(0)",
        "del c",
        "c.close()",
        "import atexit; atexit.register(lambda: print(c['7']))",
        "threading.Thread(target=c.changed, daemon=True).start()",
        "threading.Thread(target=lambda: list(c.changes()), daemon=True).start()",
        # It may find the cache closed before it ends.
        "def reload():\n    try:\n        while True: c.reload()\n    except kiwi_cache.CacheError: pass\n"
        "threading.Thread(target=reload, daemon=True).start()",
        f"d = kiwi_cache.Cache.connect('redis://127.0.0.1:{free_port()}', 'a', start_missing=True)",
    ):
        done = subprocess.run([sys.executable, "-c", connect + code], capture_output=True, text=True, timeout=LONG)
        assert (done.returncode, done.stderr) == (0, ""), code


def test_reads_in_many_threads_while_the_map_changes(server: RedisServer) -> None:
    """Each snapshot has one value for all keys: a read of two snapshots would show."""
    keys = [str(n) for n in range(500)]
    server.publish("numbers", {key: 0 for key in keys})
    with Cache.connect(server.url, "numbers") as numbers:
        is_over, wrong = threading.Event(), []

        def read() -> None:
            last = 0
            while not is_over.is_set():
                snapshot = numbers.snapshot()
                seen = {snapshot[key] for key in keys[:50]} | {numbers.snapshot()[keys[0]]}
                if min(seen) < last or len({snapshot[key] for key in keys}) != 1:
                    wrong.append(seen)
                last = snapshot[keys[0]]

        readers = [threading.Thread(target=read, daemon=True) for _ in range(4)]
        for reader in readers:
            reader.start()
        for n in range(1, 11):
            server.publish("numbers", {key: n for key in keys})
        eventually(lambda: numbers[keys[0]] == 10)
        is_over.set()
        for reader in readers:
            reader.join(LONG)
        assert not wrong
