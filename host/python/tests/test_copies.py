"""Copies on disk that several processes share, when the one that loads and writes them is killed."""

from __future__ import annotations

import os
import pathlib
import random
import shutil
import signal
import time
import traceback
from typing import Any, Callable, Dict, List, Optional

from conftest import LONG, RedisServer, eventually

from kiwi_cache import Cache

#: Large values, so that a copy takes a while to write.
ENTRIES, DIGITS = 5_000, 2_000
PROCESSES = 4
#: Each has a map of its own.
GENERATIONS = 5
#: How often the elected process is killed in each generation, and after how many attempts that is given up.
KILLS, ATTEMPTS = 6, 30


def whole_map(generation: int) -> Dict[str, Any]:
    digits = random.Random(generation)
    return {str(n): [generation, n, f"{digits.getrandbits(DIGITS * 4):x}"] for n in range(ENTRIES)}


def fork(run: Callable[[], None]) -> int:
    """Runs a function in a child, which exits with 0 if it has not failed."""
    pid = os.fork()
    if pid == 0:
        try:
            run()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return pid


class Children:
    """Processes of this test, by id, and how they have ended."""

    def __init__(self, run: Callable[[], None], count: int) -> None:
        self.running = [fork(run) for _ in range(count)]
        self.ended: Dict[int, int] = {}

    def look(self) -> None:
        for pid in list(self.running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self.running.remove(pid)
                self.ended[pid] = status

    def elected(self) -> Optional[int]:
        """The one that has a file lock, while one of them has it."""
        while self.running:
            for line in pathlib.Path("/proc/locks").read_text().splitlines():
                words = line.split()
                if "FLOCK" in words and int(words[4]) in self.running:
                    return int(words[4])
            self.look()
        return None

    def kill(self, pid: int) -> bool:
        """Whether it was killed before it ended by itself."""
        self.look()
        if pid not in self.running:
            return False
        os.kill(pid, signal.SIGKILL)
        self.running.remove(pid)
        return os.WIFSIGNALED(os.waitpid(pid, 0)[1])

    def all_succeed(self) -> None:
        deadline = time.monotonic() + LONG
        try:
            while self.running:
                self.look()
                assert time.monotonic() < deadline, "a process waits for one that was killed"
                time.sleep(0.005)
        finally:
            while self.running:
                self.kill(self.running[0])
        assert set(self.ended.values()) <= {0}, self.ended


def test_the_elected_process_is_killed_at_any_step(server: RedisServer, tmp_path: pathlib.Path) -> None:
    """A process is elected by a file lock. It is killed at a random moment after that: while it loads, while it writes, or
    after both. All others have the whole map, and so has one that starts later, without Redis."""
    copies = tmp_path / "copies"
    delays = random.Random(1)

    maps: List[Dict[str, Any]] = []

    def reads(published: Dict[str, Any], *, and_waits_for_the_copy: bool = False) -> Callable[[], None]:
        def child() -> None:
            with Cache.connect(server.url, "numbers", copy_dir=copies, reload_ttl=0.5) as numbers:

                def has_what_is_published() -> bool:
                    # While another process loads, the copy that is there is served, which may be of the map before.
                    found = dict(numbers.snapshot().items())
                    assert found in maps[-2:], (len(found), found.get("0"))
                    return found == published

                eventually(has_what_is_published)
                if and_waits_for_the_copy:
                    eventually(lambda: any(path.stem == numbers.id for path in copies.rglob("*.kiwi")))

        return child

    for generation in range(GENERATIONS):
        published = whole_map(generation)
        maps.append(published)
        server.publish("numbers", published)
        kills = 0
        for _ in range(ATTEMPTS):
            children = Children(reads(published), PROCESSES)
            try:
                elected = children.elected()
                if elected is not None:
                    time.sleep(delays.uniform(0, 0.05))
                    kills += children.kill(elected)
            finally:
                children.all_succeed()
            if kills == KILLS:
                break
            shutil.rmtree(copies)
        assert kills > 0, "no process was seen that had the lock"
        Children(reads(published, and_waits_for_the_copy=True), 1).all_succeed()
        server.stop()
        Children(reads(published), 1).all_succeed()
        server.start()
