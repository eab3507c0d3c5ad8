"""Does the benchmark of the proxy measure both ways?"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).parents[2]


def test_it_tells_of_both_ways() -> None:
    few = ("--links", "2", "--rate", "50", "--seconds", "0.2", "--rounds", "1", "--json")
    command = [sys.executable, "-m", "benchmarks.proxies", *few]
    done = subprocess.run(command, capture_output=True, cwd=HOME, check=True, timeout=100)
    rows = json.loads(done.stdout)
    assert rows.keys() == {"direct", "proxy"}
    assert all(row["p50_us"] > 0 for row in rows.values())
