"""What number and what password does a session get?

A password is made from the number and a secret that ZooKeeper's source code tells, so that any
server of an ensemble, a ZooKeeper among them, knows it without having been told. It guards against
mistakes, not against anybody.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import Final

PASSWORD_BYTES: Final = 16
NO_PASSWORD: Final = bytes(PASSWORD_BYTES)  # what a client without a session sends and is sent
SECRET: Final = 0xB3415C00
MOST_SERVER_ID: Final = 0xFE  # with 0xff, a session would look like a time to live

_LONG: Final = 1 << 64
_SEED: Final = (1 << 48) - 1
_MULTIPLIER: Final = 0x5DEECE66D


def as_long(value: int) -> int:
    """What is left of it in 64 bits, with a sign."""
    return (value + (_LONG >> 1)) % _LONG - (_LONG >> 1)


def java_random_bytes(seed: int, count: int) -> bytes:
    """What java.util.Random gives for this seed: a linear congruence, four bytes of it a step."""
    state = (seed ^ _MULTIPLIER) & _SEED
    made = b""
    while len(made) < count:
        state = (state * _MULTIPLIER + 0xB) & _SEED
        made += (state >> 16).to_bytes(4, "little")
    return made[:count]


def password_of(session: int, *, secret: int = SECRET) -> bytes:
    """What the client of this session must show when it comes back."""
    return java_random_bytes(session ^ secret, PASSWORD_BYTES)


def is_password(session: int, password: bytes | None, *, secret: int = SECRET) -> bool:
    """Session 0 has none."""
    return session != 0 and compare_digest(password or b"", password_of(session, secret=secret))


class SessionIds:
    """The numbers of the sessions that begin at one server.

    Its id, then 40 bits of the time it started, then a count: a server that restarts, a millisecond
    later or more, does not give a number twice.
    """

    def __init__(self, server_id: int, clock_ms: int) -> None:
        assert 0 <= server_id <= MOST_SERVER_ID, "one byte of the session's number"
        self._next = (server_id << 56) | ((clock_ms << 24) % _LONG) >> 8

    def take(self) -> int:
        """A number that was not taken before."""
        taken = as_long(self._next)
        self._next += 1
        return taken
