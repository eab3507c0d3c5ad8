"""How many calls a second does the runner record?

`python -m benchmarks.runner [seconds] [clients]`: a run against registers in memory, in this
process, through the real recorder and a real file. The service itself takes next to nothing.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from harness.chance import Chance
from harness.plan import Plan, Played
from harness.recorder import Recorder
from harness.run import Run
from harness.store import StoredRun
from tests.harness.memory import MemoryCluster, RegistersInMemory, Service
from workloads.names import workload


async def main(plan: Plan, store: StoredRun) -> Played:
    """One run."""
    made = workload(plan.workload)
    with store.open_history() as file:
        run = Run(
            plan,
            MemoryCluster(Service(delay_s=0.0)),
            made,
            RegistersInMemory(),
            (),
            store=store,
            chance=Chance(plan.seed),
            recorder=Recorder(file, made.model),
        )
        return await run.play()


def measure(seconds: float, clients: int) -> None:
    """Print the figures."""
    plan = Plan(time_s=seconds, concurrency=clients, agree_s=0.0)
    with tempfile.TemporaryDirectory() as directory:
        store = StoredRun.create(Path(directory), plan, {"synced": "linearizable"})
        asyncio.run(main(plan, store))
        loaded, last = 0, 0
        for line in store.history.read_bytes().splitlines():
            event = json.loads(line)
            if event["value"] == "last calls":
                break
            last = event["time_ns"]
            loaded += event["type"] in ("ok", "fail")
        size = store.history.stat().st_size
        print(f"{clients} clients, {last / 1e9:.1f} s: {loaded:,} calls, "
              f"{loaded / last * 1e9:,.0f} a second, {size / 1e6:.1f} MB")  # fmt: skip


if __name__ == "__main__":
    given = sys.argv[1:]
    measure(float(given[0]) if given else 5.0, int(given[1]) if given[1:] else 50)
