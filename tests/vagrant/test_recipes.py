"""The recipes for machines, as far as they can be followed without a provider or a container."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

VAGRANT = Path(__file__).parents[2] / "vagrant"
# Vagrant is written in Ruby, so one is here, and it reads YAML.
TO_JSON = "puts JSON.dump(YAML.load_file(ARGV[0], aliases: true))"


def validated(folder: Path) -> subprocess.CompletedProcess[str]:
    """What Vagrant says of this folder; a copy, because it leaves things where it looks."""
    command = ["vagrant", "validate", "--ignore-provider"]
    return subprocess.run(
        command,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def compose() -> dict[str, Any]:
    command = ["ruby", "-ryaml", "-rjson", "-e", TO_JSON, str(VAGRANT / "compose.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def inventory(name: str) -> dict[str, Any]:
    return tomllib.loads((VAGRANT / name).read_text())


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("", "", "validated successfully"),
        ('config.vm.box = "debian/bookworm64"', "", "box must be specified"),
    ],
)
def test_vagrant_understands_its_file(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    text = (VAGRANT / "Vagrantfile").read_text()
    assert right in text
    (tmp_path / "Vagrantfile").write_text(text.replace(right, wrong, 1))
    shutil.copy(VAGRANT / "provision.sh", tmp_path)
    done = validated(tmp_path)
    assert done.returncode == (1 if right else 0), done
    assert said in done.stdout + done.stderr


def test_the_machines_are_those_of_the_inventory() -> None:
    text = (VAGRANT / "Vagrantfile").read_text()
    assert '"n#{number}"' in text
    assert 'ip: "192.168.56.#{10 + number}"' in text
    hosts = inventory("inventory.toml")["hosts"]
    assert hosts == {f"n{n}": {"address": f"192.168.56.{10 + n}"} for n in range(1, 6)}


def test_the_containers_are_those_of_the_inventory() -> None:
    said = compose()
    services = said["services"]
    hosts = inventory("containers.toml")["hosts"]
    assert list(services) == list(hosts) == [f"n{n}" for n in range(1, 6)]
    for name, service in services.items():
        assert service["hostname"] == name
        assert service["networks"]["ensemble"]["ipv4_address"] == hosts[name]["address"]
        assert service["cap_add"] == ["NET_ADMIN"]
        assert (VAGRANT / service["build"] / "Dockerfile").exists()
    (network,) = said["networks"]["ensemble"]["ipam"]["config"]
    assert network["subnet"] == "192.168.57.0/24"


def test_the_container_is_provisioned_as_the_machines_are() -> None:
    lines = (VAGRANT / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1:] for line in lines if line.startswith("COPY")]
    assert copied == [["provision.sh", "/usr/local/sbin/provision"]]
    assert any(line.startswith("RUN sh /usr/local/sbin/provision") for line in lines)


def test_the_script_is_plain_sh(tmp_path: Path) -> None:
    script = VAGRANT / "provision.sh"
    for check in (["sh", "-n"], ["shellcheck"]):
        assert subprocess.run([*check, str(script)], check=False).returncode == 0
    broken = tmp_path / "provision.sh"
    broken.write_text(script.read_text() + "if true; then\n")
    assert subprocess.run(["sh", "-n", str(broken)], check=False).returncode != 0
