"""Crash at every single call, lose as little or as much as may be lost, recover, and compare."""

from __future__ import annotations

import errno
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.chance import Draw
from harness.sim.disk import PowerCut, SimDisk
from target_node.durable.disk import opened
from target_node.durable.names import epoch_of
from target_node.durable.operations import (
    AcceptEpoch,
    Append,
    EnterEpoch,
    InstallSnapshot,
    Operation,
    Purge,
    ReadAfter,
    TakeSnapshot,
    Truncate,
    Truncated,
    TruncateRefused,
    perform,
)
from target_node.durable.os_disk import OsDisk
from target_node.durable.recovery import recover
from target_node.durable.refusal import DiskFailed
from target_node.durable.scan import zxid_of
from target_node.durable.store import Store, open_store
from tests.target_node.durable.txns import body, history, txn

ROLL_BYTES = 300  # a few txns


@dataclass
class Promised:
    """What has been acknowledged, and what the operation under way may have made of it."""

    histories: list[list[bytes]] = field(default_factory=lambda: [[]])  # any of these
    accepted: list[int] = field(default_factory=lambda: [0])
    current: list[int] = field(default_factory=lambda: [0])

    def begin(self, operation: Operation) -> None:
        (now,) = self.histories
        match operation:
            case Append(payloads):
                self.histories = [[*now, *payloads[:n]] for n in range(len(payloads) + 1)]
            case AcceptEpoch(epoch):
                self.accepted.append(epoch)
            case EnterEpoch(epoch):
                self.current.append(epoch)
            case InstallSnapshot(_, chunks):
                self.histories.append(list(chunks)[1::2])
            case Truncate(zxid):
                left = sum(zxid_of(one) <= zxid for one in now)
                self.histories = [now[:n] for n in range(len(now), left - 1, -1)]
            case TakeSnapshot() | Purge() | ReadAfter():
                pass

    def end(self) -> None:
        self.histories, self.accepted = self.histories[-1:], self.accepted[-1:]
        # Recovery may have raised it already.
        self.current = [max(self.current)]


class Life:
    """One server from its first start on, with its operations and its crashes."""

    def __init__(self) -> None:
        self.disk = SimDisk()
        self.promised = Promised()
        self.refused = 0

    def run(self, operations: Sequence[Operation]) -> None:
        store, recovered = open_store(self.disk, roll_bytes=ROLL_BYTES)
        self.promised.current = [recovered.current_epoch]
        self.go_on(store, operations)

    def go_on(self, store: Store, operations: Sequence[Operation]) -> None:
        for operation in operations:
            (before,) = self.promised.histories
            self.promised.begin(operation)
            (completion,) = perform(store, [operation])
            self.promised.end()
            if isinstance(completion, Truncated) and self.disk.fail_at is None:
                assert history(self.disk, completion.left) == self.promised.histories[0]
            if isinstance(completion, TruncateRefused):
                self.refused += 1
                self.promised.histories = [before]

    def check(self) -> list[bytes]:
        """Start again; what is there is now what is promised."""
        recovered = recover(self.disk)
        found = history(self.disk, recovered)
        assert found in self.promised.histories
        assert recovered.accepted_epoch in self.promised.accepted
        logged = epoch_of(recovered.last_zxid)
        raised = max(self.promised.current[0], logged)
        assert recovered.current_epoch in {*self.promised.current, raised}
        assert recovered.accepted_epoch >= recovered.current_epoch >= logged
        assert recovered.last_zxid == (zxid_of(found[-1]) if found else 0)
        self.promised = Promised([found], [recovered.accepted_epoch], [recovered.current_epoch])
        return found


def whole_life() -> Iterator[Operation]:
    """Every operation, in the order of a follower's life, logs rolled over and over."""
    history = [txn(1, n, bytes([n]) * (n * 5)) for n in range(1, 19)]
    yield AcceptEpoch(1)
    yield EnterEpoch(1)
    yield Append(tuple(history[:3]))
    yield Append(tuple(history[3:9]))
    yield TakeSnapshot(zxid_of(history[8]), body(history[:9]))
    yield Append(tuple(history[9:14]))
    yield TakeSnapshot(zxid_of(history[13]), body(history[:14]))
    yield Append(tuple(history[14:16]))
    yield Append(tuple(history[16:18]))
    yield AcceptEpoch(2)
    # Through two logs, and behind the second snapshot.
    yield Truncate(zxid_of(history[10]))
    later = [*history[:11], *(txn(2, n, b"two" * n) for n in range(1, 7))]
    # The history of the new leader before its epoch.
    yield Append(tuple(later[11:15]))
    yield EnterEpoch(2)
    yield TakeSnapshot(zxid_of(later[12]), body(later[:13]))
    yield Append(tuple(later[15:17]))
    yield TakeSnapshot(zxid_of(later[16]), body(later))
    yield Purge(2)
    yield ReadAfter(zxid_of(later[14]), 10_000)
    yield AcceptEpoch(4)
    # A leader whose history is older by zxid than what we logged alone.
    other = [*history[:9], txn(2, 1, b"the other two"), txn(2, 2)]
    yield InstallSnapshot(zxid_of(other[-1]), body(other))
    yield Append((txn(2, 3), txn(4, 1)))
    yield EnterEpoch(4)
    yield Append((txn(4, 2), txn(4, 3)))
    yield Truncate(4 << 32 | 2)
    yield Append((txn(4, 3, b"another"),))


def chosen(seed: int) -> Draw:
    drawn = random.Random(seed)
    return lambda below: drawn.randrange(below)


def listed(draws: Sequence[int]) -> Draw:
    """These, then nothing but losses."""
    rest = iter(draws)
    return lambda n: next(rest, 0)


LOSSES: dict[str, Callable[[], Draw]] = {
    "lost": lambda: lambda n: 0,
    "kept": lambda: lambda n: n - 1,
    "half": lambda: lambda n: n // 2,
    "torn, zeros behind": lambda: lambda n: 2 if n == 4 else n // 2,
    "chance 1": lambda: chosen(1),
    "chance 2": lambda: chosen(2),
    "chance 3": lambda: chosen(3),
}
CRASHES: dict[str, Callable[[SimDisk, Draw], None]] = {
    "power cut": SimDisk.power_off,
    "kill": SimDisk.kill,
}


def calls_of(life: Life) -> int:
    life.run(list(whole_life()))
    return life.disk.changes


def crashed_at(call: int, crash: str, loss: str) -> Life:
    life = Life()
    life.disk.cut_power_at = call
    with pytest.raises(PowerCut):
        life.run(list(whole_life()))
    CRASHES[crash](life.disk, LOSSES[loss]())
    return life


def test_a_life_without_crashes() -> None:
    life = Life()
    assert calls_of(life) > 200
    assert life.refused == 0
    life.disk.power_off(lambda n: 0)
    life.check()


def test_the_real_disk_holds_the_same_bytes(tmp_path: Path) -> None:
    life = Life()
    life.run(list(whole_life()))
    store, _ = open_store(OsDisk(tmp_path), roll_bytes=ROLL_BYTES)
    perform(store, list(whole_life()))
    assert store.disk.list() == life.disk.list()
    for name in store.disk.list():
        with opened(life.disk, name) as file:
            assert (tmp_path / name).read_bytes() == file.read(0, 1 << 20)
    assert history(store.disk, recover(OsDisk(tmp_path))) == life.promised.histories[0]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("crash", CRASHES)
def test_crash_before_every_call(crash: str, loss: str) -> None:
    for call in range(calls_of(Life())):
        life = crashed_at(call, crash, loss)
        found = life.check()
        # What a start has seen, it may have voted with: it must not vanish any more.
        life.disk.power_off(lambda n: 0)
        assert life.check() == found
        last = zxid_of(found[-1]) if found else 0
        life.run([Append((txn(epoch_of(last), (last & 0xFFFFFFFF) + 1, b"on"),))])
        life.disk.power_off(lambda n: 0)
        assert len(life.check()) == len(found) + 1


def test_every_choice_of_names_that_were_in_doubt() -> None:
    """A crash may keep a rename and lose the deletions before it."""
    most = 0
    for call in range(calls_of(Life())):
        choice, in_doubt = 0, 0
        while choice < 2**in_doubt or choice == 0:
            life = Life()
            life.disk.cut_power_at = call
            with pytest.raises(PowerCut):
                life.run(list(whole_life()))
            in_doubt = life.disk.names_in_doubt()
            kept = [choice >> at & 1 for at in range(in_doubt)]
            life.disk.power_off(listed(kept))
            life.check()
            choice += 1
        most = max(most, in_doubt)
    assert most >= 4


@pytest.mark.parametrize("loss", ["half", "chance 1"])
def test_crash_again_at_every_call_of_the_recovery(loss: str) -> None:
    for call in range(calls_of(Life())):
        again = 0
        while True:
            life = crashed_at(call, "kill", loss)
            life.disk.cut_power_at = again
            try:
                recover(life.disk)
            except PowerCut:
                life.disk.power_off(LOSSES[loss]())
                life.check()
                again += 1
            else:
                break
        assert again > 0


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_a_failing_call_is_the_last_and_harms_nothing(error: int) -> None:
    life = Life()
    life.disk.fail_at = 1_000_000
    life.run(list(whole_life()))
    for call in range(1, life.disk.all_calls):
        life = Life()
        store, _ = open_store(life.disk, roll_bytes=ROLL_BYTES)
        life.disk.fail_at = call
        life.disk.fail_with = error
        operations = list(whole_life())
        with pytest.raises(OSError, match="injected into call"):
            life.go_on(store, operations)
        # The disk is well again, and still nothing is acknowledged: some bytes may be gone.
        for operation in operations:
            with pytest.raises(DiskFailed, match=r"the disk failed before: .*injected"):
                perform(store, [operation])
        life.disk.power_off(chosen(call))
        life.check()


def test_a_long_life_of_crashes() -> None:
    for seed in range(40):
        draw = chosen(seed)
        life = Life()
        for _ in range(12):
            life.disk.cut_power_at = draw(61)
            try:
                live_on(life, draw)
            except PowerCut:
                CRASHES["kill" if draw(2) else "power cut"](life.disk, draw)
            life.disk.cut_power_at = None
            life.check()


def live_on(life: Life, draw: Draw) -> None:
    """Operations by chance, each legal where it is asked for."""
    life.run([])
    for _ in range(8):
        (now,) = life.promised.histories
        accepted, current = life.promised.accepted[0], life.promised.current[0]
        last = zxid_of(now[-1]) if now else 0
        epoch = max(current, 1) if draw(4) else accepted
        start = (last & 0xFFFFFFFF) + 1 if epoch_of(last) == epoch else 1
        match draw(10):
            case 0:
                life.run([AcceptEpoch(accepted + 1)])
            case 1:
                life.run([EnterEpoch(accepted)])
            case 2 if now:
                life.run([TakeSnapshot(last, body(now))])
            case 3 if now:
                life.run([Purge(1 + draw(3))])
            case 4 if now:
                life.run([Truncate(zxid_of(now[draw(len(now))]))])
            case 5 if accepted > 0:
                head = txn(accepted, 1 + draw(51), b"installed")
                new = [one for one in now[: draw(len(now) + 1)] if zxid_of(one) < zxid_of(head)]
                life.run([InstallSnapshot(zxid_of(head), body([*new, head]))])
            case _ if accepted >= epoch >= epoch_of(last):
                batch = tuple(txn(epoch, start + n, bytes(draw(91))) for n in range(draw(6) + 1))
                life.run([Append(batch)])
            case _:
                pass
