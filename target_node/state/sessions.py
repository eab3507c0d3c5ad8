"""Which sessions are alive, and through which server do they speak?

`Sessions` is the leader's: it alone lets a session expire. `Heard` is a learner's, which only tells
the leader whom it heard. That a session exists at all is in the replicated tree.

Rules of this file:
- Time is the leader's monotonic clock, in milliseconds. It is an argument.
- A session expires at the end of the tick in which its timeout ends: never early, and many at once.
- A closing session is refused everything, so that nothing of it comes behind its close.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from target_node.state.refusal import Refused
from target_node.wire.codes import ErrorCode
from target_node.wire.payloads import Touch

NO_OWNER: Final = -1


def clamp_timeout(asked_ms: int, least_ms: int, most_ms: int) -> int:
    """The timeout that a client gets."""
    return max(least_ms, min(asked_ms, most_ms))


@dataclass(slots=True)
class _Session:
    timeout_ms: int
    expires_ms: int
    owner: int
    closing: bool = False


class Sessions:
    """The sessions as their leader sees them, for as long as it leads."""

    def __init__(self, tick_ms: int, known: Mapping[int, int], now_ms: int) -> None:
        """All known sessions are fresh: nobody could be heard while there was no leader."""
        self._tick_ms = tick_ms
        self._sessions: dict[int, _Session] = {}
        self._due: dict[int, dict[int, None]] = {}  # by the tick in which they expire
        for session, timeout_ms in known.items():
            self.add(session, timeout_ms, now_ms)

    def __contains__(self, session: int) -> bool:
        return session in self._sessions

    def __len__(self) -> int:
        return len(self._sessions)

    def add(self, session: int, timeout_ms: int, now_ms: int, owner: int = NO_OWNER) -> None:
        """It is alive, and this server's; of one that is known already, it is a touch."""
        if session not in self._sessions:
            self._sessions[session] = _Session(timeout_ms, 0, owner)
        self.touch(session, timeout_ms, now_ms)

    def touch(self, session: int, timeout_ms: int, now_ms: int) -> bool:
        """It was heard just now; false if it is gone or going."""
        one = self._sessions.get(session)
        if one is None or one.closing:
            return False
        one.timeout_ms = timeout_ms
        expires_ms = ((now_ms + timeout_ms) // self._tick_ms + 1) * self._tick_ms
        if expires_ms > one.expires_ms:
            self._forget_due(session, one)
            one.expires_ms = expires_ms
            self._due.setdefault(expires_ms, {})[session] = None
        return True

    def touch_all(self, touches: tuple[Touch, ...], now_ms: int) -> None:
        """What a learner heard, as its answer to a PING tells."""
        for touch in touches:
            self.touch(touch.session, touch.timeout_ms, now_ms)

    def revalidate(self, session: int, timeout_ms: int, owner: int, now_ms: int) -> bool | None:
        """Is it alive? Then it has moved to this server, and is refused at any other.

        None if it is going: it is gone once its close is committed, which may never be.
        """
        one = self._sessions.get(session)
        if one is None:
            return False
        if one.closing:
            return None
        self.touch(session, timeout_ms, now_ms)
        one.owner = owner
        return True

    def check_owner(self, session: int, owner: int) -> None:
        """Refuses a session that is gone, closing, or another's; the first to ask owns it."""
        one = self._sessions.get(session)
        if one is None or one.closing:
            raise Refused(ErrorCode.SESSION_EXPIRED)
        if one.owner == NO_OWNER:
            one.owner = owner
        elif one.owner != owner:
            # A request that was on its way when the session moved may be older than what the
            # session has done since (ZOOKEEPER-710).
            raise Refused(ErrorCode.SESSION_MOVED)

    def owner_of(self, session: int) -> int | None:
        """The server it speaks through, `NO_OWNER` if it has not spoken yet."""
        one = self._sessions.get(session)
        return None if one is None else one.owner

    def close(self, session: int) -> None:
        """Whatever it asks from now on is refused."""
        if (one := self._sessions.get(session)) is not None:
            one.closing = True
            self._forget_due(session, one)

    def remove(self, session: int) -> None:
        """Its close has been applied."""
        if (one := self._sessions.pop(session, None)) is not None:
            self._forget_due(session, one)

    def expire(self, now_ms: int) -> tuple[int, ...]:
        """The sessions to close now, oldest first: each is given once, and refused from then on."""
        found: list[int] = []
        for tick in sorted(tick for tick in self._due if tick <= now_ms):
            found += self._due[tick]
        for session in found:
            self.close(session)
        return tuple(found)

    def next_expiry_ms(self) -> int | None:
        """When `expire` will find some, if nobody is heard until then."""
        return min(self._due, default=None)

    def _forget_due(self, session: int, one: _Session) -> None:
        if (due := self._due.get(one.expires_ms)) is not None:
            due.pop(session, None)
            if not due:
                del self._due[one.expires_ms]


class Heard:
    """The sessions that a learner has heard since it last told its leader."""

    def __init__(self) -> None:
        self._timeouts: dict[int, int] = {}

    def touch(self, session: int, timeout_ms: int) -> None:
        """This one was heard."""
        self._timeouts[session] = timeout_ms

    def forget(self, session: int) -> None:
        """It is closed."""
        self._timeouts.pop(session, None)

    def take(self) -> tuple[Touch, ...]:
        """What to answer a PING with; the next answer starts anew."""
        touches = tuple(Touch(session, timeout) for session, timeout in self._timeouts.items())
        self._timeouts.clear()
        return touches
