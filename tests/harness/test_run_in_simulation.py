"""Does the same runner, under a clock that jumps, write the same bytes in every process?"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from harness.chance import Chance
from harness.plan import Plan, Played
from harness.recorder import Recorder
from harness.run import Run
from harness.sim.loop import run as simulate
from harness.store import StoredRun
from nemesis.registry import named
from tests.harness.memory import MemoryCluster, RegistersInMemory, Service
from workloads.names import workload

ROOT = Path(__file__).parents[2]


def digest(directory: Path, seed: int) -> str:
    """Of all that a simulated run of a minute wrote."""
    plan = Plan(nemeses=("kill", "pause"), time_s=60.0, seed=seed, rate=50.0, agree_s=0.0)
    store = StoredRun.create(directory, plan, {"synced": "linearizable"})
    chance = Chance(seed)

    async def main() -> Played:
        made = workload(plan.workload)
        with store.open_history() as file:
            return await Run(
                plan,
                MemoryCluster(Service(lies=["doubt", "lost answer"], delay_s=0.003)),
                made,
                RegistersInMemory(),
                named(",".join(plan.nemeses)),
                store=store,
                chance=chance,
                recorder=Recorder(file, made.model),
            ).play()

    simulate(main())
    store.save_tape(chance.tape)
    files = ("history.jsonl", "tape.json", "faults.jsonl")
    return hashlib.sha256(b"".join((store.path / name).read_bytes() for name in files)).hexdigest()


def in_another_process(directory: Path, seed: int, hash_seed: str) -> str:
    script = (
        "import sys; from pathlib import Path; "
        "from tests.harness.test_run_in_simulation import digest; "
        "print(digest(Path(sys.argv[1]), int(sys.argv[2])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(directory), str(seed)],
        env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return done.stdout.strip()


def test_the_seed_decides_every_byte(tmp_path: Path) -> None:
    digests = [in_another_process(tmp_path / seed, 7, seed) for seed in ("1", "2")]
    assert digests[0] == digests[1]
    assert digest(tmp_path / "here", 7) == digests[0]
    assert digest(tmp_path / "another", 8) != digests[0]
