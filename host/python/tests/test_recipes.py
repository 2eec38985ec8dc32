"""The applications in examples/python, which docs/recipes.md shows: each is started as a service would be, before anything
is published, and follows what is published then."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any, Callable, Dict, Iterator, List, Set, Tuple

import celery
import httpx
import pytest
import redis
from conftest import LONG, REPOSITORY, RedisServer, eventually, free_port

EXAMPLES = REPOSITORY / "examples/python"
WORKERS = 4

Answer = Tuple[int, Any]


@contextlib.contextmanager
def running(server: RedisServer, log: pathlib.Path, *command: str) -> Iterator[Callable[[], None]]:
    """A service that is a Python module, in the directory of the examples. Yields what fails once it has ended."""
    environment = {
        **os.environ,
        "REDIS_URL": server.url,
        "BROKER_URL": f"{server.url}/1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with log.open("w") as out:
        process = subprocess.Popen([sys.executable, "-m", *command], cwd=EXAMPLES, env=environment, stdout=out, stderr=out)

    def check() -> None:
        assert process.poll() is None, log.read_text()

    try:
        yield check
    finally:
        process.terminate()
        try:
            process.wait(LONG)
        finally:
            process.kill()
            process.wait()


def get(port: int, path: str) -> Answer:
    """The status and the JSON of a page; status 0 if there is no answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=LONG) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except OSError:
        return 0, None


def follows(server: RedisServer, get: Callable[[str], Answer], has_been_seen: Callable[[], bool]) -> None:
    """Asks a service before there is a map, with one, and after a change, until all its processes have seen that."""
    assert eventually(lambda: get("/ready")[0]) == 503
    status, answer = get("/airlines/FR")
    assert status == 503 and "airlines" in answer["error"]

    server.publish("airlines", {"FR": {"name": "Ryanair"}})
    eventually(lambda: get("/airlines/FR") == (200, {"name": "Ryanair"}), "the first map is seen")
    status, answer = eventually(lambda: (found := get("/ready"))[0] == 200 and found)
    assert answer["state"] == "fresh" and answer["age"] >= 0

    server.publish("airlines", {"FR": {"name": "Ryanair DAC"}})
    eventually(lambda: get("/airlines/FR") == (200, {"name": "Ryanair DAC"}) and has_been_seen(), "the change is seen by all")
    assert get("/airlines/XX")[0] == 404


@pytest.mark.parametrize("app", ["flask_airlines:create_app()", "django_airlines.wsgi"])
def test_gunicorn_with_preloaded_workers(server: RedisServer, tmp_path: pathlib.Path, app: str) -> None:
    port, requests = free_port(), tmp_path / "requests"
    # Who answered, and with how many bytes.
    logged = ["--access-logfile", str(requests), "--access-logformat", "%(p)s %(U)s %(s)s %(B)s"]
    bind = ["--bind", f"127.0.0.1:{port}", "--workers", str(WORKERS)]
    with running(server, tmp_path / "log", "gunicorn", "--preload", *bind, *logged, app) as check:

        def ask(path: str) -> Answer:
            check()
            return get(port, path)

        def all_have_answered_anew() -> bool:
            answers: Dict[str, Set[str]] = {}
            for process, path, status, size in (line.split() for line in requests.read_text().splitlines()):
                if path == "/airlines/FR" and status == "200":
                    answers.setdefault(size, set()).add(process)
            # The longer name is the new one.
            return len(answers) == 2 and len(answers[max(answers, key=int)]) == WORKERS

        follows(server, ask, all_have_answered_anew)


def test_fastapi_with_uvicorn(server: RedisServer, tmp_path: pathlib.Path) -> None:
    port = free_port()
    with running(server, tmp_path / "log", "uvicorn", "--port", str(port), "fastapi_airlines:app") as check:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=LONG) as client:

            def ask(path: str) -> Answer:
                check()
                try:
                    response = client.get(path)
                except httpx.TransportError:
                    return 0, None
                return response.status_code, response.json()

            follows(server, ask, lambda: True)


def test_celery_with_a_worker(server: RedisServer, tmp_path: pathlib.Path) -> None:
    log = tmp_path / "log"
    worker = ["--app", "celery_airlines", "worker", "--pool", "prefork", "--concurrency", "2", "--loglevel", "INFO"]
    # Without a result backend of its own: results that Celery's client holds ask for Redis when they are freed, after this test.
    results = redis.StrictRedis(port=server.port, db=1)
    with running(server, log, "celery", *worker) as check, celery.Celery("client", broker=f"{server.url}/1") as client:

        def caches() -> Any:
            check()
            replies: List[Any] = client.control.broadcast("caches", reply=True, timeout=5, limit=1) or []
            return next((answer["airlines"] for reply in replies for answer in reply.values()), None)

        def send() -> str:
            return str(client.send_task("celery_airlines.name_of", ["FR"]).id)

        def outcome(task: str) -> Tuple[Any, Any]:
            check()
            meta = json.loads(results.get(f"celery-task-meta-{task}") or "{}")
            return meta.get("status"), meta.get("result")

        def both_have_answered_anew() -> bool:
            for task in [send() for _ in range(10)]:
                eventually(lambda: outcome(task)[0] == "SUCCESS")
            return len(set(re.findall(r"(ForkPoolWorker-\d+)\] .* succeeded in .*: 'Ryanair DAC'", log.read_text()))) == 2

        assert eventually(caches) == {"state": "missing", "age": None}
        early = send()
        eventually(lambda: outcome(early)[0] == "RETRY", "the task waits for the map")
        server.publish("airlines", {"FR": {"name": "Ryanair"}})
        eventually(lambda: outcome(early) == ("SUCCESS", "Ryanair"), "the task has run again")
        eventually(lambda: (found := caches()) and found["state"] == "fresh" and found["age"] >= 0)
        server.publish("airlines", {"FR": {"name": "Ryanair DAC"}})
        eventually(both_have_answered_anew, "both processes see the change")


@pytest.mark.parametrize(
    "command",
    [["pytest", "-p", "no:cacheprovider"], ["django", "test", "django_airlines", "--settings", "django_airlines.settings"]],
    ids=["pytest", "django"],
)
def test_unit_tests_need_no_redis(command: List[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "BROKER_URL")}
    run = [sys.executable, "-m", *command]
    done = subprocess.run(run, cwd=EXAMPLES, env=environment, capture_output=True, text=True, timeout=LONG)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"3 passed|Ran 1 test ", done.stdout + done.stderr), done.stdout + done.stderr


def test_the_page_shows_the_files() -> None:
    page = (REPOSITORY / "docs/recipes.md").read_text()
    shown = dict(re.findall(r"^`(examples/python/\S+)`:?\n\n```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE))
    files = {str(path.relative_to(REPOSITORY)): path.read_text() for path in EXAMPLES.rglob("*.py")}
    assert shown == {name: text for name, text in files.items() if text}
