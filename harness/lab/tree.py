"""How is the file tree of a bare Debian had?

mmdebstrap makes it from the mirror that this machine's own apt uses, and runs the script in it that
also provisions virtual machines. Then it is kept: it is the same for all hosts, and none of them
writes to it.
"""

from __future__ import annotations

import fcntl
import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PROVISION: Final = Path(__file__).parents[2] / "vagrant" / "provision.sh"
_MAKER: Final = "mmdebstrap"
_PATIENCE_S: Final = 1800.0
_LIGHT: Final = ("doc", "info", "man", "locale")  # what nobody reads on such a host
# Only what decides whether the mirror can be reached and is believed.
_OPTIONS: Final = (
    "Acquire::http::Proxy",
    "Acquire::https::Proxy",
    "Acquire::Check-Valid-Until",
    "Acquire::Check-Date",
)


class NoTree(Exception):
    """There can be none here; in a sentence that says how to mend it."""


def tree(folder: Path) -> Path:
    """The tree in this folder. It is made if there is none yet, which takes a minute or more."""
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder.with_name(f"{folder.name}.lock")):
        if not folder.exists():
            unfinished = folder.with_name(f"{folder.name}.new")
            _remove(unfinished)
            try:
                _make(unfinished)
            except BaseException:
                _remove(unfinished)
                raise
            unfinished.rename(folder)
    if not (folder / "usr" / "sbin" / "sshd").exists():
        raise NoTree(f"{folder} is no file tree with an sshd: remove it, and it is made anew")
    return folder


def _make(folder: Path) -> None:
    if os.geteuid() != 0:
        raise NoTree(f"{folder} is made as root: use sudo")
    if shutil.which(_MAKER) is None:
        raise NoTree(f"no fresh file trees without {_MAKER}: apt-get install {_MAKER}")
    if not PROVISION.exists():
        raise NoTree(f"no fresh file trees without {PROVISION}, of the project's source")
    suite = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    sources = _sources(suite)
    if not sources:
        raise NoTree(f"this machine's apt knows no Debian {suite}: apt-get update, on a Debian")
    command = [_MAKER, "--quiet", "--variant=minbase", "--format=directory", *_options()]
    # A tree that a power loss spoils is made anew: nothing of it has to wait for the disk.
    command += ["--dpkgopt=force-unsafe-io"]
    command += [f"--dpkgopt=path-exclude=/usr/share/{one}/*" for one in _LIGHT]
    command += [
        f'--customize-hook=cp {shlex.quote(str(PROVISION))} "$1/usr/local/sbin/provision"',
        '--customize-hook=chroot "$1" sh /usr/local/sbin/provision',
    ]
    try:
        done = subprocess.run(
            [*command, suite, str(folder), "-"],
            input="\n".join(sources) + "\n",
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NoTree(f"{_MAKER} takes too long: is the mirror reachable?") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith(("E:", "Err"))]
        raise NoTree(f"{_MAKER} failed: {' '.join(said[:2]) or done.stderr[-300:].strip()}")


def _sources(suite: str) -> Sequence[str]:
    """Where this machine has Debian's packages from, as apt itself understands its own files."""
    layout = "deb $(SITE) $(RELEASE) $(COMPONENT)|$(CODENAME)"
    command = ["apt-get", "indextargets", "--format", layout, "Created-By: Packages"]
    listed = subprocess.run(
        [*command, "ORIGIN: Debian"], capture_output=True, text=True, check=False
    )
    lines = [line.partition("|") for line in listed.stdout.splitlines()]
    found = [source for source, _, name in lines if name.split("-")[0] == suite and suite]
    return list(dict.fromkeys(found))


def _options() -> Iterator[str]:
    for name in _OPTIONS:
        said = subprocess.run(
            ["apt-config", "shell", "it", name], capture_output=True, text=True, check=False
        ).stdout
        for _, value in (word.split("=", 1) for word in shlex.split(said)):
            yield f'--aptopt={name} "{value}"'


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Only one makes it; others wait for it."""
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
