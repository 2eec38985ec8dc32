"""The one thread that hears what readers report: it logs, calls metrics, and lets caches look at what was loaded.

The readers have threads of their own, which never wait for Python. So a slow metric delays no data.
"""

from __future__ import annotations

import atexit
import itertools
import logging
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional

from . import _native

if TYPE_CHECKING:
    from ._reading import Reading

logger = logging.getLogger("kiwi_cache")

_numbers = itertools.count(1)


class Event(NamedTuple):
    """What a reader reports to ``metrics``."""

    #: The name of the cache.
    cache: str
    #: ``reloaded``, ``unchanged``, ``put_off``, ``failed``, ``refilled``, ``refill_failed`` or ``refused``.
    kind: str
    #: What kiwi-cache counts for it: ``success``, ``load_error``, ``redis_error``, or ``None``.
    status: Optional[str] = None
    #: The number of the snapshot that was loaded.
    seq: Optional[int] = None
    #: How many entries it has.
    entries: Optional[int] = None
    #: Whether the whole map was loaded, and not only what has changed.
    whole: Optional[bool] = None
    #: How long it took, in seconds.
    took: Optional[float] = None
    #: Why it failed.
    error: Optional[Exception] = None


Metrics = Callable[[Event], Any]


class Listener:
    """Hears what one reader reports. It exists before its cache does, so that the first load is reported too."""

    def __init__(self, name: str, metrics: Optional[Metrics], log: Optional[logging.Logger]) -> None:
        self.number = next(_numbers)
        self.name = name
        self.metrics = metrics
        self.log = log or logger
        self.cache: Optional[weakref.ReferenceType[Reading[Any]]] = None
        self._last_failure: Optional[str] = None

    def hear(self, kind: str, fields: Dict[str, Any]) -> None:
        fields.pop("id", None)
        self.report(Event(self.name, kind, **fields))
        cache = None if self.cache is None else self.cache()
        if kind == "reloaded" and cache is not None:
            cache._look_quietly()

    def report(self, event: Event) -> None:
        self._write(event)
        if self.metrics is not None:
            try:
                self.metrics(event)
            except Exception:
                self.log.exception("cache `%s`: its metrics failed on %s", self.name, event.kind)

    def _write(self, event: Event) -> None:
        """A failure that repeats is a warning once."""
        if event.error is not None:
            level = logging.DEBUG if self._last_failure == type(event.error).__name__ else logging.WARNING
            self._last_failure = type(event.error).__name__
            what = "refused a snapshot, still serving the last one" if event.kind == "refused" else "failed to reload"
            self.log.log(level, "cache `%s`: %s: %s", self.name, what, event.error)
            return
        if self._last_failure is not None and event.kind in ("reloaded", "unchanged"):
            self._last_failure = None
            self.log.info("cache `%s`: reloading works again", self.name)
        if event.kind == "reloaded":
            how = "the whole map" if event.whole else "what has changed"
            self.log.debug("cache `%s`: loaded snapshot %s, %s", self.name, event.seq, how)


_lock = threading.Lock()
_listeners: Dict[int, Listener] = {}
_thread: Optional[threading.Thread] = None
_is_over = False


def listen(listener: Listener) -> None:
    """Begins to hear what the reader of this number reports."""
    with _lock:
        _listeners[listener.number] = listener
        _start()


def forget(number: int) -> None:
    """Ends that, when all that was reported is heard."""
    _native.end_events(number)


def caches() -> List[Reading[Any]]:
    """All caches of this process that are open."""
    found = [listener.cache() for listener in list(_listeners.values()) if listener.cache is not None]
    return [cache for cache in found if cache is not None and not cache.closed]


def _start() -> None:
    global _thread
    if not _is_over and (_thread is None or not _thread.is_alive()):
        _thread = threading.Thread(target=_run, name="kiwi_cache", daemon=True)
        _thread.start()


def _run() -> None:
    while True:
        event = _native.next_event()
        if event is None:
            return
        number, kind, fields = event
        if kind == "over":
            _listeners.pop(number, None)
            continue
        listener = _listeners.get(number)
        if listener is not None:
            try:
                listener.hear(kind, fields)
            except Exception:
                logger.exception("cache `%s`: failed to handle what its reader reports", listener.name)


def _stop() -> None:
    """Before the interpreter ends: no thread may need it after that."""
    global _is_over
    _is_over = True
    for cache in caches():
        cache._handle.stop()
    _native.stop_events()
    if _thread is not None and _thread.is_alive():
        _thread.join(10)


def _after_fork_in_child() -> None:
    global _lock, _thread
    _lock, _thread = threading.Lock(), None
    failures = _native.after_fork_in_child()
    kept = caches()
    _listeners.clear()
    for cache in kept:
        cache._restart()
        _listeners[cache._listener.number] = cache._listener
    if kept:
        _start()
    for failure in failures:
        logger.warning("after a fork, failed to start the reader again, still serving the last snapshot: %s", failure)


atexit.register(_stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_native.before_fork,
        after_in_parent=_native.after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
