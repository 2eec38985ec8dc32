"""Uses the whole contract: each function, each method, `describe`. The same as tests/guests/whole_contract.

With `url` set, the response is an entry, too.
"""

import json
from urllib.parse import urlsplit

import wit_world
from wit_world.imports import about, http, log, mark, output, settings
from wit_world.imports.entries import Entry


class WitWorld(wit_world.WitWorld):
    """What the world `described-loader` exports."""

    def load_from_source(self):
        for level in log.Level:
            log.write(level, f"a line at {level.name}")
        text = settings.get()
        published = mark.published()
        if published == text:
            mark.unchanged()
            return []
        mark.set(text)
        output.emit([Entry("settings", text), Entry("published", json.dumps(published))])
        url = json.loads(text).get("url")
        return [Entry("answer", json.dumps(get(url) if url else None))]

    def describe(self):
        kind = about.SettingKind.TEXT
        setting = about.Setting(name="url", kind=kind, required=False, default_value="null", help="What to get.")
        url = json.loads(settings.get()).get("url")
        grants = [about.Grant(kind="http", name=origin(url), reason="to get `url`")] if url else []
        return about.Description(
            name="whole-contract",
            version="0.1.0",
            summary="Uses everything the contract has.",
            reload_ttl="5m",
            cache_ttl="none",
            settings=[setting],
            grants=grants,
        )


def origin(url):
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def get(url):
    headers = [("accept", "text/plain")]
    request = http.Request(method="GET", url=url, headers=headers, body=None, timeout_ms=10_000)
    with http.send(request) as response:
        text = (response.read(4) or b"").decode()
        while (lines := response.read_text(65_536)) is not None:
            text += lines
        return {
            "status": response.status(),
            "url": response.url(),
            "content_type": response.header("content-type"),
            "headers": len(response.headers()),
            "text": text,
        }
