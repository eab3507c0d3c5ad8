"""A leader's history, written down by a script, and what it plans for learners."""

from __future__ import annotations

from collections.abc import Sequence

from target_node.durable.scan import Txn
from target_node.protocol.plan import Diff, Plan, Snap, Stretch, Trunc, plan
from tests.target_node.protocol.script import options, shown, zxid


class LeadersHistory:
    """`committed` is in memory, each `logged` a part of the disk without holes."""

    def __init__(self) -> None:
        self.committed = Stretch(0, 0)
        self.logged: list[Stretch] = []
        self.last = 0

    def do(self, command: str, words: Sequence[str]) -> Sequence[str]:
        match command:
            case "committed":
                self.committed = self.stretch(words)
                self.logged = []
                self.last = self.committed.until
            case "logged":
                self.logged.append(self.stretch(words))
            case "last":
                self.last = zxid(words[0])
            case "learner":
                return [show(plan(zxid(words[0]), self.committed, self.logged, self.last))]
            case _:
                raise AssertionError(command)
        return ()

    def stretch(self, words: Sequence[str]) -> Stretch:
        given = options(words)
        txns = tuple(Txn(zxid(word), b"") for word in words if "=" not in word)
        after = zxid(given["after"])
        last = txns[-1].zxid if txns else after
        return Stretch(after, zxid(given["until"]) if "until" in given else last, txns)


def show(decided: Plan) -> str:
    match decided:
        case Diff(to, txns):
            return " ".join(["DIFF", shown(to), *(shown(txn.zxid) for txn in txns)])
        case Trunc(to, txns):
            return " ".join(["TRUNC", shown(to), *(shown(txn.zxid) for txn in txns)])
        case Snap(to):
            return f"SNAP {shown(to)}"
