"""What does a night look like to programs that show tests?

A run that is invalid is a failure, one that crashed an error, and one that is open is skipped, with
its reason. That the planted bug is found is a test of its own, and so is that nothing is open: who
reads this file alone must not take an undecided night for a good one.
"""

from __future__ import annotations

import re
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from harness.nightly.summing import Sum, command

_NO_TEXT: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAGS: Final = {"invalid": "failure", "crashed": "error", "inconclusive": "skipped"}


def junit(whole: Sum) -> str:
    """The whole file."""
    suite = Element("testsuite", name="zabtest nightly", timestamp=whole.began[:19])
    _planted(suite, whole)
    _decided(suite, whole)
    for number, one in enumerate(whole.planned):
        if one.planted:
            continue
        of = f"{one.workload}.{one.nemesis}"
        case = SubElement(suite, "testcase", classname=of, name=f"seed {one.seed}")
        ran = whole.ran.get(number)
        if ran is None:
            SubElement(case, "skipped", message="there was no time for it")
            continue
        case.set("time", f"{ran.seconds:.3f}")
        if ran.verdict in _TAGS:
            why = ran.marks[0] if ran.marks else ran.sentence
            child = SubElement(case, _TAGS[ran.verdict], message=_text(why))
            child.text = _text(
                f"{ran.sentence}\nto repeat it: {command(whole, number)}\n"
                f"to judge it:  zabtest check {ran.path}\n"
            )
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in suite)))
    suite.set("tests", str(len(suite)))
    suite.set("time", f"{whole.seconds:.3f}")
    ElementTree.indent(suite)
    said = ElementTree.tostring(suite, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{said}\n'


def _planted(suite: Element, whole: Sum) -> None:
    case = SubElement(suite, "testcase", classname="planted", name="the planted bug is found")
    if not whole.caught:
        SubElement(case, "error", message="it was not found: that nothing else was means nothing")


def _decided(suite: Element, whole: Sum) -> None:
    case = SubElement(suite, "testcase", classname="decided", name="nothing is open")
    told = [f"{number} inconclusive" for number in (whole.counts["inconclusive"],) if number]
    told += [f"never tried: {pair}" for pair in whole.untried]
    if told:
        SubElement(case, "error", message=_text(", ".join(told)))


def _text(words: str) -> str:
    """What XML can hold of it."""
    return _NO_TEXT.sub("?", words)
