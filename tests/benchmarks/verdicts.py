"""What does the checker that this process imports say about many small histories?

Run as a program: it prints one line a history, and first which checker it is.
"""

import random
import sys
import tempfile
from pathlib import Path

import msgspec

from benchmarks.histories import Recipe, draw, events
from checker.check import Ask, check
from checker.compiled import is_compiled
from checker.formats.jsonl import read
from checker.models.register import CasRegister


def write_any(path: Path, seed: int) -> None:
    """A small history, with a few answers that may be wrong."""
    dice = random.Random(seed)
    recipe = Recipe(
        calls=dice.randrange(5, 80),
        processes=dice.randrange(2, 12),
        values=dice.randrange(2, 6),
        seed=seed,
        crash=dice.choice([0.0, 0.1, 0.3]),
        keys=dice.choice([1, 1, 3]),
        unique=dice.random() < 0.4,
    )
    calls = draw(recipe)
    for call in dice.sample(calls, dice.randrange(3)):
        if call.f == "read":
            call.answer = dice.randrange(1, 8)
    path.write_bytes(b"".join(msgspec.json.encode(e) + b"\n" for e in events(calls)))


def main() -> None:
    """Judge as many histories as the command line says."""
    told = [str(is_compiled())]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.jsonl"
        for seed in range(int(sys.argv[1])):
            write_any(path, seed)
            judged = check(read(path, CasRegister()), CasRegister(), ask=Ask(order=True))
            told += [
                f"{seed} {part.key} {part.verdict.value} {part.method} {part.steps} {part.order}"
                for part in judged.parts
            ]
    sys.stdout.write("\n".join(told) + "\n")


if __name__ == "__main__":
    main()
