"""Are the lines of an events file read, torn ones left out, and others' refused?"""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from harness.invariants import Event, Unreadable, parse, read
from target_node.driver.journal import Journal

LINE = b'{"ms": 1, "mono_ns": 2, "node": 3, "event": "looking", "zxid": 4294967297}\n'


def test_what_a_node_writes_is_read(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    journal = Journal(3, events=file, lines=io.StringIO())
    journal.note("committed", {"zxid": 5, "acks": (1, 3)})
    journal.close()
    (event,) = read([file])
    assert (event.node, event.name) == (3, "committed")
    assert event.facts == {"zxid": 5, "acks": [1, 3]}
    assert event.ms > 0 < event.mono_ns


@pytest.mark.parametrize("cut", range(len(LINE) - 1))
def test_a_torn_line_is_none(cut: int) -> None:
    events = [*parse([LINE, LINE[:cut]]), *parse([LINE[:cut] + b"\n", LINE])]
    assert events == 2 * [Event(3, "looking", {"zxid": 4294967297}, 1, 2)]


@pytest.mark.parametrize("line", [b"{nonsense}\n", b'{"event": "looking"}\n', b'[{"node": 1}\n'])
def test_what_no_node_writes_is_refused(line: bytes) -> None:
    with pytest.raises(Unreadable, match=r"some\.jsonl, line 2: "):
        list(parse([LINE, line], "some.jsonl"))
