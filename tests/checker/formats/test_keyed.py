from pathlib import Path
from typing import Any

import pytest

from checker.formats.detect import read_history
from checker.formats.event import HistoryError
from checker.history import History
from checker.models.multi_register import Get, Txn
from checker.models.mutex import Acquire
from checker.models.register import Cas, Read, Write
from checker.outcome import DONE, Ok


def read(tmp_path: Path, *calls: tuple[str, str, str], keyed: bool | None = None) -> History:
    """The history of these (f, value called with, value answered), one after another."""
    path = tmp_path / "history.edn"
    path.write_text(
        "".join(
            f"{{:process 0 :type :invoke :f :{f} :value {called}}}\n"
            f"{{:process 0 :type :ok :f :{f} :value {answered}}}\n"
            for f, called, answered in calls
        )
    )
    return read_history(path, keyed=keyed)[0]


def told(history: History) -> list[tuple[Any, Any]]:
    return [(op.key, op.call) for op in history]


def test_a_read_tells(tmp_path: Path) -> None:
    history = read(tmp_path, ("write", "[5 1]", "[5 1]"), ("read", "[:k nil]", "[:k 1]"))
    assert told(history) == [(5, Write(1)), (":k", Read())]
    assert history[1].outcome == Ok(1)


def test_pairs_are_values_where_a_read_is_called_with_nil(tmp_path: Path) -> None:
    history = read(tmp_path, ("write", "[5 1]", "[5 1]"), ("read", "nil", "[5 1]"))
    assert told(history) == [(None, Write((5, 1))), (None, Read())]
    assert history[1].outcome == Ok((5, 1))


def test_cas_and_txn_tell_where_no_read_does(tmp_path: Path) -> None:
    assert told(read(tmp_path, ("cas", "[1 2]", "[1 2]"))) == [(None, Cas(1, 2))]
    assert told(read(tmp_path, ("cas", "[9 [1 2]]", "[9 [1 2]]"))) == [(9, Cas(1, 2))]
    steps = "[[:r :x nil] [:r :y nil]]"
    assert told(read(tmp_path, ("txn", steps, steps))) == [(None, Txn((Get("x"), Get("y"))))]
    assert told(read(tmp_path, ("txn", f"[9 {steps}]", f"[9 {steps}]"))) == [
        (9, Txn((Get("x"), Get("y"))))
    ]


def test_tagged_tuples(tmp_path: Path) -> None:
    tag = "#jepsen.independent.Tuple"
    history = read(tmp_path, ("write", f"{tag}[5 1]", f"{tag}{{:key 5 :value 1}}"))
    assert told(history) == [(5, Write(1))]
    assert history[0].outcome == Ok(DONE)


def test_locks_have_keys_too(tmp_path: Path) -> None:
    assert told(read(tmp_path, ("acquire", "[1 nil]", "[1 nil]"))) == [(1, Acquire())]


def test_the_word_of_the_user_counts(tmp_path: Path) -> None:
    calls = [("write", "[5 1]", "[5 1]")]
    assert told(read(tmp_path, *calls)) == [(None, Write((5, 1)))]
    assert told(read(tmp_path, *calls, keyed=True)) == [(5, Write(1))]
    assert told(read(tmp_path, ("read", "[5 nil]", "1"), keyed=False)) == [(None, Read())]


def test_refuses_what_is_no_pair_among_pairs(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r":3: the value of this write is no pair .*--no-keyed"):
        read(tmp_path, ("read", "[5 nil]", "[5 1]"), ("write", "1", "1"))


def test_refuses_an_answer_for_another_key(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=":2: the read of key 5 completes with key 6"):
        read(tmp_path, ("read", "[5 nil]", "[6 1]"))
