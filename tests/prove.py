"""How did the long proofs end? Runs them in full and writes the table into the docs.

What a proof records as its property `measured` stands there too.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "proofs.md"


def main() -> int:
    """Run every test marked `prove`; the exit status is pytest's."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-m", "prove", f"--junitxml={report}"]
        command += ["-o", "junit_family=xunit1"]  # the one with properties of each case
        done = subprocess.run([*command, *sys.argv[1:]], cwd=ROOT, check=False)
        if report.exists():
            PAGE.write_text(table(report), encoding="utf-8")
    return done.returncode


def table(report: Path) -> str:
    """The page that tells of the proofs in this report."""
    lines = [
        "# The long proofs",
        "",
        "Written by `make prove`, which runs every long proof in full.",
        "",
        f"Run on {datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, "
        f"{platform.machine()}.",
        "",
        "| proof | result | seconds | measured |",
        "|---|---|---|---|",
    ]
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        bad = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        name = f"{case.get('classname', '').removeprefix('tests.')}: {case.get('name')}"
        facts = [one.get("value") for one in case.iter("property") if one.get("name") == "measured"]
        lines.append(
            f"| {name} | {bad[0] if bad else 'passed'} | {float(case.get('time', 0)):.1f} "
            f"| {'; '.join(filter(None, facts))} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
