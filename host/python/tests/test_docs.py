"""The examples of docs/python.md and of the READMEs work, in their order."""

from __future__ import annotations

import re
from typing import List

import pytest
import services
from conftest import REPOSITORY, RedisServer

from kiwi_cache import Cache, CacheError
from kiwi_cache import errors

AIRLINES = {"FR": {"name": "Ryanair", "country": "Ireland"}, "U2": {"name": "easyJet", "country": "United Kingdom"}}


def examples(page: str) -> List[str]:
    text = (REPOSITORY / page).read_text()
    return re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    ("page", "count"), [("docs/python.md", 6), ("host/python/README.md", 1), ("README.md", 1)]
)
def test_the_examples_work(server: RedisServer, page: str, count: int, capsys: pytest.CaptureFixture[str]) -> None:
    server.publish("airlines", AIRLINES)
    found = examples(page)
    assert len(found) == count
    names = {"statsd": services.Statsd()}
    for example in found:
        exec(example.replace("redis://127.0.0.1:6379", server.url), names)
    assert "Ryanair" in capsys.readouterr().out
    for cache in Cache.instances():
        cache.close()


def test_each_error_and_setting_is_listed() -> None:
    page = (REPOSITORY / "docs/python.md").read_text()
    for name in errors.__all__:
        assert issubclass(getattr(errors, name), CacheError) and f"`{name}`" in page or name == "CacheError"
    settings = Cache._open.__func__.__kwdefaults__  # type: ignore[attr-defined]
    table = page.split("## Connecting")[1].split("## Reading")[0]
    for name in settings:
        assert f"`{name}`" in table, name
