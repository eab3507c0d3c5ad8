from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from harness.pack import pack
from tests.target_node.driver.wiring import LOOPBACK, PATIENCE, free_port

SYSTEM_PYTHON = "/usr/bin/python3"


def is_new_enough(python: str) -> bool:
    if shutil.which(python) is None:
        return False
    test = "import sys; sys.exit(sys.version_info < (3, 11))"
    return subprocess.run([python, "-c", test], check=False).returncode == 0


def run(python: str, *arguments: str, where: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-I", "-S", *arguments],
        cwd=where,
        env={},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def ruok(port: int) -> bytes:
    """What the node answers, once it does."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            with socket.create_connection((LOOPBACK, port), PATIENCE) as connection:
                connection.sendall(b"ruok")
                return connection.makefile("rb").read()
        except ConnectionRefusedError:
            time.sleep(0.02)
    raise AssertionError("nobody answers")


@pytest.mark.parametrize(
    "python",
    [sys.executable, *([SYSTEM_PYTHON] if is_new_enough(SYSTEM_PYTHON) else [])],
)
def test_it_runs_from_an_empty_directory_on_a_bare_python(tmp_path: Path, python: str) -> None:
    node = pack(tmp_path / "zab-node.pyz")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "target_node" in run(python, str(node), "--version", where=empty).stdout
    port = free_port()
    config = tmp_path / "zoo.cfg"
    config.write_text(f"dataDir=data\nclientPort={port}\nclientPortAddress={LOOPBACK}\n")
    with subprocess.Popen(
        [python, "-I", "-S", str(node), str(config)], cwd=empty, env={}, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert ruok(port) == b"imok"
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
    assert sorted(path.name for path in empty.iterdir()) == ["data"]


def test_its_bytes_follow_from_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import target_node

    first = pack(tmp_path / "first.pyz").read_bytes()
    copy = tmp_path / "copy" / "target_node"
    shutil.copytree(Path(target_node.__file__).parent, copy)
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
    (copy / "notes.txt").write_text("not a source")
    monkeypatch.setattr(target_node, "__file__", str(copy / "__init__.py"))
    assert pack(tmp_path / "second.pyz").read_bytes() == first
    (copy / "clock.py").write_text("# one more")
    assert pack(tmp_path / "second.pyz").read_bytes() != first


def test_it_holds_the_node_and_nothing_else(tmp_path: Path) -> None:
    node = pack(tmp_path / "zab-node.pyz")
    with zipfile.ZipFile(node) as archive:
        names = archive.namelist()
    assert names[0] == "__main__.py"
    assert "target_node/server/server.py" in names
    assert all(name.startswith("target_node/") and name.endswith(".py") for name in names[1:])
    assert os.access(node, os.X_OK)
    assert [path.name for path in tmp_path.iterdir()] == ["zab-node.pyz"]
