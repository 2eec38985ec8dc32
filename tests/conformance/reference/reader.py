"""A reader of kiwi-host's caches in Redis, as docs/protocol.md specifies it: the reference of the conformance kit.

It is written to be read. It keeps a map as JSON texts, works in one thread, and does nothing by itself: the program
calls `poll` every `reload_ttl`, and `hear` with each message of the channel.
"""

import json
import time

import redis
import xxhash

from formats import MAX_CONTENT, Damaged, Missing, NewerFormat
from formats import key_hash, members, merge, path, root_of, unpack_chunk, unpack_delta

NEWEST_FORMAT = 2
ATTEMPTS = 3
MAX_MESSAGE, MAX_PUSHED_CONTENT = 64 << 10, 1 << 20
HEAD = "format id entries checked_at seq bytes root mark loaded_at ttl refill_interval push".split()
FIELDS = HEAD + "layout record record_bytes record_tail version base inline view".split()


class Head:
    """What is published: the fields of meta."""

    def __init__(self, fields):
        self.fields = dict(zip(FIELDS, fields))
        format = self.number("format")
        if format is not None and format > NEWEST_FORMAT:
            raise NewerFormat(f"format {format}")
        numbers = "entries checked_at seq bytes loaded_at ttl refill_interval".split()
        is_complete = all(self.number(name) is not None for name in numbers) and is_id(self.text("root"))
        self.id = self.text("id") if is_complete and is_id(self.text("id")) else None
        self.layout, self.version, self.base = self.text("layout"), self.text("version"), self.text("base")
        self.push = self.text("push") == "delta"

    def text(self, name):
        value = self.fields.get(name)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value

    def number(self, name):
        text = self.text(name)
        return int(text) if text and text.isascii() and text.isdigit() and len(text) < 20 else None

    def proves(self, entries):
        """Whether these entries are all of the snapshot."""
        return len(entries) == self.number("entries") and f"{root_of(entries.items()):032x}" == self.text("root")


class Held:
    """A copy of a snapshot, and what was last seen of it."""

    def __init__(self, head, entries, now):
        self.id, self.seq, self.entries = head.id, head.number("seq"), entries
        self.saw(head, now)

    def saw(self, head, now):
        """The store was asked and has this snapshot. Its clock is never compared with ours."""
        self.checked_at, self.refill_interval = head.number("checked_at"), head.number("refill_interval")
        self.takes_pushed = head.push
        self.reached(now)

    def reached(self, now):
        """The store was asked, and has another snapshot or none."""
        self.store_now, self.asked_at = now, time.monotonic()

    def unchecked(self):
        return max(0, self.store_now - self.checked_at)

    def silence(self):
        return int((time.monotonic() - self.asked_at) * 1000)


class Reader:
    """A reader of one cache. `get` is for many reads, and `look_up` for a few that need no copy."""

    def __init__(self, url, name, key_prefix="kiwi:", reload_ttl_ms=60_000, record=None):
        self.redis = redis.Redis.from_url(url)
        self.key = f"{key_prefix}{{{name}}}"
        self.channel = f"{key_prefix}{name}:changed"
        self.reload_ttl, self.record = reload_ttl_ms, record
        self.held = self.error = None

    # What a service asks

    def get(self, key):
        """The JSON text of a value, or `None` if the snapshot has no such key."""
        if self.held is None:
            raise Missing("no snapshot was loaded yet")
        return self.held.entries.get(key)

    def state(self):
        if self.held is None:
            return "missing"
        allowed_silence = 2 * max(self.held.refill_interval, self.reload_ttl)
        is_stale = self.held.unchecked() > 2 * self.held.refill_interval or self.held.silence() > allowed_silence
        return "stale" if is_stale else "fresh"

    def age_ms(self):
        """How long ago the source was last known to have what is held."""
        return None if self.held is None else self.held.unchecked() + self.held.silence()

    # Following what is published

    def poll(self):
        """Asks the store, and takes over what is new. Whatever fails, the copy stays."""
        try:
            self.error = None
            self.try_poll()
        except (Missing, Damaged, NewerFormat, redis.RedisError) as error:
            self.error = error

    def try_poll(self):
        if self.held is None:
            self.held = self.load()
            return
        for count in (1, 16, 1 << 31):  # Most readers are one snapshot behind.
            head, now, log = self.meta("XREVRANGE", self.key + ":log", "+", "-", "COUNT", count)
            if head.id == self.held.id and not self.is_foreign(head):
                self.held.saw(head, now)
                return
            self.held.reached(now)
            deltas = path(log, self.held.id, head.id) if head.version is not None else None
            if deltas is not None and self.apply(head, now, deltas):
                return
            if deltas is not None or len(log) < count:
                break
        self.held = self.load()

    def apply(self, head, now, deltas, max_length=MAX_CONTENT):
        """`False`: what they give is not the snapshot, and the whole map is to be loaded."""
        entries = dict(self.held.entries)
        try:
            changes = merge(unpack_delta(delta, max_length) for delta in deltas)
        except (Damaged, NewerFormat):
            return False
        for key, value in changes.items():
            if value is None:
                entries.pop(key, None)
            else:
                entries[key] = value
        if not head.proves(entries):
            return False
        self.held = Held(head, entries, now)
        return True

    def hear(self, message):
        """A message may be lost, late, doubled or forged. Whatever it is not good for, the store is asked."""
        pushed = read_message(message)
        to = pushed[1].id if pushed else message.decode("ascii", "replace")
        if self.held is not None and self.held.id == to:
            return
        if pushed and self.held is not None and self.held.takes_pushed and pushed[0] == self.held.id:
            _, head, delta = pushed
            # It was announced at the moment in which the source was checked.
            if self.apply(head, head.number("checked_at"), [delta], MAX_PUSHED_CONTENT):
                self.error = None
                return
        self.poll()

    # Reading the store

    def meta(self, *read):
        """Meta, the store's clock, and another read, all in one step."""
        with self.redis.pipeline(transaction=True) as step:
            step.hmget(self.key + ":meta", FIELDS).time().execute_command(*read)
            fields, (seconds, micros), reply = step.execute()
        if read[0] == "XREVRANGE":
            reply = reply[::-1]
        if read[0] in ("XREVRANGE", "XRANGE"):
            reply = [record for _, fields in reply if (record := read_record_of_log(fields))]
        return Head(fields), seconds * 1000 + micros // 1000, reply

    def load(self):
        for _ in range(ATTEMPTS - 1):
            try:
                return self.load_once()
            except (Missing, Damaged):
                pass  # Another snapshot may be published meanwhile.
        return self.load_once()

    def load_once(self):
        head, now, log = self.meta("XRANGE", self.key + ":log", "-", "+")
        if head.layout == "record" or (head.id is None and self.record):
            return self.load_record(head, now)
        if head.id is None:
            raise Missing("nothing is published")
        if head.version is None:
            entries = self.load_format_1(head)
        else:
            entries = self.load_version(head, log)
        if not head.proves(entries):
            raise Damaged("the entries are not those of the snapshot")
        return Held(head, entries, now)

    def load_version(self, head, log, partition_of=None):
        """All entries, or those of one key's partition."""
        deltas = path(log, head.base, head.id)
        if deltas is None:
            raise Missing("the deltas that lead to the snapshot are lost")
        changes, entries = merge(map(unpack_delta, deltas)), {}
        count = 0
        for chunk in self.chunks(head, partition_of):
            for key, value in unpack_chunk(chunk):
                if key not in changes:
                    entries[key], count = value, count + 1
        if count != len(entries):
            raise Damaged("a key came twice")
        entries.update((key, value) for key, value in changes.items() if value is not None)
        return entries

    def chunks(self, head, partition_of):
        if head.version == "":
            yield present(head.fields["inline"], "the chunk of a small map")
            return
        key = f"{self.key}:v:{head.version}"
        manifest = read_manifest(present(self.redis.hget(key, "manifest"), "the manifest"))
        for place, partition in enumerate(manifest["segments"]):
            # Of a number of partitions that it does not know, it reads all.
            if partition_of is None or manifest["partitions"] != 64 or partition == key_hash(partition_of) >> 58:
                yield present(self.redis.hget(key, place), f"segment {place}")

    def load_format_1(self, head):
        entries, cursor = {}, 0
        while True:
            now, _, (cursor, found) = self.meta("HSCAN", self.key, cursor, "COUNT", 300)
            if now.id != head.id:
                raise Missing("it was replaced while it was read")
            try:
                entries.update((key.decode(), value.decode()) for key, value in found.items())
            except UnicodeDecodeError as error:
                raise Damaged(f"an entry is not UTF-8: {error}") from error
            if cursor == 0:
                return entries

    def record_key(self, head):
        return head.text("record") or f"resource:{self.record}"

    def load_record(self, head, now):
        text = present(self.redis.get(self.record_key(head)), "the record")
        try:
            parts = dict(members(text.decode()))
        except UnicodeDecodeError as error:
            raise Damaged(f"the record is not UTF-8: {error}") from error
        if set(parts) != {"data", "timestamp"}:
            raise Missing("it is not a record of kiwi-cache")
        entries = dict(members(parts["data"]))
        if is_own(head, text):
            if not head.proves(entries):
                raise Damaged("the entries are not those of the snapshot")
            return Held(head, entries, now)
        left = self.redis.pttl(self.record_key(head))
        return Held(foreign_head(text, parts["timestamp"], entries, now, left), entries, now)

    def is_foreign(self, head):
        """Whether kiwi-cache has written over the record of a host."""
        return head.layout == "record" and not is_own(head, self.redis.get(self.record_key(head)) or b"")

    def look_up(self, key):
        """The id of what is published, and the JSON text of one value in it."""
        with self.redis.pipeline(transaction=True) as step:
            step.hmget(self.key + ":meta", FIELDS).hlen(self.key).hget(self.key, key)
            fields, length, value = step.execute()
        head = Head(fields)
        has_hash = head.layout in ("hash", "both")
        if head.id and has_hash and (head.version is None or head.text("view") == head.id):
            if length == head.number("entries"):
                return head.id, value.decode() if value is not None else None
        for attempt in range(ATTEMPTS):
            try:
                return self.look_up_in_version(key)
            except Missing:
                if attempt == ATTEMPTS - 1:
                    raise

    def look_up_in_version(self, key):
        head, _, log = self.meta("XRANGE", self.key + ":log", "-", "+")
        if head.id is None or head.version is None:
            held = self.load()
            return held.id, held.entries.get(key)
        return head.id, self.load_version(head, log, partition_of=key).get(key)


def present(value, what):
    if value is None:
        raise Missing(f"{what} is gone")
    return value


def read_manifest(text):
    try:
        manifest = {name: json.loads(value) for name, value in members(text.decode())}
        numbers = [manifest["format"], manifest["partitions"], *manifest["segments"]]
        if not all(isinstance(number, int) for number in numbers):
            raise TypeError("expected numbers")
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"the manifest cannot be read: {error}") from error
    if manifest["format"] > NEWEST_FORMAT:
        raise NewerFormat(f"a version of format {manifest['format']}")
    return manifest


def read_record_of_log(fields):
    """`None`: another program has written it."""
    if len(fields) != 3:
        return None
    start, to, delta = fields.values()
    start, to = start.decode("ascii", "replace"), to.decode("ascii", "replace")
    return {"from": start, "to": to, "delta": delta} if is_id(start) and is_id(to) else None


def is_id(text):
    return text is not None and len(text) == 32 and set(text) <= set("0123456789abcdef")


def read_message(message):
    """The snapshot that a pushed change leads from, the head that it leads to, and the delta; `None` if it carries none."""
    line, end, frame = message.partition(b"\n")
    if not end or len(message) > MAX_MESSAGE:
        return None
    try:
        described = json.loads(line)
        values = [value if isinstance(value, str) else None for value in described["head"]]
        head = Head(values) if len(values) == len(HEAD) else Head([])
        if head.id is None:
            return None
        return described["from"], head, frame
    except (ValueError, KeyError, TypeError, RecursionError, NewerFormat):
        return None


def is_own(head, record):
    """Whether a host has written a record, and nobody has since."""
    tail = (head.fields.get("record_tail") or b"") if head.id else b""
    return bool(tail) and len(record) == head.number("record_bytes") and record.endswith(tail)


def foreign_head(text, timestamp, entries, now, left):
    """kiwi-cache's record says no more than when it was saved. It is loaded again when its life is over."""
    try:
        saved_at = min(now, int(float(timestamp) * 1000))
    except (ValueError, OverflowError):
        saved_at = 0
    head = Head([])
    head.id = xxhash.xxh3_128_hexdigest(len(text).to_bytes(8, "little") + text[:64] + text[-64:])
    life = now - saved_at + left if left >= 0 else 1 << 50
    head.fields = {"seq": "0", "checked_at": str(saved_at), "refill_interval": str(life)}
    return head
