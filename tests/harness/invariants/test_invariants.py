"""Is every promise that is broken found, and none that is kept?"""

from __future__ import annotations

import ast
import inspect
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from harness import invariants
from harness.invariants import Event, Promise, broken, many_nodes, one_node, read
from harness.invariants.promises import Violation
from tests.harness.invariants.logs import KEPT, changed, log, without
from tests.target_node.ensemble import ensemble
from tests.target_node.raw_client import RawClient

BROKEN: list[tuple[str, Promise, list[Event]]] = [
    (
        "two nodes lead an epoch",
        Promise.ONE_LEADER,
        changed(
            "1 serving role=follower epoch=1 leader=3",
            "1 serving role=follower epoch=1 leader=3",
            "1 established epoch=1 zxid=0.0 acks=3,1 voters=1,2,3 weights=1,1,1",
        ),
    ),
    (
        "epochs go back across a restart",
        Promise.EPOCHS_RISE,
        log([*KEPT, "2 started zxid=1.2 accepted_epoch=2 current_epoch=1"]),
    ),
    (
        "the log is ahead of the epochs",
        Promise.EPOCHS_RISE,
        changed(
            "3 started zxid=1.3 accepted_epoch=1 current_epoch=1",
            "3 started zxid=7.3 accepted_epoch=1 current_epoch=1",
        ),
    ),
    (
        "a txn of an epoch that was never accepted",
        Promise.EPOCHS_RISE,
        changed("1 durable zxid=1.2", "1 durable zxid=1.2", "1 durable zxid=7.1"),
    ),
    (
        "a smaller epoch is accepted",
        Promise.EPOCHS_RISE,
        log([*KEPT, "2 accepted_epoch epoch=1"]),
    ),
    (
        "an epoch is entered that was not accepted",
        Promise.EPOCHS_RISE,
        log([*KEPT, "2 current_epoch epoch=3"]),
    ),
    (
        "a txn is lost over a restart",
        Promise.DURABLE,
        changed(
            "3 started zxid=1.3 accepted_epoch=1 current_epoch=1",
            "3 started zxid=1.2 accepted_epoch=1 current_epoch=1",
        ),
    ),
    (
        "the epoch is entered before the history is on disk",
        Promise.HISTORY_FIRST,
        without("2 durable zxid=1.2"),
    ),
    (
        "the epoch is found entered after a crash, and not its history",
        Promise.HISTORY_FIRST,
        changed(
            "2 durable zxid=1.2",
            "2 started zxid=1.1 accepted_epoch=2 current_epoch=2",
        ),
    ),
    (
        "a leader of an epoch before the last promise is followed",
        Promise.EPOCHS_RISE,
        log([*KEPT, "2 promised leader=3 epoch=1 counts=0"]),
    ),
    (
        "an epoch that was promised before a crash is promised again",
        Promise.PROMISED_ONCE,
        changed(
            "2 promised leader=1 epoch=2 counts=1",
            "2 started zxid=0.0 accepted_epoch=2 current_epoch=0",
            "2 promised leader=1 epoch=2 counts=1",
        ),
    ),
    (
        "an epoch that was promised to one leader is promised to another",
        Promise.PROMISED_ONCE,
        changed(
            "2 promised leader=1 epoch=2 counts=1",
            "2 promised leader=3 epoch=2 counts=1",
            "2 leaving role=follower reason=gone",
            "2 looking zxid=0.0 epoch=0",
            "2 promised leader=1 epoch=2 counts=1",
        ),
    ),
    (
        "a vote for what is not on disk yet",
        Promise.VOTED,
        changed("1 looking zxid=1.2 epoch=1", "1 looking zxid=1.3 epoch=1"),
    ),
    (
        "up to date before a quorum has joined",
        Promise.QUORUM_BEFORE_SERVICE,
        changed("3 up_to_date learner=1", "1 up_to_date learner=2"),
    ),
    (
        "serves in an epoch that it has not joined",
        Promise.QUORUM_BEFORE_SERVICE,
        changed(
            "3 serving role=follower epoch=2 leader=1",
            "3 serving role=follower epoch=1 leader=3",
        ),
    ),
    (
        "a leader that sends nonsense",
        Promise.NO_BREACH,
        log([*KEPT, "2 breach leader=1 what=nonsense"]),
    ),
    (
        "a hole in what is applied",
        Promise.NO_HOLE,
        without("3 applied zxid=1.1 since=0.0 chain=a1 txn=11"),
    ),
    (
        "an epoch that does not begin with its first txn",
        Promise.NO_HOLE,
        without(
            "3 applied zxid=1.1 since=0.0 chain=a1 txn=11",
            "3 history zxid=0.0 since=0.0 chain=00 by=log",
            "3 applied zxid=2.1 since=0.0 chain=b1 txn=21",
        )
        + log(["3 applied zxid=2.2 since=0.0 chain=b2 txn=22"]),
    ),
    (
        "a proposal of an epoch that is another's",
        Promise.PROPOSED,
        log([*KEPT, "3 proposed zxid=2.3 txn=23"]),
    ),
    (
        "a hole in what is proposed",
        Promise.NO_HOLE,
        log([*KEPT, "1 proposed zxid=2.4 txn=24"]),
    ),
    (
        "another txn is applied under the same zxid",
        Promise.ONE_TXN,
        changed(
            "2 applied zxid=2.1 since=0.0 chain=b1 txn=21",
            "2 applied zxid=2.1 since=0.0 chain=b1 txn=99",
        ),
    ),
    (
        "another txn is applied than was proposed",
        Promise.PROPOSED,
        changed("1 proposed zxid=2.2 txn=22", "1 proposed zxid=2.2 txn=99"),
    ),
    (
        "another txn was proposed than had been applied, by the order of the logs",
        Promise.PROPOSED,
        without("1 proposed zxid=2.2 txn=22") + log(["1 proposed zxid=2.2 txn=99"]),
    ),
    (
        "nobody has proposed what is applied",
        Promise.PROPOSED,
        without("1 proposed zxid=2.2 txn=22"),
    ),
    (
        "another history in front of the same txn",
        Promise.ONE_HISTORY,
        changed(
            "3 applied zxid=2.1 since=0.0 chain=b1 txn=21",
            "3 applied zxid=2.1 since=0.0 chain=b9 txn=21",
        ),
    ),
    (
        "another history at the beginning of an epoch",
        Promise.ONE_HISTORY,
        changed(
            "1 history zxid=1.2 since=0.0 chain=a2 by=log",
            "1 history zxid=1.2 since=0.0 chain=a9 by=log",
        ),
    ),
    (
        "committed without a quorum",
        Promise.QUORUM_HAS_IT,
        changed("1 committed zxid=2.2 acks=1,2", "1 committed zxid=2.2 acks=1,1"),
    ),
    (
        "an ack of what was not on disk",
        Promise.QUORUM_HAS_IT,
        without("2 durable zxid=2.2"),
    ),
    (
        "established without a quorum",
        Promise.QUORUM_BEFORE_SERVICE,
        changed(
            "3 established epoch=1 zxid=0.0 acks=3,1 voters=1,2,3 weights=1,1,1",
            "3 established epoch=1 zxid=0.0 acks=3 voters=1,2,3 weights=1,1,1",
        ),
    ),
    (
        "established by the weight of who has none",
        Promise.QUORUM_BEFORE_SERVICE,
        changed(
            "3 established epoch=1 zxid=0.0 acks=3,1 voters=1,2,3 weights=1,1,1",
            "3 established epoch=1 zxid=0.0 acks=3,1 voters=1,2,3 weights=0,1,1",
        ),
    ),
    (
        "established with who never joined",
        Promise.QUORUM_BEFORE_SERVICE,
        changed(
            "1 established epoch=2 zxid=1.2 acks=1,2 voters=1,2,3 weights=1,1,1",
            "1 established epoch=2 zxid=1.2 acks=1,2,4 voters=1,2,3 weights=1,1,1",
        )
        + log(["4 started zxid=0.0 accepted_epoch=0 current_epoch=0"]),
    ),
    (
        "serves under a leader that never led",
        Promise.QUORUM_BEFORE_SERVICE,
        changed(
            "1 serving role=follower epoch=1 leader=3",
            "1 serving role=follower epoch=1 leader=2",
        ),
    ),
    (
        "a committed txn is cut off",
        Promise.NOTHING_COMMITTED_IS_CUT,
        changed("3 truncated zxid=1.2", "3 truncated zxid=1.1"),
    ),
    (
        "a committed txn is lost in a snapshot",
        Promise.NOTHING_COMMITTED_IS_CUT,
        changed("2 snapshot_installed zxid=2.1", "2 snapshot_installed zxid=1.1"),
    ),
    (
        "a leader begins without what is committed",
        Promise.WHOLE_HISTORY,
        changed("1 entering epoch=2 zxid=1.2", "1 entering epoch=2 zxid=1.1"),
    ),
]


def test_kept_promises_are_not_held_against_anybody() -> None:
    assert broken(log(KEPT)) == ()


def test_a_leader_may_have_cut_off_what_it_commits_meanwhile() -> None:
    """Its learner left it with proposals, and comes back before they are committed."""
    back = [
        "2 leaving role=follower reason=gone",
        "2 looking zxid=2.3 epoch=2",
        "2 promised leader=1 epoch=2 counts=0",
        "2 synchronising leader=1 by=TRUNC zxid=2.2",
        "1 durable zxid=2.3",
        "1 committed zxid=2.3 acks=1,3",
        "2 truncated zxid=2.2",
        "2 history zxid=2.2 since=2.1 chain=c2 by=log",
        "2 joined leader=1 zxid=2.0 last_zxid=2.2",
        "2 current_epoch epoch=2",
        "2 durable zxid=2.3",
    ]
    proposed = ["1 proposed zxid=2.3 txn=23", "2 durable zxid=2.3", "3 durable zxid=2.3"]
    assert broken(log([*KEPT, *proposed, *back])) == ()


def test_who_leaves_a_leader_may_still_be_about_to_join_its_epoch() -> None:
    late = ["3 proposed zxid=1.1 txn=11", "3 durable zxid=1.1"]
    before = KEPT[: KEPT.index(late[0])]
    lines = [*before, "2 accepted_epoch epoch=1", "2 promised leader=3 epoch=1 counts=1", *late]
    lines += ["2 synchronising leader=3 by=DIFF", "2 joined leader=3 zxid=1.0 last_zxid=1.1"]
    lines += [
        "2 leaving role=follower reason=gone",
        "2 durable zxid=1.1",
        "2 current_epoch epoch=1",
    ]
    assert broken(log(lines)) == ()


def test_who_dies_within_an_epochs_own_txns_has_joined_it() -> None:
    """A restart sees that the log is of this epoch; the leader had gone further by then."""
    lines = [
        "2 disk_lost",
        "2 started zxid=0.0 accepted_epoch=0 current_epoch=0",
        "2 accepted_epoch epoch=2",
        "2 promised leader=1 epoch=2 counts=1",
        "2 synchronising leader=1 by=DIFF",
        "2 history zxid=0.0 since=0.0 chain=00 by=log",
        "2 joined leader=1 zxid=2.0 last_zxid=2.2",
    ]
    within = "2 started zxid=2.1 accepted_epoch=2 current_epoch=2"
    before = "2 started zxid=1.2 accepted_epoch=2 current_epoch=2"
    assert broken(log([*KEPT, *lines, within])) == ()
    assert [one.promise for one in broken(log([*KEPT, *lines, before]))] == [Promise.HISTORY_FIRST]


def test_who_had_its_disk_taken_away_may_begin_anew() -> None:
    anew = "3 started zxid=0.0 accepted_epoch=0 current_epoch=0"
    assert broken(log([*KEPT, anew])) != ()
    assert broken(log([*KEPT, "3 disk_lost", anew])) == ()


def started(zxid: str) -> str:
    return f"3 started zxid={zxid} accepted_epoch=2 current_epoch=2"


def test_a_bit_that_was_flipped_may_take_the_last_txn_and_no_more() -> None:
    """Once: the next start is held to what it has by then."""
    lines = [*KEPT, "3 durable zxid=2.3", "3 durable zxid=2.4"]
    before = broken(log(lines))

    def more(*added: str) -> set[str]:
        return {one.promise for one in broken(log([*lines, *added])) if one not in before}

    assert more(started("2.4")) == set()
    assert more(started("2.3")) == {Promise.DURABLE}
    assert more("3 bit_flipped", started("2.3")) == set()
    assert more("3 bit_flipped", started("2.2")) == {Promise.DURABLE}
    assert more("3 bit_flipped", started("2.4"), started("2.3")) == {Promise.DURABLE}
    assert more("3 bit_flipped", started("2.3"), started("2.2")) == {Promise.DURABLE}
    assert more("3 bit_flipped", "3 disk_lost", started("2.4"), started("2.3")) == {Promise.DURABLE}
    assert more("2 bit_flipped", started("2.3")) == {Promise.DURABLE}


def test_the_last_txn_may_have_been_the_first_of_its_epoch() -> None:
    lines = [
        "3 started zxid=1.4 accepted_epoch=2 current_epoch=1",
        "3 durable zxid=1.5",
        "3 accepted_epoch epoch=2",
        "3 current_epoch epoch=2",
        "3 durable zxid=2.1",
        "3 bit_flipped",
    ]
    assert broken(log([*lines, started("1.5")])) == ()
    (one,) = broken(log([*lines, started("1.4")]))
    assert one.promise is Promise.DURABLE


def test_the_logs_of_the_nodes_may_come_one_after_the_other() -> None:
    assert broken(sorted(log(KEPT), key=lambda event: event.node)) == ()


@pytest.mark.parametrize(
    ("promise", "events"), [row[1:] for row in BROKEN], ids=[b[0] for b in BROKEN]
)
def test_a_broken_promise_is_found(promise: Promise, events: list[Event]) -> None:
    for order in (events, sorted(events, key=lambda event: event.node)):
        found = broken(order)
        assert promise in {one.promise for one in found}
        assert all(one.events for one in found)


def checks() -> set[tuple[str, int]]:
    """Where in the code something may be reported."""
    return {
        (module.__name__, node.lineno)
        for module in (one_node, many_nodes)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("_say", "_report")
    }


def test_each_check_is_missed_by_some_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the check, nothing else would report what that log is there for."""
    reached: set[tuple[Promise, str, int]] = set()

    def noticed(promise: Promise, sentence: str, events: tuple[Event, ...]) -> Violation:
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code.co_name in ("report", "_say"):
            frame = frame.f_back
        assert frame is not None
        reached.add((promise, frame.f_globals["__name__"], frame.f_lineno))
        return Violation(promise, sentence, events)

    monkeypatch.setattr(invariants, "Violation", noticed)
    needed: set[tuple[str, int]] = set()
    for _, promise, events in BROKEN:
        reached.clear()
        broken(events)
        places = {(module, line) for found, module, line in reached if found == promise}
        if len(places) == 1:
            needed |= places
    assert len(checks()) > 20
    assert not checks() - needed


def test_a_violation_says_what_happened() -> None:
    (violation,) = broken(without("2 durable zxid=2.2"))
    assert str(violation) == (
        "Node 2 never had 0x200000002 on disk, and counted for its commit. Yet what is committed is"
        " on the disks of a quorum.\n  n1 committed zxid=0x200000002 acks=[1, 2]"
    )


def long_log(nodes: int, txns: int) -> Iterator[Event]:
    for node in range(1, nodes + 1):
        yield Event(node, "promised", {"leader": 9, "epoch": 1, "counts": False})
        for counter in range(1, txns + 1):
            zxid = 1 << 32 | counter
            facts = {"zxid": zxid, "since": 0, "chain": f"{counter * 0x9E3779B97F4A7C15:032x}"}
            yield Event(node, "applied", {**facts, "txn": counter * 0x9E3779B1 & 0xFFFFFFFF})


def test_many_lines_take_seconds() -> None:
    since = time.process_time()
    assert broken(long_log(4, 50_000)) == ()
    assert time.process_time() - since < 60


def test_real_nodes_keep_their_promises(tmp_path: Path) -> None:
    with ensemble(tmp_path, 3) as three:
        leader = three.wait_until_serving()
        with RawClient(leader.client_port) as client:
            for number in range(50):
                client.create(f"/{number}")
        leader.stop()
        others = [sid for sid in three.members if sid != leader.sid]
        with RawClient(three.wait_until_serving(others).client_port) as client:
            client.create("/after")
        leader.start()
        three.wait_until_serving()
    events = list(read(sorted(tmp_path.glob("n*/events.jsonl"))))
    assert broken(events) == ()
    assert {event.name for event in events} >= {"applied", "established", "serving", "committed"}
