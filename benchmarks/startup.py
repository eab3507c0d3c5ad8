"""How long does `zabtest check` take on a tiny file, beyond what Python itself takes to start?

A checker that is quick on a million calls is still slow if every small file waits for imports.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.histories import Recipe, write

HOME: Final = Path(__file__).resolve().parent.parent


def wall_s(command: list[str]) -> float:
    """How long the whole process takes."""
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=HOME)
    return time.perf_counter() - started


def main() -> None:
    """Run both in turns and print the medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tiny = Path(folder) / "tiny.jsonl"
        write(tiny, Recipe(calls=10))
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "zabtest check": [sys.executable, "-m", "harness", "check", str(tiny)],
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(asked.runs):
            for name, command in commands.items():
                seconds[name].append(wall_s(command))
    medians = {name: median(took) for name, took in seconds.items()}
    if asked.json:
        print(json.dumps(medians))
        return
    for name, took in medians.items():
        print(f"{name:16} {took * 1000:6.0f} ms")


if __name__ == "__main__":
    main()
