"""How does Apache's ZooKeeper run on a host that has Debian's packages of it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from harness.deploy.target import Member, zoo_cfg

TICK_MS: Final = 500  # with much less it elects all the time on a busy machine
JARS: Final = "/usr/share/java"
_LACKS: Final = (
    "command -v java >/dev/null || echo 'Java: apt-get install default-jre-headless'; "
    f"test -e {JARS}/zookeeper.jar || "
    "echo 'the classes of ZooKeeper: apt-get install libzookeeper-java'"
)


class Apache:
    """`config` is added to its configuration."""

    name: Final = "zookeeper"
    skews: Final = False
    writes_events: Final = False

    def __init__(self, *, tick_ms: int = TICK_MS, config: str = "") -> None:
        self._tick_ms = tick_ms
        self._config = config

    def programs(self) -> Mapping[str, bytes]:
        return {}

    def files(self, members: Sequence[Member]) -> Mapping[str, bytes]:
        more = f"admin.enableServer=false\n{self._config}"
        return {"zoo.cfg": zoo_cfg(members, self._tick_ms, more)}

    def command(self) -> Sequence[str]:
        return [
            *("java", "-Xmx128m", "-Xms32m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            *("-cp", f"{JARS}/slf4j-simple.jar:{JARS}/zookeeper.jar"),
            *("org.apache.zookeeper.server.quorum.QuorumPeerMain", "zoo.cfg"),
        ]

    def trial(self) -> Sequence[str]:
        return ["java", "-version"]

    def lacks(self) -> str:
        return _LACKS
