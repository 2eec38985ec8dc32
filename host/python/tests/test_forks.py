"""Processes that fork: each child follows what is published, with threads and connections of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pathlib
import subprocess
import sys
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, List

import pytest
from conftest import AIRLINES, LONG, RedisServer, eventually, free_port, host_command, in_child

from kiwi_cache import Cache
from kiwi_cache import aio


def test_a_child_begins_with_the_map_and_follows_it(server: RedisServer) -> None:
    server.publish("airlines", AIRLINES)
    with Cache.connect(server.url, "airlines", reload_ttl=3600) as airlines:
        ready = multiprocessing.get_context("fork").Semaphore(0)

        def child() -> None:
            assert airlines == AIRLINES and airlines.state == "fresh" and airlines.age is not None
            ready.release()
            eventually(lambda: airlines["FR"] == 1)
            airlines.reload()
            change = airlines.changed(timeout=0)
            assert change is None and Cache.instances() == [airlines]
            airlines.close()

        waits = [in_child(child) for _ in range(4)]
        assert all(ready.acquire(timeout=LONG) for _ in waits)
        server.publish("airlines", {**AIRLINES, "FR": 1})
        for wait in waits:
            wait()
        eventually(lambda: airlines["FR"] == 1)


def test_children_of_children_follow_too(server: RedisServer) -> None:
    server.publish("airlines", AIRLINES)
    with Cache.connect(server.url, "airlines", reload_ttl=0.1) as airlines:

        changes = airlines.changes()

        def grandchild() -> None:
            assert next(changes).seq == 2 and airlines["FR"] == 1

        def child() -> None:
            in_child(grandchild)()

        wait = in_child(child)
        server.publish("airlines", {"FR": 1})
        wait()


def test_forks_in_the_middle_of_loads(server: RedisServer, tmp_path: pathlib.Path) -> None:
    """The map is replaced all the time, so that most forks meet a load. Another process does that: what this one has open
    while it forks, the children have open too."""
    keys = [str(n) for n in range(30_000)]
    for n in range(3):
        rows = (f'{{"key": "{key}", "value": [{n}, {key}]}}\n' for key in keys)
        (tmp_path / f"{n}.ndjson").write_text("".join(rows))
    publish = f'"{host_command()}" publish numbers --quiet --store {server.url}'
    subprocess.run(f"{publish} < 0.ndjson", shell=True, cwd=tmp_path, check=True)
    loop = f"while [ ! -e over ]; do {publish} < 1.ndjson && {publish} < 0.ndjson || exit 1; done; {publish} < 2.ndjson"
    publishing = subprocess.Popen(loop, shell=True, cwd=tmp_path)
    with Cache.connect(server.url, "numbers", reload_ttl=0.005) as numbers:

        def child() -> None:
            snapshot = numbers.snapshot()
            first = snapshot["0"][0]
            assert all(snapshot[key] == [first, int(key)] for key in keys[::100])
            eventually(lambda: numbers["0"] == [2, 0])

        waits = [in_child(child) for _ in range(12)]
        assert numbers.changed(timeout=LONG) is not None, "it is replaced"
        (tmp_path / "over").touch()
        assert publishing.wait(LONG) == 0
        for wait in waits:
            wait()
        eventually(lambda: numbers["0"] == [2, 0])


def test_a_fork_in_a_thread_and_with_waiting_threads(server: RedisServer) -> None:
    server.publish("airlines", AIRLINES)
    with Cache.connect(server.url, "airlines", reload_ttl=0.1) as airlines:
        changes = airlines.changes()
        for wait_for in (lambda: airlines.changed(), lambda: next(changes)):
            threading.Thread(target=wait_for, daemon=True).start()
        waits: List[Any] = []

        def child() -> None:
            first = airlines.changed(timeout=0, since="")
            assert first is not None
            if first["FR"] != 1:
                changed = airlines.changed(timeout=LONG, since=first.id)
                assert changed is not None and changed["FR"] == 1

        thread = threading.Thread(target=lambda: waits.append(in_child(child)))
        thread.start()
        thread.join(LONG)
        server.publish("airlines", {"FR": 1})
        waits[0]()


def test_a_fork_in_asyncio(server: RedisServer) -> None:
    server.publish("airlines", AIRLINES)

    async def parent() -> None:
        async with await aio.Cache.connect(server.url, "airlines", reload_ttl=0.1) as airlines:
            waiting = asyncio.ensure_future(airlines.changed())
            await asyncio.sleep(0)

            def child() -> None:
                async def follow() -> None:
                    assert airlines["FR"] in (AIRLINES["FR"], 1)
                    while airlines["FR"] != 1:
                        await airlines.changed(0.1)

                # The loop of the parent is running here, as far as Python knows.
                asyncio._set_running_loop(None)
                asyncio.new_event_loop().run_until_complete(follow())

            wait = in_child(child)
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, server.publish, "airlines", {"FR": 1})
            assert await waiting is not None and airlines["FR"] == 1
            await loop.run_in_executor(None, wait)

    asyncio.run(parent())


def read_in_process(airlines: Any, wanted: int) -> int:
    eventually(lambda: airlines["FR"] == wanted)
    return os.getpid()


_shared: Dict[str, Any] = {}


def read_shared(wanted: int) -> int:
    return read_in_process(_shared["airlines"], wanted)


def test_multiprocessing(server: RedisServer) -> None:
    server.publish("airlines", {"FR": 1})
    with Cache.connect(server.url, "airlines", reload_ttl=0.1) as airlines:
        _shared["airlines"] = airlines
        with multiprocessing.get_context("fork").Pool(3) as pool:
            assert os.getpid() not in pool.map(read_shared, [1] * 6)
            server.publish("airlines", {"FR": 2})
            pool.map(read_shared, [2] * 6)
        with pytest.raises(TypeError, match="connect in the other process"):
            multiprocessing.get_context("spawn").Process(target=read_in_process, args=(airlines, 2)).start()
    _shared.clear()


def test_a_checked_cache_is_checked_in_children_too(server: RedisServer) -> None:
    server.publish("airlines", {"FR": 1})
    with Cache.connect(server.url, "airlines", decode=lambda data: int(data), reload_ttl=0.1) as airlines:

        has_seen = multiprocessing.get_context("fork").Event()

        def child() -> None:
            eventually(lambda: airlines.last_error)
            assert airlines["FR"] == 1
            has_seen.set()
            eventually(lambda: airlines["FR"] == 3)

        wait = in_child(child)
        server.publish("airlines", {"FR": "two"})
        eventually(lambda: airlines.last_error)
        assert has_seen.wait(LONG)
        server.publish("airlines", {"FR": 3})
        wait()


APP = """
import os
import time
from kiwi_cache import Cache
airlines = Cache.connect({url!r}, "airlines", reload_ttl=3600)

def app(environ, start_response):
    # So that requests at the same time reach all workers.
    time.sleep(0.05)
    start_response("200 OK", [("content-type", "text/plain")])
    return [f"{{os.getpid()}} {{airlines['FR']}}".encode()]
"""


@pytest.mark.parametrize("flags", [["--preload"], []], ids=["preload", "no_preload"])
def test_gunicorn(server: RedisServer, tmp_path: pathlib.Path, flags: List[str]) -> None:
    server.publish("airlines", {"FR": 1})
    (tmp_path / "app.py").write_text(APP.format(url=server.url))
    port, log = free_port(), tmp_path / "log"
    command = [sys.executable, "-m", "gunicorn", "--workers", "4", "--timeout", "0", "--bind", f"127.0.0.1:{port}", "--log-file", str(log)]
    master = subprocess.Popen([*command, *flags, "app:app"], cwd=tmp_path)
    try:

        def get() -> List[str]:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=LONG) as response:
                    return response.read().decode().split()  # type: ignore[no-any-return]
            except OSError:
                assert master.poll() is None, log.read_text()
                return []

        def all_see(value: str) -> Callable[[], bool]:
            def look() -> bool:
                seen: Dict[str, str] = {}
                with ThreadPoolExecutor(8) as requests:
                    for answer in requests.map(lambda _: get(), range(24)):
                        if answer:
                            seen[answer[0]] = answer[1]
                return len(seen) == 4 and set(seen.values()) == {value}

            return look

        eventually(all_see("1"), "four workers answer")
        server.publish("airlines", {"FR": 2})
        eventually(all_see("2"), "four workers see the change")
    finally:
        master.terminate()
        try:
            assert master.wait(LONG) == 0
        finally:
            master.kill()


TASKS = """
import os
import celery
from kiwi_cache import Cache
airlines = Cache.connect({url!r}, "airlines", reload_ttl=3600)
app = celery.Celery("tasks", broker={url!r} + "/1", backend={url!r} + "/1")

@app.task
def read(key):
    return [os.getpid(), airlines[key]]
"""


def test_celery(server: RedisServer, tmp_path: pathlib.Path) -> None:
    server.publish("airlines", {"FR": 1})
    (tmp_path / "tasks.py").write_text(TASKS.format(url=server.url))
    log = tmp_path / "log"
    command = [sys.executable, "-m", "celery", "--app", "tasks", "worker", "--concurrency", "2", "--pool", "prefork"]
    worker = subprocess.Popen([*command, "--logfile", str(log)], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ask = (
        "import sys, tasks\n"
        f"found = [result.get(timeout={LONG}) for result in [tasks.read.delay('FR') for _ in range(10)]]\n"
        "print(' '.join(str(value) for _, value in found))\n"
    )

    def answers() -> List[str]:
        done = subprocess.run([sys.executable, "-c", ask], cwd=tmp_path, capture_output=True, text=True, timeout=LONG)
        assert done.returncode == 0, done.stderr
        assert worker.poll() is None, log.read_text()
        return done.stdout.split()

    try:
        assert answers() == ["1"] * 10
        server.publish("airlines", {"FR": 2})
        eventually(lambda: answers() == ["2"] * 10, "both processes see the change")
    finally:
        worker.terminate()
        try:
            worker.wait(LONG)
        finally:
            worker.kill()
