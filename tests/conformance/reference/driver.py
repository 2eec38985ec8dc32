"""The driver of the reference reader: requests and answers as the kit's README.md specifies them.

    driver.py [--without RULE] REDIS_URL
"""

import json
import pathlib
import sys
import types

import redis

HERE = pathlib.Path(__file__).parent


def load(without):
    """The reference reader, or one in which a rule is left out: each of these texts is replaced by the other."""
    sources = {name: (HERE / f"{name}.py").read_text(encoding="utf-8") for name in ("formats", "reader")}
    for old, new in json.loads((HERE / "rules.json").read_text(encoding="utf-8"))[without] if without else []:
        places = [name for name, source in sources.items() if old in source]
        if len(places) != 1 or sources[places[0]].count(old) != 1:
            raise SystemExit(f"rules.json: {without}: `{old}` does not stand once in formats.py or reader.py")
        sources[places[0]] = sources[places[0]].replace(old, new)
    for name, source in sources.items():
        sys.modules[name] = types.ModuleType(name)
        exec(compile(source, f"{name}.py", "exec"), sys.modules[name].__dict__)
    return sys.modules["reader"]


RULE = sys.argv[2] if sys.argv[1] == "--without" else None
reference = load(RULE)

KINDS = [
    (reference.Missing, "missing"),
    (reference.Damaged, "damaged"),
    (reference.NewerFormat, "newer_format"),
    (redis.ConnectionError, "unavailable"),
    (redis.TimeoutError, "unavailable"),
]


def kind(error):
    if error is None:
        return None
    if isinstance(error, redis.ResponseError) and "WRONGTYPE" in str(error):
        return "wrong_type"
    return next((kind for type_, kind in KINDS if isinstance(error, type_)), "other")


class Driver:
    """Each request is a method."""

    def __init__(self, url, name):
        self.url, self.name = url, name
        self.reader = self.messages = None

    def abilities(self):
        return {"reader": self.name, "can": ["copy", "listen", "look_up", "record"], "is_synchronous": True}

    def open(self, key_prefix, settings):
        reload_ttl_ms = settings["reload_ttl_ms"] or 3_600_000
        self.reader = reference.Reader(self.url, "airlines", key_prefix, reload_ttl_ms, settings["record"])
        if settings["listen"]:
            self.messages = self.reader.redis.pubsub()
            self.messages.subscribe(self.reader.channel)
        self.reader.poll()
        self.held = [self.reader.held.id] if self.reader.held else []

    def reload(self):
        self.reader.poll()
        self.note()

    def say(self, keys):
        self.hear_all()
        reader, held = self.reader, self.reader.held
        return {
            "state": reader.state(),
            "id": held and held.id,
            "seq": held and held.seq,
            "entries": held and len(held.entries),
            "age_ms": reader.age_ms(),
            "error": kind(reader.error),
            "values": {key: reader.get(key) for key in keys} if held else {},
            "held": self.held,
        }

    def look_up(self, key_prefix, key):
        try:
            id, value = reference.Reader(self.url, "airlines", key_prefix).look_up(key)
        except Exception as error:
            return {"error": kind(error)}
        return {"id": id, "value": value}

    def close(self):
        if self.messages:
            self.messages.close()
        self.reader = self.messages = None

    def hear_all(self):
        """All messages that were sent before the answer to a PING."""
        if not self.messages:
            return
        self.messages.ping()
        while (message := self.messages.get_message(timeout=60)) is None or message["type"] != "pong":
            if message and message["type"] == "message":
                self.reader.hear(message["data"])
                self.note()

    def note(self):
        if self.reader.held and self.reader.held.id != self.held[-1:]:
            self.held.append(self.reader.held.id)


def main():
    driver = Driver(sys.argv[-1], f"reference without `{RULE}`" if RULE else "reference in Python")
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(driver, request.pop("do"))(**request)
        except Exception as error:
            # What the reader itself should have made an error of.
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer or {}), flush=True)


main()
