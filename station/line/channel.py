"""This module holds a bounded queue between two threads that either side can close."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Closed(Exception):  # noqa: N818  (a state of the queue, not a fault)
    """The queue is closed and empty."""


class Channel(Generic[T]):
    """The channel holds at most ``capacity`` items with a total weight of at most ``limit`` (but one item always fits).

    ``close`` lets the reader finish the waiting items, ``abort`` throws them away.
    """

    def __init__(self, capacity: int, *, limit: float = math.inf, weigh: Callable[[T], float] = lambda _: 0.0) -> None:
        if capacity < 1:
            raise ValueError(f"A queue holds at least 1 item, not {capacity}.")
        self._capacity = capacity
        self._limit = limit
        self._weigh = weigh
        self._weight = 0.0
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def offer(self, item: T) -> bool:
        """Put the item if there is room.  Returns False if there is none or the queue is closed."""
        with self._changed:
            if self._closed or not self._fits(item):
                return False
            self._append(item)
            return True

    def put(self, item: T) -> bool:
        """Wait for room and put the item.  Returns False if the queue was closed meanwhile."""
        with self._changed:
            while not self._closed and not self._fits(item):
                self._changed.wait()
            if self._closed:
                return False
            self._append(item)
            return True

    def get(self, timeout_s: float | None = None) -> T | None:
        """Return the next item, or None if none came in time.  Raises Closed once the queue is closed and empty."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while not self._items:
                if self._closed:
                    raise Closed
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return None
                self._changed.wait(left)
            item = self._items.popleft()
            self._weight -= self._weigh(item)
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """Take no more items; those waiting can still be read."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def abort(self) -> None:
        """Take no more items and forget those waiting."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._weight = 0.0
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Say whether the channel takes no more items, for good."""
        return self._closed

    @property
    def fill(self) -> float:
        """Say how full the channel is, 0 to 1."""
        with self._changed:
            return min(1.0, max(len(self._items) / self._capacity, self._weight / self._limit))

    def _fits(self, item: T) -> bool:
        if not self._items:
            return True
        return len(self._items) < self._capacity and self._weight + self._weigh(item) <= self._limit

    def _append(self, item: T) -> None:
        self._items.append(item)
        self._weight += self._weigh(item)
        self._changed.notify_all()
