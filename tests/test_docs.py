"""Is what the docs say still so?"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

from checker.formats import jsonl
from docs.reference import pages
from harness.chance import Chance
from harness.judging import judge
from harness.plan import Plan, Played, Results
from harness.recorder import Recorder
from harness.run import Run
from harness.sim.loop import run as simulate
from harness.store import StoredRun
from tests.harness.memory import MemoryCluster, Service
from workloads.register import Register

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def transcript(page: Path) -> list[tuple[str, str]]:
    """The commands of a page's console blocks, each with what it is said to print."""
    steps = []
    for block in re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
        for step in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, printed = step.partition("\n")
            steps.append((command, printed))
    return steps


def as_pattern(printed: str) -> str:
    """What matches this text, where … stands for anything."""
    return ".*".join(re.escape(piece) for piece in printed.strip().split("…"))


def test_the_tutorial_runs_as_it_is_told(tmp_path: Path) -> None:
    shutil.copytree(DOCS / "examples", tmp_path / "docs/examples")
    command = tmp_path / "bin" / "zabtest"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m harness "$@"\n')
    command.chmod(0o755)
    path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    steps = transcript(DOCS / "tutorial.md")
    assert len(steps) >= 6
    for typed, printed in steps:
        done = subprocess.run(
            typed,
            shell=True,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        said = (done.stdout + done.stderr).strip()
        assert re.fullmatch(as_pattern(printed), said, re.S), (typed, said)


def test_a_model_of_ones_own_works_as_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = re.findall(r"```python\n(.*?)```", (DOCS / "models.md").read_text(), re.S)
    assert len(code[0].strip().splitlines()) < 28
    monkeypatch.chdir(tmp_path)
    events = [("invoke", "open"), ("ok", "open"), ("invoke", "open"), ("fail", "open")]
    with open("tap.jsonl", "w", encoding="utf-8") as file:
        writer = jsonl.Writer(file)
        for time, (kind, f) in enumerate(events):
            error = {"error": "open"} if kind == "fail" else {}
            writer.event(time_ns=time, process=0, type=kind, f=f, value=None, **error)
    exec("\n".join(code), {})
    assert capsys.readouterr().out.strip() == "valid"


def test_an_adapter_of_ones_own_works_as_it_is_told(tmp_path: Path) -> None:
    class Session:
        kind, node, session_id, alive = "mine", "n1", 1, True
        held: ClassVar[dict[str, Any]] = {}

        async def get(self, key: str) -> Any:
            await asyncio.sleep(0.001)
            return self.held.get(key)

        async def put(self, key: str, value: Any) -> None:
            await asyncio.sleep(0.001)
            self.held[key] = value

        async def swap(self, key: str, old: Any, new: Any) -> bool:
            await asyncio.sleep(0.001)
            if fits := bool(self.held.get(key) == old):
                self.held[key] = new
            return fits

        async def close(self) -> None:
            pass

        def abandon(self) -> None:
            pass

    class Cluster(MemoryCluster):
        async def connect(self, node: str, *, timeout_s: float) -> Any:
            return Session()

    code = re.findall(r"```python\n(.*?)```", (DOCS / "workloads.md").read_text(), re.S)
    told: dict[str, Any] = {}
    exec("\n".join(code), told)
    plan = Plan(time_s=1.0, rate=500.0, agree_s=0.0)
    store = StoredRun.create(tmp_path, plan, {"synced": "linearizable"})

    async def main() -> Played:
        made = Register()
        with store.open_history() as file:
            run = Run(
                plan,
                Cluster(Service()),
                made,
                told["RegistersInMyStore"](),
                (),
                store=store,
                chance=Chance(1),
                recorder=Recorder(file, made.model),
            )
            return await run.play()

    store.save_results(Results(played=simulate(main()), findings=()))
    assert judge(store)[0].verdict == "valid"


@pytest.mark.parametrize("page", pages(), ids=lambda path: path.name)
def test_pages_made_from_the_code_are_up_to_date(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == pages()[page], "run `make docs`"


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(DOCS.glob("*.md"))], ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target
