"""Is a verdict right where a history leaves the beaten track?"""

import importlib
import pickle
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any, TypeVar

import pytest

from checker.certificate import complaint
from checker.check import Ask, check
from checker.formats import jsonl
from checker.history import History, Op
from checker.model import NOTHING, Access
from checker.models.counter import Add as Plus
from checker.models.counter import Read as Sum
from checker.models.kv import Get, Put
from checker.models.mutex import Release
from checker.models.register import MISMATCH, Cas, CasRegister, Read, Write
from checker.models.set import Add, ListAll
from checker.outcome import ANYTHING, DONE, Failed, Ok, Outcome, Refused
from checker.verdict import Verdict
from tests.checker.oracle import is_linearizable, model_of

T = TypeVar("T")


def op(
    process: int,
    call: Any,
    outcome: Outcome[Any],
    called: int,
    returned: int | None,
    key: Any = None,
) -> Op[Any, Any]:
    return Op(
        process=process,
        call=call,
        outcome=outcome,
        called_ns=called,
        returned_ns=returned,
        key=key,
    )


class Posted(Executor):
    """Another process, as far as what it is given and what it answers are only copies."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        task, given, named = pickle.loads(pickle.dumps((fn, args, kwargs)))
        answer: Future[T] = Future()
        answer.set_result(pickle.loads(pickle.dumps(task(*given, **named))))
        return answer


@pytest.mark.parametrize("one", [DONE, ANYTHING, NOTHING])
def test_what_there_is_one_of_stays_one_in_another_process(one: object) -> None:
    assert pickle.loads(pickle.dumps(one)) is one


def test_other_processes_judge_as_this_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    check_module = importlib.import_module("checker.check")  # `checker.check` is the function
    monkeypatch.setattr(check_module, "ALONE_S", -1.0)
    monkeypatch.setattr(check_module, "BATCH", 3)
    ops = []
    for key in range(5):
        seen = frozenset([1]) if key % 2 else frozenset()
        ops += [
            op(key, Add(1), Ok(DONE), 10 * key, 10 * key + 2, key),
            op(key, ListAll(), Ok(seen), 10 * key + 3, 10 * key + 4, key),
        ]
    history = History.of(ops)
    model = model_of("set")
    shared = check(history, model, executor=Posted)
    alone = check(history, model)
    assert [(part.key, part.verdict, part.stuck) for part in shared.parts] == [
        (part.key, part.verdict, part.stuck) for part in alone.parts
    ]
    assert [part.verdict is Verdict.VALID for part in shared.parts] == [
        bool(key % 2) for key in range(5)
    ]


def test_a_return_at_any_time_is_a_return() -> None:
    # -1 once stood for "no return".
    for shift in (-20, -4, -2, 0):
        ops = [
            op(0, Write(1), Ok(DONE), shift, shift + 1),
            op(1, Read(), Ok(None), shift + 2, shift + 3),
        ]
        assert not is_linearizable(ops, model_of("register"))
        assert check(History.of(ops), model_of("register")).verdict is Verdict.INVALID


def test_what_failed_at_no_known_time_has_no_effect_in_a_file_either(tmp_path: Path) -> None:
    ops = [
        op(0, Plus(1), Failed("it never left"), 1, None),
        op(1, Sum(), Ok(1), 2, 3),
    ]
    model = model_of("counter")
    assert check(History.of(ops), model).verdict is Verdict.INVALID
    jsonl.write(tmp_path / "history.jsonl", History.of(ops), model)
    read = jsonl.read(tmp_path / "history.jsonl", model)
    assert check(read, model).verdict is Verdict.INVALID


class PutUnless(CasRegister):
    """Its `Cas(old, new)` is the other way round: it puts `new` unless the cell holds `old`."""

    name = "put-unless"

    def apply(self, state: Any, call: Any) -> tuple[Any, Any]:
        return (state, MISMATCH) if state == call.old else (call.new, DONE)

    def observes_only(self, call: Any, result: Any) -> bool:
        return bool(result == MISMATCH)

    def access(self, call: Any, result: Any) -> Access:
        if result == MISMATCH:
            return Access(needs=call.old)
        return Access(lacks=call.old, puts=call.new)


def test_a_call_that_lacks_one_value_and_puts_another_is_no_plain_write() -> None:
    ops = [
        op(0, Cas(9, 1), Ok(DONE), 0, 1),
        op(1, Cas(1, 2), Ok(DONE), 2, 3),
    ]
    assert not is_linearizable(ops, PutUnless())
    assert check(History.of(ops), PutUnless()).verdict is Verdict.INVALID
    assert check(History.of(ops[:1]), PutUnless()).verdict is Verdict.VALID


@pytest.mark.parametrize(
    ("name", "call", "answer"),
    [
        ("cas-register", Cas(None, 1), Refused("no node")),
        ("cas-register", Write(1), Refused("no node")),
        ("zookeeper", Cas(None, 1), Refused("no node")),
        ("kv", Put("1"), Refused("no space")),
        ("mutex", Release(), Refused("held")),
    ],
)
def test_an_answer_that_the_model_never_gives_is_illegal(name: str, call: Any, answer: Any) -> None:
    ops = [op(0, call, Ok(answer), 0, 1)]
    assert not is_linearizable(ops, model_of(name))
    assert check(History.of(ops), model_of(name)).verdict is Verdict.INVALID


@pytest.mark.parametrize("shortcuts", [True, False])
def test_a_write_of_the_standing_value_must_be_tried(shortcuts: bool) -> None:
    # Only in front of the compare-and-set is there a place for the second write.
    ops = [
        op(0, Write(1), Ok(DONE), 0, 1),
        op(1, Write(1), Ok(DONE), 2, 9),
        op(2, Cas(1, 2), Ok(DONE), 3, 4),
        op(3, Read(), Ok(2), 10, 11),
    ]
    model = model_of("cas-register")
    assert is_linearizable(ops, model)
    assert check(History.of(ops), model, ask=Ask(shortcuts=shortcuts)).verdict is Verdict.VALID


def test_the_evidence_of_a_refutation_is_a_legal_beginning() -> None:
    # Of the calls that have begun, some return after the last call of the refutation has.
    ops = [
        op(0, Put("a"), Ok(DONE), 1, 11),
        op(1, Put("b"), Ok(DONE), 2, 4),
        op(2, Get(), Ok("b"), 6, 8),
        op(3, Get(), Ok(None), 6, 8),
    ]
    model = model_of("kv")
    judged = check(History.of(ops), model, ask=Ask(order=True))
    stuck = judged.parts[0].stuck
    assert judged.verdict is Verdict.INVALID
    assert stuck is not None
    for prefix in stuck.prefixes:
        assert 1 in prefix.order
        begun = [ops[row] for row in prefix.order]
        assert complaint(begun, model, range(len(begun))) == ""
