"""Apache ZooKeeper's own persistence classes, to be agreed with."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

JARS = [
    Path("/usr/share/java") / f"{name}.jar"
    for name in ("zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-nop")
]


class Apache:
    """Compiled once, then one Java process a question."""

    def __init__(self, classes: Path) -> None:
        missing = [str(jar) for jar in JARS if not jar.exists()]
        if missing or shutil.which("javac") is None:
            raise AssertionError(
                "these tests compare with Apache ZooKeeper: install Debian's packages "
                f"libzookeeper-java, libslf4j-java and default-jdk-headless ({missing} missing)"
            )
        self._path = ":".join([*map(str, JARS), str(classes)])
        source = Path(__file__).parent / "java" / "DiskTool.java"
        self._run("javac", "-cp", self._path, "-d", str(classes), str(source))

    def ask(self, what: str, directory: Path, *arguments: int, digest: bool = True) -> list[str]:
        """What the tool printed, line by line."""
        return self._run(
            *("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
            f"-Dzookeeper.digest.enabled={str(digest).lower()}",
            *("-cp", self._path, "DiskTool", what, str(directory), *map(str, arguments)),
        ).splitlines()

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout
