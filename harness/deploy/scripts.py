"""What is a host told to do with its node, in words of `sh`?

Rules of this file:
1. A process is told by its number and its start: a number may be somebody else's by now.
2. What is asked for is a state: asked for twice, it is the same. Whoever asks learns of a failure
   by the exit status, which names the step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from harness.deploy.target import HOME
from harness.hosts.host import words

# `look` sets `state` to the letter of the node's process, or to nothing if there is none.
PRELUDE: Final = f"""\
home={HOME}
look() {{
  state=; pid=
  {{ read -r pid start <$home/pid && read -r stat </proc/$pid/stat; }} 2>/dev/null || return 0
  set -- ${{stat##*) }}
  [ "${{20}}" = "$start" ] && [ "$1" != Z ] && [ "$1" != X ] && state=$1
  return 0
}}
until_state() {{
  tries=0
  while look; do
    case $state in $1) return 0;; esac
    tries=$((tries + 1)); [ $tries -lt 500 ] || return 1
    sleep 0.01
  done
}}
bend() {{
  [ -d $home ] || return 0
  printf '{{"offset_ms": %s, "rate": %s}}' "$1" "$2" >$home/clock.json.new &&
    mv -f $home/clock.json.new $home/clock.json
}}
"""

KILL: Final = 'look; if [ -n "$state" ]; then kill -KILL "$pid"; until_state "" || exit 73; fi\n'
PAUSE: Final = 'look; if [ -n "$state" ]; then kill -STOP "$pid"; until_state T || exit 74; fi\n'
RESUME: Final = (
    'look; if [ "$state" = T ]; then kill -CONT "$pid"; until_state "[!T]*" || exit 74; fi\n'
)


# Its parent, which nobody else speaks to, only waits for it, to tell how it ended.
_PARENT: Final = """\
"$@" </dev/null >>log 2>&1 &
pid=$!
read -r stat </proc/$pid/stat
set -- ${stat##*) }
echo "$pid ${20}" >pid.new && mv -f pid.new pid
wait $pid
echo $? >exit.new && mv -f exit.new exit
"""


def start(argv: Sequence[str]) -> str:
    """Unless it runs."""
    return f"""\
look
if [ -z "$state" ]; then
  cd $home && rm -f pid exit || exit 75
  setsid sh -c {words([_PARENT])} sh {words(argv)} </dev/null >/dev/null 2>&1 &
  tries=0
  until [ -e pid ]; do tries=$((tries + 1)); [ $tries -lt 500 ] || exit 75; sleep 0.01; done
fi
"""


def wipe(sid: int) -> str:
    """Leave nothing on its disk but who it is, and a line of that in what it wrote down, if it
    did: else it would seem to have forgotten.
    """
    line = f'{{"node":{sid},"event":"disk_lost"}}'
    return (
        # What is in it, and not the directory: that may be a file system of its own.
        f"mkdir -p $home/data && rm -rf $home/data/* && echo {sid} >$home/data/myid || exit 76\n"
        # A kill may have torn the last line.
        f"if [ -e $home/events.jsonl ]; then printf '\\n%s\\n' '{line}' >>$home/events.jsonl; fi\n"
    )


def bend(offset_ms: int, rate: float) -> str:
    """Let its clock be off by so much, and go so fast."""
    return f"bend {int(offset_ms)} {float(rate)!r} || exit 77\n"


LOOK: Final = """\
look
echo "${state:-gone}"
if [ -n "$state" ]; then echo; elif [ -e $home/pid ]; then
  # Its parent may not have told yet how it ended.
  tries=0
  until [ -e $home/exit ] || [ $tries -ge 300 ]; do tries=$((tries + 1)); sleep 0.01; done
  echo "exit status $(cat $home/exit 2>/dev/null): $(tail -n 1 $home/log)"
else echo; fi
"""
"""Tells the state of its process, and how it ended if it did."""


def ask(port: int, word: str, *, within_s: float) -> str:
    """What the node says to a four-letter word, asked on its own host."""
    inner = f"exec 3<>/dev/tcp/127.0.0.1/{port} && printf {words([word])} >&3 && cat <&3"
    return f"timeout {within_s:g} bash -c {words([inner])} 2>/dev/null"
