"""What stands in Redis and in messages: the section Formats of docs/protocol.md."""

import json
import struct

import xxhash
import zstandard

MAX_CONTENT = 1 << 30


class Missing(Exception):
    """Nothing is published, or it is lost."""


class Damaged(Exception):
    """What was read is not what was written."""


class NewerFormat(Exception):
    """A newer program has written it: update this one."""


def members(text):
    """The members of a JSON object, each with its value as the text it is: numbers keep their digits."""
    scan, space = json.JSONDecoder(parse_constant=refuse).raw_decode, " \t\n\r"

    def after_space(at):
        while text[at] in space:
            at += 1
        return at

    def expect(at, character):
        if text[at] != character:
            raise ValueError(f"expected {character} at {at}")
        return after_space(at + 1)

    try:
        at = expect(after_space(0), "{")
        while text[at] != "}":
            key, at = scan(text, at)
            if not isinstance(key, str):
                raise ValueError("a key is not a string")
            start = expect(after_space(at), ":")
            _, end = scan(text, start)
            yield key, text[start:end]
            at = after_space(end)
            if text[at] != "}":
                at = expect(at, ",")
        if text[at + 1 :].strip(space):
            raise ValueError("more than one object")
    except (ValueError, IndexError, RecursionError) as error:
        raise Damaged(f"not a JSON object: {error}") from error


def refuse(constant):
    raise ValueError(f"{constant} is not JSON")


def unpack_frame(frame, max_length=MAX_CONTENT):
    if not frame:
        raise Damaged("an empty frame")
    if frame[0] != 1:
        raise NewerFormat(f"a frame of format {frame[0]}")
    if len(frame) < 14:
        raise Damaged("a frame is cut off")
    _, codec, length, digest = struct.unpack_from("<BBIQ", frame)
    if length > max_length:
        raise Damaged(f"a frame of {length} bytes")
    if codec == 0:
        content = frame[14:]
    elif codec == 1:
        content = decompress(frame[14:], length)
    else:
        raise NewerFormat(f"a frame of codec {codec}")
    if len(content) != length or xxhash.xxh3_64_intdigest(content) != digest:
        raise Damaged("a frame does not match its hash")
    return content


def decompress(packed, length):
    """No more than a little above `length`, and no memory for bytes that are only claimed."""
    content = bytearray()
    try:
        reader = zstandard.ZstdDecompressor().stream_reader(packed)
        while len(content) <= length and (block := reader.read(1 << 20)):
            content += block
    except (zstandard.ZstdError, MemoryError) as error:
        raise Damaged(f"a frame cannot be decompressed: {error}") from error
    return bytes(content)


def number(content, at):
    """A LEB128 number, and the place behind it."""
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def unpack_chunk(frame):
    """The entries of a chunk, after checking that they have its root."""
    content = unpack_frame(frame)
    try:
        (count,), root = struct.unpack_from("<I", content), int.from_bytes(content[4:20], "little")
        at = 20
        for _ in range(2 * count):
            _, at = number(content, at)
        entries = list(members(content[at:].decode()))
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise Damaged(f"a chunk cannot be read: {error}") from error
    if len(entries) != count or root_of(entries) != root:
        raise Damaged("the entries of a chunk do not have its root")
    return entries


def unpack_delta(frame, max_length=MAX_CONTENT):
    """What a delta changes: each key with its value, or with `None` if it is removed."""
    content, at = unpack_frame(frame, max_length), 0

    def text():
        nonlocal at
        length, start = number(content, at)
        at = start + length
        if at > len(content):
            raise IndexError("a text is cut off")
        return content[start:at].decode()

    try:
        count, at = number(content, 0)
        changes = {}
        for _ in range(count):
            key = text()
            changes[key] = text()
        while at < len(content):
            changes[text()] = None
    except (IndexError, UnicodeDecodeError) as error:
        raise NewerFormat(f"a delta cannot be read: {error}") from error
    return changes


def key_hash(key):
    return xxhash.xxh3_64_intdigest(key.encode("utf-8", "surrogatepass"))


def root_of(entries):
    values = ((value.encode(), key_hash(key)) for key, value in entries)
    return sum(xxhash.xxh3_128_intdigest(value, seed=seed) for value, seed in values) % (1 << 128)


def path(log, start, end):
    """The deltas that lead from one snapshot to another, or `None` if no unbroken run of records does."""
    steps, wanted = [], end
    for record in reversed(log if start != end else []):
        if steps and record["to"] != wanted:
            return None
        if record["to"] == wanted:
            steps.insert(0, record["delta"])
            wanted = record["from"]
            if wanted == start:
                break
    return steps if wanted == start else None


def merge(deltas):
    merged = {}
    for delta in deltas:
        merged.update(delta)
    return merged
