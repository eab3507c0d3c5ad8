"""What has a measurement of the harness's power left on the disk, and is it to be gone on with?

    <store>/power/<UTC time>/
        power.json    what was asked for, and of which code; written first
        notes.jsonl   what came of each hunt and of each search for the least, as soon as it is over
        results.json  all of it, with `ended` once it is over
    <store>/power/runs/   the smallest run of each catch

Rules of this file: the newest is gone on with if it did not come to its end, was asked for the same
and measures the same code; else there is a new one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from harness import lasting
from harness.power.hunting import Hunted, Small
from harness.sim.rotation import Wishes
from harness.store import ROOT, here

_FORM: Final = "%Y%m%dT%H%M%S.%fZ"
_PACKAGES: Final = ("checker", "harness", "nemesis", "target_node", "workloads")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is measured: these bugs, by hunts with these wishes, each within a budget."""

    bugs: Sequence[str]
    wishes: Wishes = Wishes()  # noqa: RUF009 (it is frozen)
    budget_s: float = 600.0
    shrink_s: float = 120.0
    """For the least of each catch; 0 for none."""


class Campaign:
    """One measurement's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, asked: Asked, store: Path) -> tuple[Campaign, bool]:
        """One for what is asked, and whether it was begun before."""
        wanted = _plain({"asked": asdict(asked), "code": code()})
        for file in sorted(store.glob("power/*/power.json"), reverse=True):
            before = cls(file.parent)
            if not before.over and all(before.facts[key] == wanted[key] for key in wanted):
                return before, True
            break
        began = datetime.now(UTC)
        new = cls(store / "power" / began.strftime(_FORM))
        new.path.mkdir(parents=True)
        facts = {**wanted, "began": began.isoformat(), **here()}
        lasting.write(new.path / "power.json", json.dumps(facts, indent=2) + "\n")
        return new, False

    @contextmanager
    def held(self) -> Iterator[None]:
        """While this lasts, nobody else can be at it."""
        with lasting.held(self.path / "power.json"):
            yield

    @property
    def facts(self) -> Mapping[str, Any]:
        """What was asked for, when, of which code and where."""
        facts: Mapping[str, Any] = json.loads((self.path / "power.json").read_bytes())
        return facts

    @property
    def over(self) -> bool:
        """Whether it came to its end."""
        try:
            return bool(json.loads((self.path / "results.json").read_bytes()).get("ended"))
        except (FileNotFoundError, ValueError):
            return False

    @property
    def runs(self) -> Path:
        """Where the smallest runs are."""
        return self.path.parent / "runs"

    def note(self, one: Hunted | Small) -> None:
        """What came of a bug. It is on the disk on return."""
        kind = "hunted" if isinstance(one, Hunted) else "small"
        lasting.note(self.path / "notes.jsonl", {kind: asdict(one)})

    def known(self) -> tuple[dict[str, Hunted], dict[str, Small]]:
        """By bug."""
        hunted, small = dict[str, Hunted](), dict[str, Small]()
        for said in lasting.notes(self.path / "notes.jsonl"):
            for kind, one in said.items():
                if kind == "hunted":
                    hunted[one["bug"]] = Hunted(**{**one, "marks": tuple(one["marks"])})
                else:
                    small[one["bug"]] = Small(**one)
        return hunted, small

    def keep(self, results: Mapping[str, Any]) -> None:
        """All of it."""
        lasting.write(self.path / "results.json", json.dumps(results, indent=2) + "\n")


def code() -> str:
    """Of all that takes part in a simulated run, whoever committed it."""
    digest = blake2b(digest_size=8)
    for package in _PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _plain(said: Any) -> Any:
    return json.loads(json.dumps(said))
