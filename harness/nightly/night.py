"""What has a night left on the disk, and how is it found again after a crash?

    <store>/nights/<UTC time>/
        night.json     what is to be run, with every seed; written first
        runs.jsonl     what became of each run, a line as soon as it is over, and on the disk then
        results.json   all of it, and the verdict; with `ended` once the night is over
        index.html, junit.xml   the same for people and for programs that show tests
    <store>/runs/      what the runs themselves left

Rules of this file: a night is held as long as somebody is at it, and death lets it go. One that was
let go before its end is gone on with, if it began not long ago and its file has not changed.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from harness import lasting
from harness.nightly.matrix import Matrix, Planned
from harness.nightly.table import BadMatrix

GOES_ON: Final = timedelta(hours=24)
_FORM: Final = "%Y%m%dT%H%M%S.%fZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What became of one run."""

    number: int
    verdict: str
    """As of `check`, or `crashed` if the harness itself failed."""
    status: int
    seconds: float
    path: str = ""
    marks: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    sentence: str = ""


class Night:
    """One night's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, matrix: Matrix) -> Night:
        """A new one, with seeds that nobody has chosen."""
        began = datetime.now(UTC)
        night = cls(matrix.store / "nights" / began.strftime(_FORM))
        night.path.mkdir(parents=True)
        plan = [asdict(one) for one in matrix.runs(lambda: secrets.randbelow(1 << 32))]
        said = {
            "began": began.isoformat(),
            "file": str(matrix.file),
            "digest": matrix.digest,
            "budget_s": matrix.budget_s,
            "planned": plan,
        }
        night.write("night.json", msgspec.json.format(msgspec.json.encode(said), indent=2))
        return night

    @contextmanager
    def held(self) -> Iterator[None]:
        """While this lasts, nobody else can be at it."""
        with lasting.held(self.path / "night.json"):
            yield

    @property
    def facts(self) -> Mapping[str, Any]:
        """What `night.json` says."""
        facts: Mapping[str, Any] = json.loads((self.path / "night.json").read_bytes())
        return facts

    @property
    def began(self) -> datetime:
        """When it was created."""
        return datetime.strptime(self.path.name, _FORM).replace(tzinfo=UTC)

    def planned(self) -> Sequence[Planned]:
        """What is to be run, in order."""
        return [
            Planned(**{**one, "plugins": tuple(one["plugins"])}) for one in self.facts["planned"]
        ]

    def note(self, ran: Ran) -> None:
        """What became of a run. It is on the disk on return."""
        lasting.note(self.path / "runs.jsonl", asdict(ran))

    def ran(self) -> Sequence[Ran]:
        """What is known by now; what was not noted is made again."""
        found = {}
        for said in lasting.notes(self.path / "runs.jsonl"):
            ran = Ran(**{**said, "marks": tuple(said["marks"]), "doubts": tuple(said["doubts"])})
            found[ran.number] = ran
        return [found[number] for number in sorted(found)]

    def results(self) -> Mapping[str, Any]:
        """What `results.json` says; nothing, if it is not there."""
        try:
            said: Mapping[str, Any] = json.loads((self.path / "results.json").read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return said

    @property
    def over(self) -> bool:
        """Whether it came to its end."""
        return bool(self.results().get("ended"))

    def write(self, name: str, data: bytes | str) -> None:
        """In one step."""
        lasting.write(self.path / name, data)


def nights(store: Path) -> Sequence[Night]:
    """All of this store, the oldest first."""
    return [Night(file.parent) for file in sorted(store.glob("nights/*/night.json"))]


def tonight(matrix: Matrix) -> tuple[Night, bool]:
    """The night that was begun and not ended, or a new one; whether it is gone on with."""
    for night in reversed(nights(matrix.store)):
        young = datetime.now(UTC) - night.began < GOES_ON
        if young and not night.over and night.facts["digest"] == matrix.digest:
            return night, True
        break
    try:
        return Night.create(matrix), False
    except OSError as problem:
        raise BadMatrix(
            f"{matrix.file}: store names {matrix.store}, where no folder can be made "
            f"({problem.strerror})"
        ) from None
