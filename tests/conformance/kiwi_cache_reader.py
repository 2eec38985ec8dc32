"""The driver of the Python package `kiwi_cache`: requests and answers as README.md specifies them.

    kiwi_cache_reader.py REDIS_URL
"""

import json
import logging
import sys

import kiwi_cache

# `CacheValueError` stands for what is damaged, of a newer format or of another type.
KINDS = {
    kiwi_cache.CacheMissing: "missing",
    kiwi_cache.CacheUnavailable: "unavailable",
    kiwi_cache.CacheValueError: "refused",
}


class Driver:
    """Each request is a method."""

    def __init__(self, url):
        self.url = url

    def abilities(self):
        return {"reader": "Python package", "can": ["copy", "listen", "record"]}

    def open(self, key_prefix, settings):
        options = {"record_key": settings["record"]} if settings["record"] else {}
        self.cache = kiwi_cache.Cache.connect(
            self.url,
            "airlines",
            decode="text",
            key_prefix=key_prefix,
            reload_ttl=(settings["reload_ttl_ms"] or 3_600_000) / 1000,
            poll_only=not settings["listen"],
            start_missing=True,
            **options,
        )
        self.changes = self.cache.changes()
        self.held = [self.cache.id] if self.cache.id else []

    def reload(self):
        try:
            self.cache.reload()
        except kiwi_cache.CacheError:
            pass  # It is in `last_error`.

    def say(self, keys):
        cache, error = self.cache, self.cache.last_error
        while change := self.changes.next(timeout=0):
            self.held.append(change.id)
        is_there = cache.id is not None
        return {
            "state": cache.state,
            "id": cache.id,
            "seq": cache.seq,
            "entries": len(cache) if is_there else None,
            "age_ms": int(cache.age.total_seconds() * 1000) if is_there else None,
            "error": KINDS.get(type(error), repr(error)) if error else None,
            "values": {key: cache.get(key) for key in keys} if is_there else {},
            "held": self.held,
        }

    def close(self):
        self.cache.close()


def main():
    # What fails is asked for, and expected.
    logging.disable(logging.CRITICAL)
    driver = Driver(sys.argv[1])
    for line in sys.stdin:
        request = json.loads(line)
        answer = getattr(driver, request.pop("do"))(**request)
        print(json.dumps(answer or {}), flush=True)


main()
