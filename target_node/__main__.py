"""How is a node started?"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

from target_node.config import read_config
from target_node.driver.clock import Clock
from target_node.driver.journal import Journal
from target_node.driver.node import MakeCore, Node
from target_node.driver.routes import Routes
from target_node.properties import Misconfigured
from target_node.server.facts import VERSION as ENVIRONMENT_VERSION
from target_node.server.server import Server

VERSION: Final = "target_node 0.1.0, which speaks as ZooKeeper 3.8 does"
WRONG_USAGE: Final = 2

_ABOUT: Final = """\
Run one server of a ZooKeeper-compatible ensemble: leader election, atomic broadcast, sessions and
watches, on the ports and the files that zoo.cfg names.
"""

_MORE: Final = """\
a first server, alone:
  printf 'dataDir=/tmp/zk\\nclientPort=2181\\n' > zoo.cfg
  python -m target_node zoo.cfg

one of three: add these lines, and this server's number to the file myid in dataDir
  server.1=127.0.0.1:2881:3881
  server.2=127.0.0.1:2882:3882
  server.3=127.0.0.1:2883:3883

exit status:
  0 stopped by SIGTERM or SIGINT · 1 the node cannot go on · 2 wrong usage or configuration, a port
  or directory in use · 3 the data are corrupt · 70 a broken invariant: a bug, please report it
"""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the command line says."""

    config: Path
    events: Path | None
    clock: Path | None
    routes: Path | None
    verbose: bool


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_USAGE, f"{self.prog}: {message}; {self.prog} --help tells more\n")


def arguments(argv: Sequence[str]) -> Arguments:
    """Ends the process where they are wrong, or ask for help."""
    parser = _Parser(
        prog="target_node",
        description=_ABOUT,
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("config", type=Path, metavar="zoo.cfg", help="ZooKeeper's configuration")
    parser.add_argument(
        "--events",
        type=Path,
        metavar="FILE",
        help="append a JSON object to it for all that happens, single transactions too",
    )
    parser.add_argument(
        "--clock",
        type=Path,
        metavar="FILE",
        help='bend this node\'s clock as FILE says, now and later: {"offset_ms": 0, "rate": 1.0}',
    )
    parser.add_argument(
        "--routes",
        type=Path,
        metavar="FILE",
        help="dial peers where FILE says, read again at every dial: "
        '{"quorum": {"2": "host:port"}, "election": {}}',
    )
    parser.add_argument(
        "--verbose", action="store_true", help="tell of every connection and failed dial too"
    )
    parser.add_argument("--version", action="version", version=VERSION)
    given = parser.parse_args(argv)
    return Arguments(given.config, given.events, given.clock, given.routes, given.verbose)


def main(argv: Sequence[str], make_core: MakeCore | None = None) -> int:
    """The exit status. Another core than the real one is for those who test what is around it."""
    given = arguments(argv)
    try:
        config = read_config(given.config, traces=given.events is not None)
        journal = Journal(config.settings.sid, events=given.events, verbose=given.verbose)
    except Misconfigured as refused:
        print(refused, file=sys.stderr)  # noqa: T201
        return WRONG_USAGE
    except OSError as problem:
        print(f"cannot write to the events file: {problem}", file=sys.stderr)  # noqa: T201
        return WRONG_USAGE
    clock = Clock(given.clock, tell=lambda why: journal.note("clock_file_unusable", {"why": why}))
    routes = Routes(given.routes, tell=lambda why: journal.note("routes_unusable", {"why": why}))
    core = make_core or partial(Server, environment=_environment())
    return Node(config, core, journal=journal, clock=clock, routes=routes).run()


def _environment() -> dict[str, str]:
    """For the four-letter word `envi`."""
    system = os.uname()
    return {
        # Clients read the first three numbers, and take them for a promise of what we can.
        ENVIRONMENT_VERSION: "3.8.0-zab",
        "host.name": system.nodename,
        "python.version": sys.version.split()[0],
        "os.name": system.sysname,
        "os.arch": system.machine,
        "os.version": system.release,
        "user.dir": os.getcwd(),
    }


def run() -> NoReturn:
    """Be the process."""
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # At once: a name that is being looked up, or a snapshot that is being written, must not keep a
    # process that was told to end. The disk is as safe as after a kill.
    os._exit(status)


if __name__ == "__main__":
    run()
