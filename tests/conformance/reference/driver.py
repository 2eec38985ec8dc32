"""The driver of the reference reader: requests and answers as the kit's README.md specifies them.

    driver.py REDIS_URL
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


def kind(error):
    kinds = {"Missing": "missing", "Damaged": "damaged", "NewerFormat": "newer_format"}
    if error is None:
        return None
    if isinstance(error, (redis.ConnectionError, redis.TimeoutError)):
        return "unavailable"
    if isinstance(error, redis.ResponseError) and "WRONGTYPE" in str(error):
        return "wrong_type"
    # What the reader itself should have made an error of.
    return kinds.get(type(error).__name__, f"{type(error).__name__}: {error}")


class Driver:
    """Each request is a method."""

    def __init__(self, url):
        self.url, self.module = url, load(without=None)
        self.reader = self.messages = None

    def abilities(self):
        can = ["copy", "listen", "look_up", "record"]
        return {"reader": "reference in Python", "can": can, "is_synchronous": True}

    def leave_out(self, rule):
        """Only this driver can do that: the kit tries itself with it."""
        self.module = load(without=rule)

    def open(self, key_prefix, settings):
        reload_ttl_ms = settings["reload_ttl_ms"] or 3_600_000
        self.reader = self.module.Reader(self.url, "airlines", key_prefix, reload_ttl_ms, settings["record"])
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
        id, value = self.module.Reader(self.url, "airlines", key_prefix).look_up(key)
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
        if self.reader.held and self.held[-1:] != [self.reader.held.id]:
            self.held.append(self.reader.held.id)


def main():
    driver = Driver(sys.argv[1])
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(driver, request.pop("do"))(**request)
        except Exception as error:
            answer = {"error": kind(error)}
        print(json.dumps(answer or {}), flush=True)


main()
