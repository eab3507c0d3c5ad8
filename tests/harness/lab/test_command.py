"""`zabtest lab up` and `down`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def zabtest(*words: str) -> tuple[int, str, str]:
    command = [sys.executable, "-W", "error", "-m", "harness", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_up_and_down(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    where = ("--folder", str(folder))
    try:
        status, out, err = zabtest("lab", "up", "--nodes", "2", *where)
        assert (status, err) == (0, "")
        assert f"--hosts {folder}/inventory.toml" in out
        command = ["ssh", "-F", str(folder / "ssh_config"), "n2", "hostname"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.stdout == "n2\n"
        status, out, err = zabtest("lab", "up", *where)
        assert (status, out) == (2, "")
        assert "is up" in err
    finally:
        status, out, _ = zabtest("lab", "down", *where)
    assert (status, out) == (0, "ended\n")
    assert not folder.exists()
    status, out, err = zabtest("lab", "down", *where)
    assert (status, out) == (2, "")
    assert "there is no lab" in err


def test_a_folder_that_is_no_lab_stays(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("1")
    for what in ("up", "down"):
        status, _, err = zabtest("lab", what, "--folder", str(tmp_path))
        assert status == 2
        assert str(tmp_path) in err
        assert (tmp_path / "mine").exists()
