"""How long does this process take to read one history and to judge it, and in how much memory?

Run as a file, with -P and PYTHONPATH pointing at the checker to measure: a run is a fresh process,
so that none inherits another's caches or its memory. Prints one JSON object.
"""

import json
import sys
import time
from pathlib import Path

from checker.check import check, no_collection
from checker.compiled import is_compiled
from checker.formats.jsonl import read
from checker.models.register import CasRegister


def peak_mb() -> int:
    """The most memory that this process ever held; its parent's does not count, as in rusage."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    return 0


def main() -> None:
    """Measure the file that the command line names."""
    model = CasRegister()
    started = time.perf_counter()
    with no_collection():
        history = read(Path(sys.argv[1]), model)
        has_read = time.perf_counter()
        judgement = check(history, model)
        judged = time.perf_counter()
    told = {
        "verdict": str(judgement.verdict.value),
        "read_s": has_read - started,
        "check_s": judged - has_read,
        "rss_mb": peak_mb(),
        "calls": len(history),
        "compiled": is_compiled(),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
