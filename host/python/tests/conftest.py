"""Real servers for the tests: each test has its own Redis, fed by the real host."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import traceback
from typing import Any, Callable, Dict, Iterator, Optional

import pytest
import redis

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]

#: How long a test waits for what must happen, however busy the machine is.
LONG = 120.0


def eventually(holds: Callable[[], Any], what: str = "") -> Any:
    """Waits until a function returns something true, and returns that."""
    deadline = time.monotonic() + LONG
    while True:
        found = holds()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {LONG} s: {what or holds}")
        time.sleep(0.02)


def in_child(run: Callable[[], Any]) -> Callable[[], None]:
    """Forks, and runs a function in the child. Returns what waits for it and checks that it has not failed."""
    pid = os.fork()
    if pid == 0:
        try:
            run()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)

    def wait() -> None:
        deadline = time.monotonic() + LONG
        while True:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                assert status == 0, f"the child has failed: {status}"
                return
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                raise AssertionError("the child hangs")
            time.sleep(0.02)

    return wait


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def host_command() -> str:
    """The command `kiwi-host`, which `cargo xtask test` has built."""
    command = os.environ.get("KIWI_HOST")
    assert command, "KIWI_HOST is not set: run `cargo xtask test`, or set it to the path of the command kiwi-host"
    return command


class RedisServer:
    """A redis-server of this test, and the host that publishes to it."""

    def __init__(self) -> None:
        assert shutil.which("redis-server"), "redis-server is missing: apt-get install redis-server"
        self.dir = tempfile.TemporaryDirectory(prefix="kiwi-reader-")
        self.process: Optional[subprocess.Popen[bytes]] = None
        self.start()

    def start(self) -> None:
        """Starts it. A port that was free may have been taken meanwhile: then another one is tried."""
        for _ in range(20):
            self.port = getattr(self, "port", None) or free_port()
            arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self.dir.name]
            self.process = subprocess.Popen(["redis-server", *arguments], stdout=subprocess.DEVNULL)
            if self._answers():
                return
            del self.port
        raise AssertionError("redis-server does not start")

    def _answers(self) -> bool:
        deadline = time.monotonic() + LONG
        while time.monotonic() < deadline and self.process is not None and self.process.poll() is None:
            try:
                return int(self.client().info("server")["process_id"]) == self.process.pid
            except redis.exceptions.RedisError:
                time.sleep(0.02)
        return False

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def client(self) -> Any:
        return redis.StrictRedis(port=self.port)

    def host(self, *arguments: str, stdin: Optional[str] = None) -> str:
        """Runs the command `kiwi-host` in the directory of this server."""
        command = [host_command(), *arguments]
        environment = {**os.environ, "KIWI_STORE": self.url}
        done = subprocess.run(
            command, input=stdin, cwd=self.dir.name, env=environment, capture_output=True, text=True, timeout=LONG
        )
        assert done.returncode == 0, f"{command}: {done.stderr}{done.stdout}"
        return done.stdout

    def publish(self, cache: str, entries: Dict[str, Any]) -> None:
        """Publishes a whole map."""
        self.publish_text(cache, {key: json.dumps(value) for key, value in entries.items()})

    def publish_text(self, cache: str, entries: Dict[str, str]) -> None:
        """The same, with values as JSON text."""
        rows = "".join(f'{{"key": {json.dumps(key)}, "value": {text}}}\n' for key, text in entries.items())
        self.host("publish", cache, stdin=rows)

    def configure(self, toml: str) -> None:
        """Writes the kiwi.toml of the host."""
        (pathlib.Path(self.dir.name) / "kiwi.toml").write_text(toml)


@pytest.fixture
def server() -> Iterator[RedisServer]:
    started = RedisServer()
    try:
        yield started
    finally:
        started.stop()
        started.dir.cleanup()


AIRLINES = {
    "FR": {"name": "Ryanair", "country": "IE", "fee": 25.5},
    "U2": {"name": "easyJet", "country": "GB", "fee": 10},
}
