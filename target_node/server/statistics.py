"""How much has this server done, and how fast?

`Traffic` counts for one connection of a client, and for the `Statistics` of the whole server at the
same time. It is told of every packet, so that costs a few additions.

Rules of this file:
1. Times are in milliseconds and arguments.
2. Four-letter words are no packets: whoever watches a server does not change its numbers.
3. Only what has happened is here, and a reset forgets it. What is, such as who waits, is not.
"""

from __future__ import annotations

from math import ceil
from typing import Final

UNKNOWN: Final = -1  # a size, cxid or zxid, when there was none yet
_EXACT_BITS: Final = 4  # a latency of so many bits has a bucket for itself
_SHARE: Final = 1 << (_EXACT_BITS - 1)  # buckets for each further bit
_SLOWEST: Final = (1 << 20) - 1  # in milliseconds; what took longer is in the last bucket


class Latency:
    """How long requests took, at least, at most and on average."""

    __slots__ = ("_least", "count", "most", "total")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """As before the first request."""
        self.count = 0
        self.total = 0
        self.most = 0
        self._least: int | None = None

    def note(self, ms: int) -> None:
        """One more took so long."""
        self.count += 1
        self.total += ms
        if ms > self.most:
            self.most = ms
        if self._least is None or ms < self._least:
            self._least = ms

    @property
    def least(self) -> int:
        """0 if there was none."""
        return self._least or 0

    @property
    def average(self) -> float:
        """0 if there was none."""
        return self.total / self.count if self.count else 0.0

    def joined(self, other: Latency) -> Latency:
        """Of these requests and those."""
        both = Latency()
        for one in (self, other):
            if one.count:
                both.note(one.least)
                both.note(one.most)
        both.count = self.count + other.count
        both.total = self.total + other.total
        return both


class Distribution(Latency):
    """Also how many took how long: exact below 16 ms, and to an eighth above."""

    __slots__ = ("_buckets",)

    def reset(self) -> None:
        """As before the first request."""
        super().reset()
        self._buckets = [0] * (_bucket(_SLOWEST) + 1)

    def note(self, ms: int) -> None:
        """One more took so long."""
        super().note(ms)
        self._buckets[_bucket(min(ms, _SLOWEST))] += 1

    def percentile(self, percent: float) -> int:
        """So many percent of the requests took no longer; 0 if there was none."""
        missing = ceil(self.count * percent / 100)
        for bucket, count in enumerate(self._buckets):
            missing -= count
            if missing <= 0:
                return min(_longest(bucket), self.most)
        return self.most


class Sizes:
    """How many bytes the last, the smallest and the largest had."""

    __slots__ = ("last", "least", "most")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """As before the first."""
        self.last = self.least = self.most = UNKNOWN

    def note(self, size: int) -> None:
        """One more."""
        self.last = size
        self.most = max(self.most, size)
        self.least = size if self.least == UNKNOWN else min(self.least, size)


class Statistics:
    """Of the whole server, since its start or the last reset."""

    __slots__ = ("proposals", "reads", "received", "sent", "updates")

    def __init__(self) -> None:
        self.reads = Distribution()
        self.updates = Distribution()  # whatever took a txn
        self.proposals = Sizes()  # of a leader
        self.received = 0
        self.sent = 0

    def reset(self) -> None:
        """As after a start."""
        self.reads.reset()
        self.updates.reset()
        self.proposals.reset()
        self.received = 0
        self.sent = 0

    def answered(self, latency_ms: int, *, update: bool) -> None:
        """A request took so long; an `update` took a txn."""
        (self.updates if update else self.reads).note(latency_ms)

    @property
    def latency(self) -> Latency:
        """Of all requests."""
        return self.reads.joined(self.updates)


class Traffic:
    """Of one client's connection, and counted for its server too."""

    __slots__ = (
        "_server",
        "last_cxid",
        "last_latency_ms",
        "last_ms",
        "last_op",
        "last_zxid",
        "latency",
        "received",
        "sent",
    )

    def __init__(self, server: Statistics) -> None:
        self._server = server
        self.latency = Latency()
        self.reset()

    def reset(self) -> None:
        """As if it had been silent so far."""
        self.received = 0
        self.sent = 0
        self.latency.reset()
        self.last_op: int | None = None
        self.last_cxid = UNKNOWN
        self.last_zxid = UNKNOWN
        self.last_ms = 0
        self.last_latency_ms = 0

    def came(self) -> None:
        """A packet from the client."""
        self.received += 1
        self._server.received += 1

    def went(self) -> None:
        """A packet to the client: an answer or an event."""
        self.sent += 1
        self._server.sent += 1

    def answered(
        self, op: int, cxid: int, zxid: int, *, now_ms: int, latency_ms: int, update: bool
    ) -> None:
        """One of the packets that went was the answer to this; an `update` took a txn."""
        self.last_op = op
        self.last_cxid = cxid
        self.last_zxid = zxid
        self.last_ms = now_ms
        self.last_latency_ms = latency_ms
        self.latency.note(latency_ms)
        self._server.answered(latency_ms, update=update)


def _bucket(ms: int) -> int:
    beyond = max(0, ms.bit_length() - _EXACT_BITS)
    return _SHARE * beyond + (ms >> beyond)


def _longest(bucket: int) -> int:
    """What belongs into this bucket at most."""
    beyond = max(0, bucket // _SHARE - 1)
    return ((bucket - _SHARE * beyond + 1) << beyond) - 1
