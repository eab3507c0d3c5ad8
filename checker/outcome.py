"""What became of a call: it answered, it surely had no effect, or nobody can say."""

from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Ok(Generic[R]):
    """The call took effect once, between its invocation and its return, and this is its answer."""

    result: R


@dataclass(frozen=True, slots=True)
class Failed:
    """The call never reached the service, or surely had no effect."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The call may have taken effect, or may yet: it stays concurrent with all that follows."""

    reason: str


Outcome: TypeAlias = Ok[R] | Failed | Unknown


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer, not a failure: the service looked at its state and decided to say no."""

    code: str


class Done:
    """The answer of a call that has nothing to tell but that it happened."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "DONE"

    def __reduce__(self) -> str:
        return "DONE"  # in another process, too, it is the one it is compared with


DONE: Final = Done()


class Anything:
    """The answer that nobody heard: it fits whatever the model says."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ANYTHING"

    def __reduce__(self) -> str:
        return "ANYTHING"


ANYTHING: Final = Anything()
