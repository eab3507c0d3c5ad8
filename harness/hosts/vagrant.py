"""Which machines does Vagrant have, and how does one log in to them?

Vagrant is asked itself (`vagrant ssh-config`), in the folder of a Vagrantfile. What it says is in
OpenSSH's words, and is kept where Vagrant keeps its own things.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_FILE: Final = "Vagrantfile"
_KEPT: Final = Path(".vagrant") / "zabtest" / "ssh_config"
_ANSWER_S: Final = 120.0  # it asks the provider for each machine
_HOST: Final = re.compile(r"^Host (\S+)\s*$", re.MULTILINE)


class NoMachines(Exception):
    """There are none that one could log in to; in a sentence that says how to mend it."""


def is_folder(path: Path) -> bool:
    """Whether Vagrant can be asked there."""
    return (path / _FILE).is_file()


def ssh_config(folder: Path) -> Path:
    """A file for OpenSSH, with all machines of this folder."""
    if shutil.which("vagrant") is None:
        raise NoMachines(f"{folder} has a {_FILE}, but Vagrant is not installed here")
    try:
        done = subprocess.run(
            ["vagrant", "ssh-config"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANSWER_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NoMachines(f"`vagrant ssh-config` in {folder} takes too long") from None
    if done.returncode:
        # One machine that is not up is enough.
        said = " ".join((done.stderr or done.stdout).split()) or "without a word"
        raise NoMachines(f"`vagrant ssh-config` failed in {folder}: `vagrant up` there: {said}")
    file = folder.absolute() / _KEPT
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(done.stdout)
    return file


def names(config: Path) -> Sequence[str]:
    """The machines in such a file, in its order."""
    return _HOST.findall(config.read_text())
