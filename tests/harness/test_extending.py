"""Does the worked example of extending.md work as it is told: Redis, as a target of one's own?"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness import plugins
from harness.plugins import CannotLoad, load
from tests.harness.test_running import zabtest as command

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "docs" / "examples" / "redis" / "redis_target.py"

redis = pytest.mark.skipif(
    shutil.which("redis-server") is None, reason="there is no redis-server: run `make system`"
)


def zabtest(*words: object) -> subprocess.CompletedProcess[str]:
    """In a process of its own, which keeps nothing that was loaded for others."""
    return subprocess.run(
        [sys.executable, "-m", "harness", *map(str, words)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def run(store: Path, *words: object) -> tuple[int, dict[str, Any]]:
    common = ("--plugin", PLUGIN, "--target", "redis", "-c", 4, "--store", store, "--json")
    done = zabtest("run", *common, *words)
    assert done.stdout, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, told["runs"][0]


@redis
def test_a_single_server_is_linearizable_though_it_is_killed(tmp_path: Path) -> None:
    status, told = run(
        tmp_path, "-w", "register", "-n", "kill", "--nodes", 1, "-t", 5, "--seed", 78,
        "--rate", 400,
    )  # fmt: skip
    findings = {one["judge"]: one["verdict"] for one in told["findings"]}
    assert set(findings.values()) == {"valid"}, told
    # On a busy machine it may see too little; it must not see anything wrong.
    unmet = [gate["name"] for gate in told["gates"] if not gate["passed"]]
    assert status == (3 if unmet else 0), told["gates"]
    assert told["faults"]["kill"]["injected"] >= 1


@redis
def test_what_is_read_from_a_replica_is_stale(tmp_path: Path) -> None:
    status, told = run(tmp_path, "-n", "partition", "--nodes", 2, "-t", 4, "--rate", 1000)
    assert status == 1
    wrong = {one["judge"] for one in told["findings"] if one["verdict"] == "invalid"}
    assert "linearizable" in wrong
    # Whoever judges it again needs nothing of Redis.
    assert zabtest("check", told["path"], "--json").returncode == 1


def test_an_installed_package_needs_no_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(PLUGIN, tmp_path)
    info = tmp_path / "zabtest_redis-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zabtest-redis\nVersion: 1\n")
    page = (ROOT / "docs" / "extending.md").read_text()
    (told,) = re.findall(r"```toml\n(.*?)```", page, re.S)
    points = told.replace('project.entry-points."', "").replace('"]', "]").replace('"', "")
    (info / "entry_points.txt").write_text(points)
    listed = {what: command("list", what)[1] for what in ("targets", "nemeses")}
    monkeypatch.syspath_prepend(tmp_path)
    for what, name in (("targets", "redis"), ("nemeses", "blink")):
        assert not re.search(rf"^{name} ", listed[what], re.M)
        assert re.search(rf"^{name} ", command("list", what)[1], re.M)
    status, _, err = command("run", "--target", "redis", "-w", "set", "--store", tmp_path)
    assert status == 2
    assert "the adapter 'set:redis' is missing" in err


def test_the_page_shows_what_is_in_the_file() -> None:
    source = PLUGIN.read_text()
    shown = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "extending.md").read_text(), re.S)
    assert len(shown) >= 5
    for piece in shown:
        assert piece.strip("\n") in source


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "there is no such Python file"),
        ("1 /", "cannot be imported (SyntaxError"),
        ("raise OSError('no')", "cannot be imported (OSError: no)"),
        ("x = 1", "it declares nothing; add ENTRY_POINTS"),
        ("ENTRY_POINTS = {'targets': {}}", "no group 'targets'; there are zabtest.targets"),
        ("ENTRY_POINTS = {'zabtest.targets': {'a': 'A'}}", "'a' names A, which it lacks"),
    ],
)
def test_a_file_that_is_no_plugin_gets_one_clear_line(
    tmp_path: Path, text: str | None, words: str
) -> None:
    file = tmp_path / "plugin.py"
    if text is not None:
        file.write_text(text)
    before = dict(plugins._LOADED.plugins)
    with pytest.raises(CannotLoad, match=re.escape(words)) as caught:
        load([file])
    assert "\n" not in str(caught.value)
    assert before == plugins._LOADED.plugins
