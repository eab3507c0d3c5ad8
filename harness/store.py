"""Where does a run leave what it saw, so that it can be read whatever becomes of the run?

    <root>/<workload>-<nemesis>/<UTC time>/
        run.json       what was asked for, of which version, on what machine; written first
        history.jsonl  every call and note, as it happens
        faults.jsonl   which faults may be active; each line is on the disk before they are
        tape.json      every draw
        results.json   gates and violations before the judges speak, and then what they say
        nodes/         what the nodes wrote
    <root>/latest      points at the newest

Rules of this file: what stands in a file is never taken back, and a file that is replaced is
replaced in one step.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TextIO

import msgspec

from harness.chance import Tape
from harness.plan import Gate, Plan, Played, Results, Violation, nemesis_of
from nemesis.fault import Fault
from nemesis.written import read, written

FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The errors of a disk that has no room."""
ROOT: Final = Path(__file__).parent.parent


class NotARun(ValueError):
    """What stands there is not what a run writes; the message is for the user."""


class StoredRun:
    """One run's directory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, root: Path, plan: Plan, facts: Mapping[str, Any]) -> StoredRun:
        """A new directory, and the first that is written into it."""
        when = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3] + "Z"
        nemeses = dict.fromkeys(map(nemesis_of, plan.nemeses))
        name = f"{plan.workload}-{'+'.join(nemeses) or 'none'}"
        run = cls(root / name / when)
        run.nodes.mkdir(parents=True)
        run._write("run.json", {"plan": asdict(plan), **facts, **here()})
        latest = root / f".latest.{os.getpid()}"
        latest.unlink(missing_ok=True)
        latest.symlink_to(Path(name) / when)
        latest.replace(root / "latest")
        return run

    @property
    def nodes(self) -> Path:
        """What the nodes wrote stands below it."""
        return self.path / "nodes"

    @property
    def history(self) -> Path:
        """Every call and note."""
        return self.path / "history.jsonl"

    @contextmanager
    def held(self) -> Iterator[None]:
        """While this lasts, others can see that the run is alive; death ends it, too."""
        with (self.path / "run.json").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @property
    def alive(self) -> bool:
        """Whether somebody holds it."""
        with (self.path / "run.json").open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def open_history(self) -> TextIO:
        """To append to."""
        return self.history.open("a", encoding="utf-8")

    def journal(self, active: Sequence[Fault]) -> None:
        """From now on these faults, and no others, may be active. It is on the disk on return."""
        line = json.dumps({"active": [written(fault) for fault in active]})
        with (self.path / "faults.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())

    def left_active(self) -> Sequence[Fault]:
        """The faults that a dead run may have left behind."""
        path = self.path / "faults.jsonl"
        if not path.exists():
            return ()
        # A line that a crash tore was of faults that were not injected yet.
        lines = [line for line in path.read_bytes().split(b"\n")[:-1] if line]
        return [read(said) for said in json.loads(lines[-1])["active"]] if lines else ()

    def save_tape(self, tape: Tape) -> None:
        """Every draw that was taken."""
        self._write("tape.json", tape)

    def save_results(self, results: Results) -> None:
        """What is known by now."""
        self._write("results.json", results.as_json())

    def save_audit(self, changed: Mapping[str, Sequence[str]]) -> None:
        """What is not as it was before, of each host; nothing if all is."""
        self._write("audit.json", changed)

    def facts(self) -> dict[str, Any]:
        """What `run.json` says."""
        path = self.path / "run.json"
        with _as_written(path):
            facts: dict[str, Any] = json.loads(path.read_bytes())
            str(facts["plan"]["workload"]), str(facts["synced"])  # by which all are judged
            return facts

    def played(self) -> Played:
        """What the run said of itself; of one that died, that it did."""
        path = self.path / "results.json"
        if not path.exists():
            died = Gate(
                "the run ended", passed=False, why="it died before it could say how it went"
            )
            return Played(gates=[died], counts={}, faults={})
        with _as_written(path):
            said = json.loads(path.read_bytes())
            return Played(
                gates=[Gate(**gate) for gate in said["gates"]],
                violations=[Violation(**one) for one in said["violations"]],
                counts=said["counts"],
                faults=said["faults"],
                seconds=said["seconds"],
                logs=said["logs"],
                events=said.get("events", 0),
            )

    def _write(self, name: str, value: Any) -> None:
        target = self.path / name
        unfinished = target.with_name(f".{name}")
        try:
            unfinished.write_bytes(
                msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
            )
            unfinished.replace(target)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise


@contextmanager
def _as_written(path: Path) -> Iterator[None]:
    """Whatever is wrong with this file is told in a line."""
    try:
        yield
    except OSError as problem:
        raise NotARun(f"{path}: cannot be read ({problem.strerror})") from None
    except KeyError as missing:
        raise NotARun(_not_written(path, f"{missing} is missing")) from None
    except ValueError as problem:
        raise NotARun(_not_written(path, f"it is no JSON: {problem}")) from None
    except (TypeError, AttributeError):
        raise NotARun(_not_written(path, "it is JSON, but of another shape")) from None


def _not_written(path: Path, why: str) -> str:
    return f"{path}: this is not what a run writes ({why}); put it back, or delete {path.parent}"


def is_run(path: Path) -> bool:
    """Whether this directory is one that a run left."""
    return (path / "run.json").is_file()


def here() -> dict[str, Any]:
    """What was run, and where."""
    return {
        "zabtest": version("zabtest"),
        "commit": _commit(),
        "python": platform.python_version(),
        "command": sys.argv,
        "host": {
            "name": platform.node(),
            "system": platform.platform(),
            "cores": os.cpu_count(),
        },
    }


def _commit() -> str:
    """Of the sources that run, where they are a checkout; `+` if they were changed since."""
    try:
        told = subprocess.run(
            ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return told.stdout.strip()
