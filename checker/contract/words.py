"""How do we tell a person what a call did, and which calls cannot both be?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from checker.contract.calls import Call
from checker.history import History
from checker.model import NOTHING


@dataclass(frozen=True, slots=True)
class Refutation:
    """One sentence why no order exists, and the rows it speaks of."""

    because: str
    rows: tuple[int, ...]


def refuted(because: str, *calls: Call | None) -> Refutation:
    """The refutation with the rows of these calls, in the order of the history."""
    return Refutation(because, tuple(sorted({call.row for call in calls if call is not None})))


class Words:
    """Sentences about the calls of one history."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.has_sessions = "session" in history.details

    def who(self, call: Call) -> str:
        """The session, or else the process."""
        if self.has_sessions and (session := self.history.details["session"][call.row]) is not None:
            return f"session {session}"
        return f"p{self.history.process[call.row]}"

    def when(self, call: Call) -> str:
        """When it was over; of a crashed call, when it began."""
        stamp = call.called if call.crashed else call.returned
        word = "from" if call.crashed else "at"
        if not self.history.has_times:
            return f"{word} event {stamp}"
        return f"{word} {stamp / 1e9:.3f} s{' on' if call.crashed else ''}"

    def place(self, call: Call, word: str) -> str:
        """' from r1', or nothing where a history has but one register without a name."""
        key = self.history.keys[call.key]
        return "" if key is None else f" {word} {key}"

    def did(self, call: Call) -> str:
        """The call in the past tense."""
        needs, lacks, puts, local = call.does
        if puts is not NOTHING and needs is not NOTHING:
            verb = "tried to change" if call.crashed else "changed"
            return f"{verb} {told(needs)} to {told(puts)}{self.place(call, 'in')}"
        if puts is not NOTHING:
            verb = "tried to write" if call.crashed else "wrote"
            return f"{verb} {told(puts)}{self.place(call, 'to')}"
        if lacks is not NOTHING:
            return f"was refused a change from {told(lacks)}{self.place(call, 'in')}"
        way = "" if local else " by a linearizable read"
        return f"read {told(needs)}{self.place(call, 'from')}{way}"

    def said(self, call: Call) -> str:
        """Who did what, and when."""
        return f"{self.who(call)} {self.did(call)} {self.when(call)}"

    def read_early(
        self, call: Call, writers: Sequence[Call], others: Sequence[Call] = ()
    ) -> Refutation:
        """The call saw a value that none of these calls, nor any other, can have given it."""
        if not writers:
            return refuted(f"{self.said(call)}, a value that nobody wrote there", call)
        if all(writer.called > call.returned for writer in writers):
            return refuted(
                f"{self.said(call)} before anybody began to write it", call, *writers, *others
            )
        return refuted(
            f"{self.said(call)}, but every call that could have written it "
            "is accounted for elsewhere, or came too late",
            call,
            *writers,
            *others,
        )

    def went_back(
        self, late: Call, earlier: Call, seen: object, others: Iterable[Call]
    ) -> Refutation:
        """`late` saw an old value although `earlier`, before it, knew the newer one, `seen`."""
        if earlier.session == late.session and not earlier.writes:
            because = f"it had already read {told(seen)}, which was written later"
        elif earlier.session == late.session:
            because = f"it had itself already put {told(seen)} there"
        elif earlier.writes:
            because = f"{self.said(earlier)}, before the read began"
        else:
            because = f"{self.said(earlier)}, which is newer, before the read began"
        return refuted(f"{self.said(late)}, though {because}", late, earlier, *others)

    def together(self, calls: Iterable[Call], *, limit: int = 8) -> str:
        """The sentence for calls that cannot all be in one order."""
        listed = list(calls)
        if len(listed) == 1:
            return f"{self.said(listed[0])}, and no order of all calls makes that possible"
        said = "; ".join(self.said(call) for call in listed[:limit])
        more = f"; and {len(listed) - limit} more" if len(listed) > limit else ""
        return f"no single order of all calls has room for these together: {said}{more}"


def told(value: object) -> str:
    """A value as a sentence names it; "absent" is nothing."""
    return "nothing" if value is None else str(value)
