"""How many failures are tolerated, as kiwi-cache counts them."""

from __future__ import annotations


class CallAttemptException(Exception):
    """A source has failed `max_attempts` times."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Max attempt of call {name}")


class CallAttempt:
    """Counts failures over the life of a cache. A negative maximum: as many as there are."""

    def __init__(self, name: str, max_attempts: int = 3) -> None:
        self.name = name
        self.max_attempts = max_attempts
        self.counter = max_attempts

    def countdown(self) -> None:
        if self.max_attempts < 0:
            return
        self.counter -= 1
        if self.counter < 1:
            self.reset()
            raise CallAttemptException(self.name)

    def reset(self) -> None:
        self.counter = self.max_attempts
