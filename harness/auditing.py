"""Are the hosts of a run as they were before it, and who is told?"""

from __future__ import annotations

import sys

from harness.cluster import OnHosts
from harness.store import StoredRun


def told_of_hosts(cluster: OnHosts, store: StoredRun) -> bool:
    """Write down and tell what was compared. False if a host is not as it was, which is a failure
    of ours; of one that was lost nothing can be said, and the run is inconclusive already.
    """
    changed = cluster.changed
    if not changed:
        return True  # nothing was done to them
    store.save_audit(changed)
    dirty = {host: lines for host, lines in changed.items() if lines}
    for host, lines in dirty.items():
        sys.stderr.write(f"zabtest: {host} is not as it was: {'; '.join(lines)}\n")
    if dirty:
        sys.stderr.write("zabtest: `zabtest heal --hosts …` undoes what is left there\n")
    else:
        sys.stderr.write(f"all {len(changed)} hosts are as they were before\n")
    return dirty.keys() <= cluster.lost.keys()
