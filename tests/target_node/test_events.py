"""Does docs/events.md tell of every event that a node notes, and of every fact in it?"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import get_args

from target_node.driver.journal import PER_TXN
from target_node.durable.recovery import Repair

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "events.md"
NOTES = frozenset({"note", "trace", "chat", "_note", "_note_history"})


def noted() -> dict[str, set[str]]:
    """The facts of each event, as the code has them."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "target_node").rglob("*.py")):
        if path.is_relative_to(ROOT / "target_node" / "bugs"):
            continue  # those are not the node
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match call:
                case ast.Call(
                    func=ast.Attribute(attr=attr) | ast.Name(id=attr),
                    args=[ast.Constant(str(event)), *more],
                ) if attr in NOTES:
                    found[event] |= set(facts(call, more))
                    if attr == "_note_history":
                        found[event] |= {"zxid", "since", "chain"}
                case _:
                    pass
    return found


def facts(call: ast.Call, more: list[ast.expr]) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg is not None:
            yield keyword.arg
    for node in more:
        if isinstance(node, ast.Dict):
            for key in node.keys:
                if isinstance(key, ast.Constant):
                    yield str(key.value)


def told() -> dict[str, set[str]]:
    """The facts of each event, as the page has them."""
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE.read_text(encoding="utf-8"), re.M)
    return {event: set(re.findall(r"`(\w+)`", cell)) for event, cell in rows}


def test_every_event_is_told_with_its_facts() -> None:
    page, code = told(), noted()
    assert len(code) > 30
    code["mended"] |= {field.name for repair in get_args(Repair) for field in fields(repair)}
    assert page == code


def test_what_happens_to_each_txn_is_in_the_file_only() -> None:
    text = PAGE.read_text(encoding="utf-8")
    _, _, per_txn = text.partition("## Of each txn")
    section = per_txn.split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.M)) <= PER_TXN
