"""Does a tree that no snapshot was read into insist on what only a replay may mend?"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from target_node.state.tree import Tree
from target_node.wire.codes import OpCode
from target_node.wire.data import OPEN_ACL_UNSAFE
from target_node.wire.txn import (
    CloseSessionTxn,
    CreateSessionTxn,
    CreateTxn,
    DeleteTxn,
    SetDataTxn,
    TxnBody,
    TxnHeader,
)

ALICE, NOBODY = 1, 2


@dataclass(frozen=True, slots=True)
class Step:
    type: OpCode
    body: TxnBody
    session: int = ALICE


def create(path: str, cversion: int, session: int = ALICE, *, ephemeral: bool = False) -> Step:
    body = CreateTxn(path, b"", OPEN_ACL_UNSAFE, ephemeral, cversion)
    return Step(OpCode.CREATE, body, session)


STEPS = (
    Step(OpCode.CREATE_SESSION, CreateSessionTxn(5000)),
    create("/a", 1),
    create("/a/b", 1, ephemeral=True),
    Step(OpCode.SET_DATA, SetDataTxn("/a", b"x", 1)),
)
WRONG = {
    "what is created was not there": create("/a", 2),
    "an ephemeral's session is open": create("/e", 2, NOBODY, ephemeral=True),
    "cversions count the creates": create("/c", 7),
    "versions count the writes": Step(OpCode.SET_DATA, SetDataTxn("/a", b"x", 3)),
    "what is deleted has no children": Step(OpCode.DELETE, DeleteTxn("/a")),
    "NO_NODE for what was let pass": Step(OpCode.DELETE, DeleteTxn("/missing")),
}


def apply(tree: Tree, *steps: Step) -> None:
    for step in steps:
        zxid = tree.last_zxid + 1
        tree.apply(TxnHeader(step.session, 0, zxid, 0, step.type), step.body)


@pytest.mark.parametrize("promise", WRONG)
def test_an_exact_tree_insists(promise: str) -> None:
    tree = Tree()
    apply(tree, *STEPS)
    with pytest.raises(AssertionError, match=promise):
        apply(tree, WRONG[promise])


@pytest.mark.parametrize("promise", WRONG)
def test_another_may_be_blurred(promise: str) -> None:
    tree = Tree()
    apply(tree, *STEPS)
    tree.exact = False
    apply(tree, WRONG[promise])


def test_no_ephemeral_outlives_its_session() -> None:
    tree = Tree()
    apply(tree, *STEPS, Step(OpCode.CLOSE_SESSION, CloseSessionTxn(())))
    assert not tree.all_ephemerals()
    apply(tree, *STEPS[:1], create("/f", 2, ephemeral=True))
    tree._owners.of_session[ALICE]["/f"] = None
    tree._delete = lambda *_: None  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match="no ephemeral outlives its session"):
        apply(tree, Step(OpCode.CLOSE_SESSION, CloseSessionTxn(())))
