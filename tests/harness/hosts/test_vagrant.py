"""`--hosts FOLDER`: the machines that Vagrant has there, as it tells them itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.hosts.inventory import BadInventory, logins
from harness.lab.lab import Lab
from tests.harness.labs import on

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
# As Vagrant writes it of a VirtualBox machine, but for the way, which leads into a lab.
TOLD = """\
Host {name}
  HostName 127.0.0.1
  User vagrant
  Port {port}
  UserKnownHostsFile /dev/null
  StrictHostKeyChecking no
  PasswordAuthentication no
  IdentityFile {key}
  IdentitiesOnly yes
  LogLevel FATAL
  {more}

"""
Folder = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """The project's `vagrant`, and a program of that name that says this."""

    def make(said: str, status: int = 0, inventory: str = "") -> Path:
        programs = tmp_path / "bin"
        programs.mkdir()
        (programs / "said").write_text(said)
        fake = programs / "vagrant"
        fake.write_text(
            f'#!/bin/sh\n[ "$*" = ssh-config ] && [ -e Vagrantfile ] || exit 9\n'
            f"cat {programs}/said{' >&2' if status else ''}\nexit {status}\n"
        )
        fake.chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        made = tmp_path / "vagrant"
        made.mkdir()
        (made / "Vagrantfile").write_bytes((ROOT / "vagrant" / "Vagrantfile").read_bytes())
        if inventory:
            (made / "inventory.toml").write_text(inventory)
        return made

    return make


def told(lab: Lab, name: str, port: int) -> str:
    (way,) = (one for one in lab.ssh_config.read_text().splitlines() if "ProxyCommand" in one)
    key = lab.folder / "keys" / "client"
    return TOLD.format(name=name, port=port, key=key, more=f"ProxyUseFdpass yes\n{way}")


def test_a_run_on_the_machines_of_vagrant(lab: Lab, folder: Folder, tmp_path: Path) -> None:
    """From `vagrant ssh-config` and the project's own inventory to the verdict."""
    for login in lab.logins:
        on(
            login,
            lambda host: host.run(
                "id vagrant || useradd -m -p '*' -s /bin/bash vagrant; "
                "echo 'vagrant ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/vagrant"
            ),
        )
    said = "".join(told(lab, f"n{n}", 2200 + n) for n in (1, 2, 3))
    ours = (ROOT / "vagrant" / "inventory.toml").read_text()
    here = folder(said, inventory=ours.replace("192.168.56.1", "10.77.0."))
    command = [sys.executable, "-m", "harness", "run", "--json", "--on", "ssh", "--time", "3"]
    command += ["--hosts", str(here), "--store", str(tmp_path / "store")]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=170, check=False
    )
    # A machine that is very busy answers too few calls for a verdict: that is not the matter here.
    assert done.returncode in (0, 3), (done.stdout, done.stderr)
    (run,) = json.loads(done.stdout)["runs"]
    nodes = Path(run["path"]) / "nodes"
    assert sorted(one.name for one in nodes.iterdir()) == ["n1", "n2", "n3"], "those that are up"


def test_what_vagrant_says_holds(lab: Lab, folder: Folder) -> None:
    here = folder(told(lab, "one", 2222) + told(lab, "default", 2200))
    first, second = logins(str(here))
    assert (first.name, first.address, first.port) == ("one", "127.0.0.1", 2222)
    assert first.user == "vagrant"
    assert first.accept_new, "Vagrant does not check what it has made itself"
    assert not first.sudo
    assert first.keys == (str(lab.folder / "keys" / "client"),)
    assert (second.name, second.port) == ("default", 2200)
    assert all(one.sudo for one in logins(str(here), sudo=True))


@pytest.mark.parametrize(
    ("said", "status", "inventory", "why"),
    [
        ("The machine n2 is\nnot ready", 1, "", "`vagrant up` there: The machine n2 is not ready"),
        ("", 0, "", "names no host"),
        (TOLD.format(name="n1", port=1, key="/nowhere", more=""), 0, "[hosts.n1]\nprt = 1", "prt"),
    ],
)
def test_what_cannot_be_had_is_told(
    folder: Folder, said: str, status: int, inventory: str, why: str
) -> None:
    here = folder(said, status, inventory)
    with pytest.raises(BadInventory, match=why) as raised:
        logins(str(here))
    assert "\n" not in str(raised.value)


def test_without_vagrant(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    here = folder("")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BadInventory, match="Vagrant is not installed"):
        logins(str(here))
