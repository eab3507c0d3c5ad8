"""Does the compiled checker say what the plain one says?"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HOME = Path(__file__).resolve().parents[2]
HISTORIES = 300


def build(tree: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Compile a copy of the sources in `tree`, so that nothing is left behind here."""
    shutil.copytree(HOME / "checker", tree / "checker", dirs_exist_ok=True)
    for name in ("setup.py", "pyproject.toml"):
        shutil.copy(HOME / name, tree)
    (tree / "README.md").touch()
    return subprocess.run(
        [sys.executable, "setup.py", "-q", "build", "--build-lib", "compiled"],
        cwd=tree,
        env=os.environ | {"ZABTEST_COMPILE": "1"} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )


def verdicts(*path: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tests.benchmarks.verdicts", str(HISTORIES)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))},
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
    )
    return done.stdout.splitlines()


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("tree")
    done = build(tree)
    if done.returncode and "no C compiler" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return tree / "compiled"


def test_both_say_the_same(compiled: Path) -> None:
    plain = verdicts(HOME)
    fast = verdicts(compiled, HOME)
    assert plain[0] == "False"
    assert fast[0] == "True"
    assert fast[1:] == plain[1:]
    said = "\n".join(plain)
    for word in (" valid ", " invalid ", "a search", "impossible at sight", "all different"):
        assert word in said


def test_without_a_compiler_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    done = build(tmp_path, CC="no-such-compiler")
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("There is no C compiler here (no-such-compiler): install one")
