"""How is a node with a bug started? `python -m target_node.bugs NAME zoo.cfg …`."""

from __future__ import annotations

import os
import sys

from target_node.__main__ import WRONG_USAGE, main
from target_node.bugs.bug import find, planted

if __name__ == "__main__":
    try:
        bug = find(sys.argv[1] if len(sys.argv) > 1 else "")
    except LookupError as problem:
        print(problem.args[0], file=sys.stderr)  # noqa: T201
        sys.exit(WRONG_USAGE)
    with planted(bug):
        status = main(sys.argv[2:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
