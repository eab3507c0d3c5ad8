"""ZooKeeper's own client, from Debian's packages."""

from __future__ import annotations

import shutil
from pathlib import Path

JARS = Path("/usr/share/java")
_NAMES = (
    *("zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-nop", "commons-cli", "snappy-java"),
    *("metrics-core", "guava", "findbugs-annotations"),
)


def class_path(*more: Path) -> str:
    """For `java -cp`."""
    if shutil.which("javac") is None or not (JARS / "zookeeper.jar").exists():
        raise AssertionError(
            "Apache ZooKeeper's own client is used, which is not here."
            " On Debian: apt-get install default-jdk-headless libzookeeper-java."
        )
    jars = [JARS / f"{name}.jar" for name in _NAMES] + sorted(JARS.glob("netty-*.jar"))
    return ":".join(map(str, [*jars, *more]))


def java(*arguments: str) -> tuple[str, ...]:
    """A JVM that starts fast and takes little."""
    return ("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m", *arguments)
