"""What would a system with one copy and one client at a time have answered?

A model is that system: an initial state and `apply`. Everything else here is optional. The three
hints below `apply` only make the search faster; each is a claim about `apply`, and
`tests/checker/test_model_hints.py` holds every bundled model to its claims.

Rules of a model: `apply` is pure; states, calls and results are hashable and compare by value.
"""

from collections.abc import Hashable, Iterable
from typing import Any, Final, Protocol, TypeVar

from msgspec import Struct

from checker.outcome import Anything

S = TypeVar("S")
C = TypeVar("C")
R = TypeVar("R")


class Nothing:
    """ "No constraint" or "no change" in an `Access`; no value of a history is ever this."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NOTHING"

    def __reduce__(self) -> str:
        return "NOTHING"


NOTHING: Final = Nothing()


class Access(Struct, frozen=True, gc=False):
    """How a call with a known answer touched a single cell that holds one value at a time.

    The call is possible exactly where the cell holds `needs` (or anything, if NOTHING) and does not
    hold `lacks`; afterwards the cell holds `puts` (or what it held, if NOTHING). (A `Struct` is
    made five times as fast as a dataclass, and one is made for every distinct call and answer.)
    """

    needs: Hashable = NOTHING
    lacks: Hashable = NOTHING
    puts: Hashable = NOTHING


class Model(Protocol[S, C, R]):
    """One sequential object. Histories with keys are judged as one such object a key."""

    name: str

    def initial(self) -> S:
        """The state before any call."""
        ...

    def apply(self, state: S, call: C) -> tuple[S, R]:
        """The state after `call`, and its answer. The checker compares the answer."""
        ...

    def outcomes(self, state: S, call: C) -> Iterable[tuple[S, R]]:
        """Every way the call may go, for objects that have a choice; by default the one way."""
        return (self.apply(state, call),)

    # -- how a call looks in a history file -----------------------------------------------------

    def read_call(self, f: str, value: Any) -> C:
        """The call an `invoke` event stands for; ValueError says what is wrong with it."""
        ...

    def read_result(self, call: C, value: Any) -> R:
        """The answer an `ok` event's value stands for; ValueError says what is wrong with it."""
        ...

    def refusal(self, call: C, error: str | None) -> R | None:
        """The answer a `fail` event with this error stands for, or None if it is no answer.

        Without an error: the one refusal that the call can get, if there is one.
        """
        return None

    def write_call(self, call: C) -> tuple[str, Any]:
        """The `f` and `value` of the call's `invoke` event."""
        ...

    def write_result(self, call: C, result: R) -> Any:
        """The value of the `ok` event of a call with this answer."""
        ...

    # -- hints: claims about `apply` that make the search faster --------------------------------

    def partition(self, call: C) -> Hashable:
        """Calls of different partitions never interact; by default all may."""
        return None

    def observes_only(self, call: C, result: R | Anything) -> bool:
        """Whether the call, given this answer, leaves *every* state as it was.

        With ANYTHING for an answer: whatever it answered.
        """
        return False

    def overwrites(self, call: C, result: R | Anything) -> bool:
        """Whether the call answers so in every state, and leads from all of them to one state."""
        return False

    def access(self, call: C, result: R | Anything) -> Access | None:
        """The call as an access to a single cell, for models that are one; else None.

        A model that answers this for one call answers it for all, and `initial()` is the cell's
        first value. With ANYTHING: the access the call makes if it has its effect.
        """
        return None

    def grows(self, call: C, result: R | Anything) -> bool:
        """Whether the call, given this answer, at most adds to a state: see `outgrown`."""
        return False

    def outgrown(self, state: S, call: C, result: R) -> bool:
        """Whether the call cannot answer so in this state, nor in any that has grown from it.

        Asked only of parts in which every call that changes anything `grows`.
        """
        return False

    def names(self, call: C, result: R | Anything) -> frozenset[Hashable] | None:
        """Which values the call is about, or None if it may be about any one of them.

        The claim: out of a legal history one may take all calls that name some values, if no
        others name them; what is left is legal. A call that nobody heard of and that may be about
        any value goes with them or stays, as it turns out.
        """
        return None

    # -- words for people -----------------------------------------------------------------------

    def tell(self, call: C, result: R | Anything) -> str:
        """The call in the past tense: "wrote 3", "read nothing"."""
        return f"{call}" if isinstance(result, Anything) else f"{call} -> {result}"
