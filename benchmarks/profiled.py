"""Where does one of our servers spend its time? As `python -m target_node`, under cProfile.

The disk's thread is not in it. When the server is stopped, PROFILE.<process id> is written, for
`python -m pstats`.
"""

from __future__ import annotations

import cProfile
import os
import sys

from target_node.__main__ import main

if __name__ == "__main__":
    profile = cProfile.Profile()
    status = profile.runcall(main, sys.argv[2:])
    profile.dump_stats(f"{sys.argv[1]}.{os.getpid()}")
    sys.stdout.flush()
    os._exit(status)
