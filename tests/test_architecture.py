"""Does any package import what it must not know?"""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("checker", "workloads", "nemesis", "target_node", "harness")
MAY_IMPORT = {
    "checker": {"checker"},
    "workloads": {"workloads", "checker"},
    "nemesis": {"nemesis"},
    "target_node": {"target_node"},
    "harness": set(PACKAGES),
}
NOBODY_IMPORTS = {"tests", "benchmarks"}


def imports_of(source: str) -> set[str]:
    """The top-level names of all modules that this source imports, wherever it does."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def forbidden(package: str, source: str) -> set[str]:
    """What of ours (or, in the node, of anybody's) this source must not import."""
    found = imports_of(source)
    wrong = (found & set(PACKAGES)) - MAY_IMPORT[package] | found & NOBODY_IMPORTS
    if package == "target_node":
        wrong |= found - set(sys.stdlib_module_names) - {"target_node"}
    return wrong


@pytest.mark.parametrize("package", PACKAGES)
def test_no_other_arrow(package: str) -> None:
    sources = sorted((ROOT / package).rglob("*.py"))
    assert sources
    for path in sources:
        assert not forbidden(package, path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("nemesis", "from harness.run import run"),
        ("checker", "import workloads.register"),
        ("workloads", "def f():\n    from nemesis import faults"),
        ("target_node", "import msgspec"),
        ("harness", "from tests.oracle import x"),
    ],
)
def test_a_planted_arrow_is_found(package: str, source: str) -> None:
    assert forbidden(package, source)
