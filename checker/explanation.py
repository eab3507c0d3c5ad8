"""What is wrong with the calls of one key, in a sentence a person understands?"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Explanation:
    """A plain sentence, and the rows of the fewest calls that are already wrong by themselves."""

    sentence: str
    core: tuple[int, ...]
