"""By what do we know a failure again: in another run, on another night?

By its marks: which judge found a wrong, and of which kind. What differs from run to run, such as
keys, values and the nodes' names, is no part of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_NODE: Final = re.compile(r"\bn[0-9]+\b")


def marks_of(said: Mapping[str, Any]) -> tuple[str, ...]:
    """Of the results of a run as they stand in its store, the weightiest first; none if valid."""
    return tuple(dict.fromkeys(_marks(said)))


def _marks(said: Mapping[str, Any]) -> Iterator[str]:
    for finding in said.get("findings", ()):
        if finding["verdict"] == "invalid":
            kinds = [wrong["kind"] for wrong in finding["wrongs"]]
            for kind in dict.fromkeys(kinds):
                yield f"{finding['judge']}: {kind}"
            if not kinds:
                yield str(finding["judge"])
    for violation in said.get("violations", ()):
        yield _NODE.sub("a node", violation["name"])


def brief(marks: tuple[str, ...]) -> str:
    """The first of them, and how many others there are."""
    return marks[0] + (f" (and {len(marks) - 1} more)" if len(marks) > 1 else "")


def doubts_of(said: Mapping[str, Any]) -> tuple[str, ...]:
    """What kept the run from being valid, though nothing was wrong."""
    open_ones = [one["judge"] for one in said.get("findings", ()) if one["verdict"] != "valid"]
    gates = [_NODE.sub("a node", gate["name"]) for gate in said["gates"] if not gate["passed"]]
    return tuple(dict.fromkeys([*open_ones, *gates]))


def sentence_of(said: Mapping[str, Any]) -> str:
    """The first thing that is wrong, or that is open, in words."""
    for finding in said.get("findings", ()):
        if finding["verdict"] == "invalid" and finding["wrongs"]:
            return str(finding["wrongs"][0]["because"])
    for violation in said.get("violations", ()):
        return f"{violation['name']}: {violation['because']}"
    for gate in said.get("gates", ()):
        if not gate["passed"]:
            return f"{gate['name']}: {gate['why']}"
    for finding in said.get("findings", ()):
        if finding["because"]:
            return f"{finding['judge']}: {finding['because']}"
    return ""
