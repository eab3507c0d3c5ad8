"""What is in a release of Apache ZooKeeper, as its makers pack it?

Only its jars are read, here, and each goes to the hosts as a file of its own: no host unpacks
anything, and nothing in the archive decides where anything is written.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_JAR: Final = re.compile(r"(?:\./)?[^/]+/lib/([A-Za-z0-9][A-Za-z0-9_.+-]*)\.jar")
_SERVER: Final = re.compile(r"zookeeper-\d")
_MOST: Final = 200 << 20  # bytes of jars


class NoRelease(ValueError):
    """It is none; in a sentence that says how to mend it."""


def jars_of(path: Path) -> Mapping[str, bytes]:
    """All jars, by names that tell what is in them."""
    found: dict[str, bytes] = {}
    size = 0
    try:
        with tarfile.open(path, "r:*") as tar:
            for member in tar:
                name = _JAR.fullmatch(member.name)
                if name is None or not member.isreg():
                    continue
                size += member.size
                if size > _MOST:
                    raise NoRelease(f"{path}: its jars are too large for a release of ZooKeeper")
                file = tar.extractfile(member)
                assert file is not None, "it is a regular file"
                data = file.read()
                found[f"{name[1]}-{hashlib.sha256(data).hexdigest()[:16]}.jar"] = data
    except OSError as problem:
        raise NoRelease(f"{path}: cannot be read ({problem.strerror or problem})") from None
    except (tarfile.TarError, EOFError, zlib.error) as problem:
        raise NoRelease(f"{path}: is no archive that can be read ({problem})") from None
    if not any(_SERVER.match(name) for name in found):
        raise NoRelease(
            f"{path}: there is no lib/zookeeper-….jar in it; name apache-zookeeper-…-bin.tar.gz"
        )
    return found
