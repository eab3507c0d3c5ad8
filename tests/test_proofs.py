"""Does the table of the long proofs keep what did not run again, and only that?"""

from __future__ import annotations

from pathlib import Path

from tests.prove import Row, merged, page, read, rows

REPORT = """<testsuites><testsuite>
<testcase classname="tests.a.test_a" name="test_all[1]" time="1.5"><properties>
<property name="measured" value="7 seeds"/></properties></testcase>
<testcase classname="tests.a.test_a" name="test_all[2]" time="2"><failure/></testcase>
<testcase classname="tests.a.test_a" name="test_quiet[x]" time="3"/>
<testcase classname="tests.a.test_a" name="test_quiet[y]" time="4"/>
</testsuite></testsuites>"""


def row(proof: str, on: str) -> Row:
    return Row(proof, "passed", "1.0", "", on)


def test_what_pytest_told_becomes_rows(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(REPORT)
    told = list(rows(tmp_path / "report.xml", "today"))
    assert told == [
        Row("a.test_a: test_all[1]", "passed", "1.5", "7 seeds", "today"),
        Row("a.test_a: test_all[2]", "failure", "2.0", "", "today"),
        Row("a.test_a: test_quiet", "2 passed", "7.0", "", "today"),
    ]
    assert read(page(told)) == told


def test_only_what_ran_again_is_told_anew() -> None:
    old = [row("a: one[0]", "old"), row("a: one[10]", "old"), row("b: two", "old")]
    new = [row("a: one[2]", "new"), row("a: one[10]", "new")]
    both = merged(old, new)
    assert [(one.proof, one.on) for one in both] == [
        ("a: one[0]", "old"),
        ("a: one[2]", "new"),
        ("a: one[10]", "new"),
        ("b: two", "old"),
    ]
    assert merged(both, [row("a: one", "whole")])[0].on == "whole"
    assert len(merged(both, [row("a: one", "whole")])) == 2
    assert [one.proof for one in merged(old, [row("b: two[1]", "new")])][-1] == "b: two[1]"
    assert len(merged(old, [row("b: two[1]", "new")])) == 3
