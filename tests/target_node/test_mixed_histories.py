"""How does a server of one kind come to the history of a leader of the other?"""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from tests.target_node.mixed import (
    APACHES,
    OURS,
    SNAPSHOTS_OFTEN,
    Mixed,
    both,
    fill,
    grow,
    mixed,
    wait_until,
)

prove = pytest.mark.prove


@pytest.mark.parametrize("kinds", both())
def test_late_by_diff(tmp_path: Path, kinds: str) -> None:
    """Behind by a few: of both kinds, and of the other kind than the leader's."""
    with mixed(tmp_path, kinds, 3, 2, 1) as e:
        client = e.client(3)
        fill(client, "/before", 20)
        for late in (1, 2):
            e.members[late].stop()
            fill(client, f"/without-{late}", 20)
            e.turn_over()
            e.members[late].start()
            e.wait_until_serving()
            assert came_by(e, late, "DIFF")
        e.assert_equal_trees()


@pytest.mark.parametrize("wiped", [False, pytest.param(True, marks=prove)])
@pytest.mark.parametrize("kinds", both("oaa", "aoo"))
def test_late_by_snapshot(tmp_path: Path, kinds: str, wiped: bool) -> None:
    """Behind by more than the leader's log has, and with nothing at all."""
    with mixed(tmp_path, kinds, 3, 2, 1, more=SNAPSHOTS_OFTEN) as e:
        client = e.client(3)
        grow(client)
        fill(client, "/before", 20)
        e.members[1].stop()
        for part in range(8):  # each long enough for a snapshot, and the oldest are purged
            fill(client, f"/without-{part}", 150)
        if wiped:
            shutil.rmtree(e.members[1].directory / "data" / "version-2")
        e.turn_over()
        e.members[1].start()
        e.wait_until_serving()
        assert came_by(e, 1, "SNAP")
        fill(client, "/after", 20)
        e.assert_equal_trees()
        # It is in its own files too, whoever leads next.
        e.members[1].stop()
        e.members[1].start()
        e.wait_until_serving()
        e.assert_equal_trees()


@pytest.mark.parametrize("kinds", both("ooa", "aao"))
def test_late_by_truncation(tmp_path: Path, kinds: str) -> None:
    """A leader has logged what nobody else has heard of, and comes back to another's epoch."""
    with mixed(tmp_path, kinds, 3, 2, 1) as e:
        old = e.leader()
        assert old is not None
        others = [sid for sid in e.members if sid != old.sid]
        client = e.client(old.sid)
        fill(client, "/before", 20)
        for sid in others:
            e.members[sid].signal(signal.SIGSTOP)
        client.create_async("/lost", b"nobody else has this")
        wait_until(lambda: is_logged(old.directory, b"nobody else has this"))
        for one in e.members.values():
            one.stop()
        e.drop(client)
        e.start_in_order(*reversed(others))
        e.turn_over()
        old.start()
        e.wait_until_serving()
        assert came_by(e, old.sid, "TRUNC")
        client = e.client(old.sid)
        assert client.exists("/lost") is None
        fill(client, "/after", 20)
        e.assert_equal_trees()


@pytest.mark.parametrize(
    ("kinds", "turns"),
    [("aoo", 1), *(pytest.param(one, 2, marks=prove) for one in ("ooa", "aao", "oaa", "aoo"))],
)
def test_directories_change_hands(tmp_path: Path, kinds: str, turns: int) -> None:
    """What one kind has written, logs and snapshots, the other starts with; there and back."""
    with mixed(tmp_path, kinds, 3, 2, 1, more=SNAPSHOTS_OFTEN) as e:
        client = e.client(3)
        grow(client)
        fill(client, "/before", 300)
        e.leave(client)
        for turn in range(turns):
            before = e.tree(1)
            for sid, one in e.members.items():
                one.stop()
                e.become(sid, APACHES if e.is_ours(sid) else OURS)
            e.start_in_order(3, 2, 1)
            assert e.tree(1) == before
            fill(client := e.client(2), f"/after-{turn}", 150)
            e.leave(client)
            e.assert_equal_trees()


def is_logged(directory: Path, data: bytes) -> bool:
    logs = (directory / "data" / "version-2").glob("log.*")
    return any(data in log.read_bytes() for log in logs)


def came_by(e: Mixed, late: int, way: str) -> bool:
    """Whether this was how it came to a leader's history, if one of ours was a party to it.

    On a machine that is busy it may have lost its leader since, and come back by another way.
    """
    ways: list[str] = []
    for sid in filter(e.is_ours, e.members):
        for line in e.noted(sid, " synchronising ") + e.noted(sid, " truncated "):
            if sid == late and "truncated" in line:
                ways.append("TRUNC")
            elif f" learner={late} " in line or (sid == late and " leader=" in line):
                ways.append(line.partition("by=")[2].split()[0])
    return way in ways or not ways
