"""What does ZooKeeper's contract forbid, trap by trap, and in which words do we say so?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checker.contract import check_contract, flaw
from checker.formats import jsonl
from checker.history import History, Op
from checker.models import named
from checker.models.register import MISMATCH, Cas, Read, Write
from checker.models.zookeeper import LocalRead, ZooKeeperRegister
from checker.outcome import DONE, Failed, Ok, Unknown
from checker.verdict import PartVerdict, Verdict

AnyOp = Op[Any, Any]
SECOND = 1_000_000_000


def op(
    process: int, call: Any, answer: Any, start: float, end: float, key: str = "r1", **told: Any
) -> AnyOp:
    """A call with this answer, or outcome, from one second to another."""
    outcome = answer if isinstance(answer, Unknown | Failed) else Ok(answer)
    return Op(
        process=process,
        call=call,
        outcome=outcome,
        key=key,
        called_ns=int(start * SECOND),
        returned_ns=int(end * SECOND),
        **told,
    )


def write(p: int, value: Any, start: float, end: float, key: str = "r1", **told: Any) -> AnyOp:
    return op(p, Write(value), DONE, start, end, key, **told)


def local(p: int, value: Any, start: float, end: float, key: str = "r1", **told: Any) -> AnyOp:
    return op(p, LocalRead(), value, start, end, key, **told)


def synced(p: int, value: Any, start: float, end: float, key: str = "r1", **told: Any) -> AnyOp:
    return op(p, Read(), value, start, end, key, **told)


def lost(p: int, call: Any, start: float, key: str = "r1") -> AnyOp:
    return op(p, call, Unknown("connection lost"), start, start + 1, key)


def judged(*ops: AnyOp) -> PartVerdict:
    return check_contract(History.of(ops), certify=True)


def valid(*ops: AnyOp) -> PartVerdict:
    verdict = judged(*ops)
    assert verdict.verdict is Verdict.VALID, verdict.because
    return verdict


def invalid(*ops: AnyOp) -> str:
    verdict = judged(*ops)
    assert verdict.verdict is Verdict.INVALID
    assert verdict.refutation
    return verdict.because


def stamped(ops: list[AnyOp], stamps: dict[tuple[str, Any], int]) -> list[AnyOp]:
    """The same calls, told the mzxid of the value they wrote or saw."""
    values = [
        one.call.value if isinstance(one.call, Write) else getattr(one.outcome, "result", None)
        for one in ops
    ]
    return [
        one if value is None else Op(**_fields(one) | {"mzxid": stamps[str(one.key), value]})
        for one, value in zip(ops, values, strict=True)
    ]


def _fields(one: AnyOp) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}


def both_ways(
    make: Callable[[], tuple[list[AnyOp], dict[tuple[str, Any], int]]],
) -> pytest.MarkDecorator:
    """The calls as they are, and with mzxids."""
    ops, stamps = make()
    return pytest.mark.parametrize(
        "ops", [pytest.param(ops, id="bare"), pytest.param(stamped(ops, stamps), id="mzxids")]
    )


def _stale() -> tuple[list[AnyOp], dict[tuple[str, Any], int]]:
    ops = [write(1, 4, 0, 1), write(1, 7, 2, 3), local(2, 4, 4, 5)]
    return ops, {("r1", 4): 10, ("r1", 7): 11}


@both_ways(_stale)
def test_a_local_read_may_be_stale(ops: list[AnyOp]) -> None:
    assert valid(*ops).order == (0, 2, 1)


@both_ways(_stale)
def test_a_linearizable_read_may_not(ops: list[AnyOp]) -> None:
    late = Op(**_fields(ops[2]) | {"call": Read()})
    assert invalid(*ops[:2], late) == (
        "p2 read 4 from r1 by a linearizable read at 5.000 s, "
        "though p1 wrote 7 to r1 at 3.000 s, before the read began"
    )


@both_ways(_stale)
def test_a_session_may_not_go_back(ops: list[AnyOp]) -> None:
    newer = Op(**_fields(ops[1]) | {"process": 2, "call": LocalRead(), "outcome": Ok(7)})
    ours = [Op(**_fields(one) | {"session": 3}) for one in (newer, ops[2])]
    assert invalid(ops[0], Op(**_fields(ops[1]) | {"returned_ns": 9 * SECOND}), *ours) == (
        "session 3 read 4 from r1 at 5.000 s, though it had already read 7, which was written later"
    )


@both_ways(_stale)
def test_a_new_session_of_the_same_process_may_go_back(ops: list[AnyOp]) -> None:
    newer = Op(**_fields(ops[2]) | {"session": 3, "outcome": Ok(7), "mzxid": ops[1].mzxid})
    older = Op(
        **_fields(ops[2]) | {"session": 4, "called_ns": 6 * SECOND, "returned_ns": 7 * SECOND}
    )
    valid(ops[0], ops[1], newer, older)


@both_ways(_stale)
def test_a_session_sees_its_own_writes(ops: list[AnyOp]) -> None:
    mine = [Op(**_fields(one) | {"process": 1}) for one in ops]
    assert "though it had itself already put 7 there" in invalid(*mine)


def _early() -> tuple[list[AnyOp], dict[tuple[str, Any], int]]:
    return [local(2, 4, 0, 0.5), write(1, 4, 1, 2)], {("r1", 4): 10}


@both_ways(_early)
def test_no_read_is_early(ops: list[AnyOp]) -> None:
    assert invalid(*ops) == "p2 read 4 from r1 at 0.500 s before anybody began to write it"


@both_ways(_early)
def test_equal_times_are_concurrent(ops: list[AnyOp]) -> None:
    valid(Op(**_fields(ops[0]) | {"returned_ns": SECOND}), ops[1])


def test_early_shows_through_another_key() -> None:
    """Fine for each key alone: the write of y began after a read that saw what follows it."""
    ops = [
        write(1, 1, 0, 9, "x", mzxid=12),
        local(2, 1, 1, 2, "x", mzxid=12),
        write(3, 1, 3, 4, "y", mzxid=11),
    ]
    assert "with mzxid 11, though before it began p2 read 1 from x" in invalid(*ops)


def _crossed() -> tuple[list[AnyOp], dict[tuple[str, Any], int]]:
    ops = [
        write(1, 1, 0, 9, "x"),
        write(2, 1, 0, 9, "y"),
        local(3, 1, 1, 2, "x"),
        local(3, None, 3, 4, "y"),
        local(4, 1, 1, 2, "y"),
        local(4, None, 3, 4, "x"),
    ]
    return ops, {("x", 1): 10, ("y", 1): 11}


@both_ways(_crossed)
def test_two_sessions_may_not_see_two_writes_in_two_orders(ops: list[AnyOp]) -> None:
    because = invalid(*ops)
    assert "read nothing from x" in because
    valid(*ops[:5])
    for key in ("x", "y"):
        valid(*[one for one in ops if one.key == key])


def test_without_mzxids_the_evidence_is_the_calls_that_clash() -> None:
    ops, _ = _crossed()
    more = [write(5, n, n, n + 0.5, "z") for n in range(2, 8)]
    verdict = judged(*ops, *more)
    told = [History.of([*ops, *more])[row] for row in verdict.refutation]
    assert {one.process for one in told} == {3, 4}
    assert verdict.because.startswith("no single order of all calls has room for these together: ")
    assert verdict.stuck is not None


@pytest.mark.parametrize("first", [1, 2])
def test_concurrent_writes_take_either_order(first: int) -> None:
    valid(write(1, 1, 0, 5), write(2, 2, 0, 5), local(3, first, 6, 7), local(3, 3 - first, 8, 9))


def test_a_refusal_is_linearizable() -> None:
    set_up = [write(1, 4, 0, 1), write(1, 7, 2, 3)]
    valid(*set_up, op(2, Cas(4, 5), MISMATCH, 4, 5))
    invalid(*set_up, op(2, Cas(7, 5), MISMATCH, 4, 5))
    told = [write(1, 4, 0, 1, mzxid=10), write(1, 7, 2, 3, mzxid=11)]
    because = invalid(*told, op(2, Cas(7, 5), MISMATCH, 4, 5))
    assert because == (
        "p2 was refused a change from 7 in r1 at 5.000 s, though 7 is what stood there by then, "
        "and nothing else ever after"
    )


def test_a_read_before_a_write_began_is_before_it_even_if_it_is_local() -> None:
    valid(write(1, 4, 0, 1), local(2, None, 2, 3))
    invalid(synced(3, 4, 0, 3), local(3, 4, 4, 5), write(1, 4, 6, 7))


def test_a_crashed_write_may_have_happened_or_not() -> None:
    crashed = lost(1, Write(4), 0)
    valid(crashed)
    valid(crashed, synced(2, None, 5, 6), synced(2, 4, 7, 8))
    invalid(crashed, synced(2, 4, 5, 6), synced(2, None, 7, 8))
    invalid(lost(1, Write(4), 5), local(2, 4, 1, 2))
    assert invalid(lost(1, Cas(3, 4), 0), lost(2, Cas(4, 3), 0), local(3, 4, 2, 3)) == (
        "p3 read 4 from r1 at 3.000 s, and no order of all calls makes that possible"
    )
    assert invalid(op(1, Write(4), Failed("refused"), 0, 1), local(2, 4, 2, 3)) == (
        "p2 read 4 from r1 at 3.000 s, a value that nobody wrote there"
    )


def test_one_crashed_write_happens_but_once() -> None:
    seen = [
        write(2, 5, 2, 3, mzxid=12),
        local(3, 4, 1, 4, mzxid=10),
        local(3, 4, 5, 6, mzxid=14),
    ]
    invalid(lost(1, Write(4), 0), *seen)
    valid(lost(1, Write(4), 0), lost(4, Write(4), 0), *seen)
    because = invalid(lost(1, Write(4), 0), *seen, lost(4, Write(4), 7))
    assert "accounted for elsewhere, or came too late" in because


def test_a_crashed_write_that_nobody_read_may_explain_a_refusal() -> None:
    ops = [write(1, 4, 0, 1, mzxid=10), op(2, Cas(4, 5), MISMATCH, 2, 3)]
    invalid(*ops)
    assert valid(lost(3, Write(6), 0), *ops).method == "search"
    invalid(lost(3, Write(6), 4), *ops)
    invalid(lost(3, Write(6), 0), *ops, synced(1, 4, 4, 5, mzxid=10))


def test_the_crashed_write_that_explains_a_refusal_must_not_be_missing_later() -> None:
    lost_writes = [lost(3, Write(6), 0), lost(4, Write(7), 0)]
    lost_writes += [lost(5, Cas(9, 6), 0), lost(6, Cas(9, 7), 0)]  # in vain: nobody wrote 9
    ops = [write(1, 4, 0, 1), op(2, Cas(4, 5), MISMATCH, 2, 3), write(1, 5, 4, 5)]
    valid(*lost_writes, *ops, synced(2, 6, 6, 7))
    valid(*lost_writes, *ops, synced(2, 7, 6, 7))
    invalid(*lost_writes, *ops, synced(2, 6, 6, 7), synced(2, 7, 8, 9))


def test_the_first_guess_at_who_wrote_a_value_may_be_wrong() -> None:
    """The compare-and-set fits the value read last, but only it explains the early refusal."""
    valid(
        write(1, 4, 0, 1, mzxid=10),
        lost(3, Cas(4, 6), 0),
        op(2, Cas(4, 5), MISMATCH, 2, 3),
        write(1, 4, 4, 5, mzxid=20),
        lost(4, Write(6), 5.5),
        synced(2, 6, 7, 8, mzxid=30),
    )


def test_mzxids_and_versions_must_agree() -> None:
    invalid(write(1, 4, 0, 1, mzxid=10), write(2, 5, 0, 1, mzxid=10))
    invalid(write(1, 4, 0, 1, mzxid=10), write(2, 4, 0, 1, mzxid=10))
    invalid(write(1, 4, 0, 1, mzxid=10), local(2, 5, 2, 3, mzxid=10))
    invalid(write(1, 4, 0, 9, mzxid=11), write(2, 5, 1, 2, mzxid=9), write(2, 6, 3, 4, mzxid=8))
    invalid(write(1, 4, 0, 1, mzxid=10, version=0), local(2, 4, 2, 3, mzxid=10, version=1))
    invalid(write(1, 4, 0, 1, mzxid=10, version=1), write(1, 5, 2, 3, mzxid=11, version=1))
    valid(write(1, 4, 0, 1, mzxid=10, version=0), write(1, 5, 2, 3, mzxid=11, version=1))


def test_calls_of_one_process_are_in_order_on_a_coarse_clock() -> None:
    invalid(write(1, 4, 0, 0), local(2, 4, 0, 0), local(2, None, 0, 0))
    valid(write(1, 4, 0, 0), local(2, 4, 0, 0), local(3, None, 0, 0))


def test_a_search_out_of_steps_is_inconclusive_and_says_how_far_it_got() -> None:
    ops, _ = _crossed()
    verdict = check_contract(History.of(ops), max_steps=0)
    assert verdict.verdict is Verdict.INCONCLUSIVE
    assert "of 6 calls" in verdict.because
    assert verdict.reached < 1


def test_other_objects_are_turned_away() -> None:
    with pytest.raises(ValueError, match="reads, local reads, writes and compare-and-sets"):
        judged(op(1, "enqueue", DONE, 0, 1))
    with pytest.raises(ValueError, match="makes two calls at once"):
        judged(write(1, 4, 0, 5), write(1, 5, 1, 2))


def test_certificates_are_not_taken_on_trust() -> None:
    ops, _ = _stale()
    history = History.of(ops)
    assert flaw(history, (0, 2, 1)) is None
    assert flaw(history, (0, 1, 2)) == "row 2 read 4 where 7 stood"
    assert flaw(history, (1, 0, 2)) == "row 1 stands before a call that had returned when it began"
    assert flaw(history, (0, 2)) == "row 1 is missing"


def test_local_reads_survive_the_file(tmp_path: Path) -> None:
    path, model = tmp_path / "history.jsonl", named("zookeeper")
    ops = [write(1, 4, 0, 1, mzxid=10), local(2, 4, 2, 3, mzxid=10), synced(2, 4, 4, 5, mzxid=10)]
    jsonl.write(path, History.of(ops), model)
    assert [one.call for one in jsonl.read(path, model)] == [Write(4), LocalRead(), Read()]
    assert '"f":"local-read"' in path.read_text()
    assert ZooKeeperRegister().tell(LocalRead(), 4) == "read 4 locally"
    with pytest.raises(ValueError, match="it knows read, local-read, write, cas"):
        model.read_call("enqueue", 1)
