"""Who undoes all faults of a host when the controller is gone?

A watcher on the host itself: a loop in `sh`, which the controller tells again and again how long
the faults may last. When it has not heard from it for so long, it undoes all of them; when it has
still not heard from it much later, it ends the node, too, and unmounts the file system of its data,
if there is one. What was written stays.

Rules of this file:
1. There is a watcher before there is a fault, and what undoes is written down before both.
2. What undoes does not know which faults there are: it undoes everything that can be.
3. The time is the host's since its boot, which no fault bends by more than a tenth.
"""

from __future__ import annotations

from typing import Final

from harness.deploy import slow
from harness.deploy.clocks import PUT_BACK
from harness.deploy.losing import UNDO as WORK_AGAIN
from harness.deploy.losing import UNMOUNT
from harness.deploy.packets import TOOLS, nothing
from harness.deploy.preloading import UNDO as UNBEND
from harness.deploy.scripts import KILL, PRELUDE
from harness.deploy.target import LEASE

LEASE_S: Final = 15
RENEW_S: Final = 3.0
ORPHAN_S: Final = 60
"""So long after its faults a node ends that nobody has asked for: its controller may come back."""
FOLDER: Final = LEASE

UNDO: Final = (
    PRELUDE
    + "failed=0\n"
    # Each in a shell of its own: what cannot be done keeps nothing else from being done.
    + "".join(f"(\n{nothing(kind)}) || failed=1\n" for kind in TOOLS)
    + f"(\n{slow.UNDO}) && rm -f {slow.STATE} || failed=1\n"
    + f"(\n{PUT_BACK}) || failed=1\n"
    + 'look; if [ "$state" = T ]; then kill -CONT "$pid"; fi\n'
    + "bend 0 1.0\n"
    + UNBEND
    + WORK_AGAIN
    + "exit $failed\n"
)

END_NODE: Final = PRELUDE + KILL + UNMOUNT


def watch(orphan_s: int = ORPHAN_S) -> str:
    """What the watcher does."""
    return f"""\
cd {FOLDER} || exit
undone=
while read -r until <until; do
  read -r up rest </proc/uptime
  now=${{up%%.*}}
  if [ "$now" -lt "$until" ]; then undone=
  elif [ "$undone" != "$until" ] && sh undo; then undone=$until; echo "$up" >>expired
  elif [ "$now" -ge $((until + {orphan_s})) ] && sh end && [ "$undone" = "$until" ]; then
    rm -f until; exit
  fi
  sleep 0.5
done
"""


INSTALL: Final = f"mkdir -p {FOLDER}; rm -f {FOLDER}/until {FOLDER}/expired\n"


def renew(lease_s: float = LEASE_S) -> str:
    """Let the faults of this host last for so long from now on. Two may say so at once."""
    return f"""\
cd {FOLDER} || exit 72
read -r up rest </proc/uptime
echo $((${{up%%.*}} + {round(lease_s)})) >until.$$ && mv -f until.$$ until || exit 72
{{ read -r pid start <watcher && read -r stat </proc/$pid/stat; }} 2>/dev/null || stat=
set -- ${{stat##*) }}
if [ -z "$stat" ] || [ "${{20}}" != "$start" ] || [ "$1" = Z ]; then
  setsid sh watch </dev/null >/dev/null 2>&1 &
  pid=$!
  read -r stat </proc/$pid/stat; set -- ${{stat##*) }}
  echo "$pid ${{20}}" >watcher
fi
"""


END: Final = f"rm -f {FOLDER}/until\n"
"""The watcher ends by itself when there is nothing to wait for."""
