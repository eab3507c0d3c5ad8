from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_node.driver.journal import PER_TXN, Journal
from target_node.server.events import Detail


def said(detail: dict[str, Detail], event: str = "leading") -> str:
    """What stands behind the time."""
    lines = io.StringIO()
    Journal(3, lines=lines).note(event, detail)
    line = lines.getvalue()
    matched = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (.*)\n", line)
    assert matched, line
    return matched[1]


@pytest.mark.parametrize(
    ("detail", "text"),
    [
        ({}, "n3 leading"),
        ({"epoch": 3, "zxid": 0x300000001}, "n3 leading epoch=3 zxid=0x300000001"),
        ({"last_zxid": 16, "zxids": 16}, "n3 leading last_zxid=0x10 zxids=16"),
        ({"synced": True, "ready": False, "sid": None}, "n3 leading synced=yes ready=no sid=-"),
        ({"why": "no quorum"}, 'n3 leading why="no quorum"'),
        ({"why": ""}, 'n3 leading why=""'),
        ({"why": 'a"b', "path": "/é"}, 'n3 leading why="a\\"b" path=/é'),
        ({"why": "a\nb"}, 'n3 leading why="a\\nb"'),
        ({"sids": (1, 2), "none": ()}, "n3 leading sids=1,2 none=-"),
    ],
)
def test_a_line_for_people(detail: dict[str, Detail], text: str) -> None:
    assert said(detail) == text


def test_a_line_that_a_kill_has_torn_is_not_continued(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    for _ in range(2):
        journal = Journal(3, events=file, lines=io.StringIO())
        journal.note("looking", {})
        journal.close()
    file.write_bytes(file.read_bytes()[:-5])
    journal = Journal(3, events=file, lines=io.StringIO())
    journal.note("started", {})
    journal.close()
    first, torn, last = file.read_text(encoding="ascii").splitlines()
    assert (json.loads(first)["event"], json.loads(last)["event"]) == ("looking", "started")
    assert not torn.endswith("}")


# Not the names that are ours: what becomes of those has a test of its own.
details = st.dictionaries(
    st.text(max_size=8).filter(
        lambda key: key.rstrip("_") not in ("ms", "mono_ns", "node", "event")
    ),
    st.integers() | st.text() | st.booleans() | st.none() | st.lists(st.integers()).map(tuple),
    max_size=4,
)


@settings(deadline=None)
@given(event=st.text(max_size=9), detail=details)
def test_a_record_is_json_whatever_the_facts(
    event: str, detail: dict[str, Detail], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("events") / "events.jsonl"
    journal = Journal(3, events=file, lines=io.StringIO())
    journal.note(event, detail)
    journal.close()
    (line,) = file.read_text(encoding="ascii").splitlines()
    record = json.loads(line)
    assert record.pop("node") == 3
    assert record.pop("event") == event
    assert record.pop("ms") > 1_600_000_000_000
    assert record.pop("mono_ns") > 0
    expected = {k: list(v) if isinstance(v, tuple) else v for k, v in detail.items()}
    assert record == expected


def test_a_fact_does_not_pass_for_ours(tmp_path: Path) -> None:
    file = tmp_path / "events"
    journal = Journal(3, events=file, lines=io.StringIO())
    journal.note("vote", {"node": 2, "event": "x"})
    journal.close()
    record = json.loads(file.read_text())
    assert (record["node"], record["event"], record["node_"], record["event_"]) == (
        3, "vote", 2, "x",
    )  # fmt: skip


def test_single_transactions_go_to_the_file_only(tmp_path: Path) -> None:
    file, lines = tmp_path / "events", io.StringIO()
    journal = Journal(1, events=file, lines=lines)
    for event in (*sorted(PER_TXN), "leading"):
        journal.note(event, {"zxid": 1})
    journal.close()
    assert [json.loads(line)["event"] for line in file.read_text().splitlines()] == [
        *sorted(PER_TXN), "leading",
    ]  # fmt: skip
    assert re.findall(r"n1 (\w+)", lines.getvalue()) == ["leading"]


def test_chat_is_for_the_curious() -> None:
    quiet, curious = io.StringIO(), io.StringIO()
    Journal(1, lines=quiet).chat("accepted", {})
    Journal(1, lines=curious, verbose=True).chat("accepted", {})
    assert not quiet.getvalue()
    assert "accepted" in curious.getvalue()


def test_in_a_loop_the_lines_of_a_turn_leave_together(tmp_path: Path) -> None:
    file, lines, later = tmp_path / "events", io.StringIO(), list[Callable[[], None]]()
    journal = Journal(1, events=file, lines=lines, soon=later.append)
    journal.note("one", {})
    journal.note("two", {})
    assert not lines.getvalue()
    assert not file.read_bytes()
    (flush,) = later
    flush()
    assert len(lines.getvalue().splitlines()) == len(file.read_text().splitlines()) == 2
    journal.note("three", {})
    assert len(later) == 2
    journal.close()
    assert len(file.read_text().splitlines()) == 3


def test_records_are_appended(tmp_path: Path) -> None:
    file = tmp_path / "events"
    for _ in range(2):
        journal = Journal(1, events=file, lines=io.StringIO())
        journal.note("begun", {})
        journal.close()
    assert len(file.read_text().splitlines()) == 2


def test_a_reader_who_left_stops_nobody(tmp_path: Path) -> None:
    class Gone:
        def write(self, text: str) -> None:
            raise BrokenPipeError

        def flush(self) -> None:
            raise AssertionError("nothing was written")

    file = tmp_path / "events"
    journal = Journal(1, events=file, lines=Gone())
    journal.note("one", {})
    journal.note("two", {})
    journal.close()
    assert len(file.read_text().splitlines()) == 2
