"""How does Apache's ZooKeeper run on a host: from Debian's packages of it, or from a release?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from harness.deploy.target import CACHE, Member, zoo_cfg
from harness.ends import APACHES

TICK_MS: Final = 500  # with much less it elects all the time on a busy machine
JARS: Final = "/usr/share/java"
_LACKS_JAVA: Final = (
    "command -v java >/dev/null || echo 'Java: apt-get install default-jre-headless'\n"
)
_LACKS_JARS: Final = (
    f"test -e {JARS}/zookeeper.jar || "
    "echo 'the classes of ZooKeeper: apt-get install libzookeeper-java'"
)


class Apache:
    """`config` is added to its configuration; `jars` are a release's, else Debian's are taken."""

    name: Final = "zookeeper"
    skews: Final = False
    writes_events: Final = False
    ends: Final = APACHES

    def __init__(
        self,
        *,
        tick_ms: int = TICK_MS,
        config: str = "",
        jars: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:
        self._tick_ms = tick_ms
        self._config = config
        self._jars = jars

    def programs(self) -> Mapping[str, bytes]:
        return self._jars

    def files(self, members: Sequence[Member]) -> Mapping[str, bytes]:
        more = f"admin.enableServer=false\n{self._config}"
        return {"zoo.cfg": zoo_cfg(members, self._tick_ms, more)}

    def command(self) -> Sequence[str]:
        return [
            *("java", "-Xmx128m", "-Xms32m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            *("-cp", ":".join(self._class_path())),
            *("org.apache.zookeeper.server.quorum.QuorumPeerMain", "zoo.cfg"),
        ]

    def _class_path(self) -> Sequence[str]:
        if self._jars:
            return [f"{CACHE}/{name}" for name in sorted(self._jars)]
        return [f"{JARS}/slf4j-simple.jar", f"{JARS}/zookeeper.jar"]

    def trial(self) -> Sequence[str]:
        return ["java", "-version"]

    def lacks(self) -> str:
        return _LACKS_JAVA if self._jars else _LACKS_JAVA + _LACKS_JARS
