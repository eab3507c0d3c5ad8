"""Servers that elect, and the links between them, each a queue that a script empties by hand."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from target_node.protocol.election import (
    NOBODY,
    Effect,
    Elected,
    Election,
    Event,
    Heard,
    Linked,
    Look,
    Settled,
    Tell,
)
from target_node.protocol.ensemble import Ensemble
from target_node.protocol.events import WakeAt, Woken
from target_node.wire.codes import ServerState
from target_node.wire.election import Notification
from tests.target_node.protocol.members import ensemble
from tests.target_node.protocol.script import options, shown, zxid


class Electorate:
    def __init__(self) -> None:
        self.ensemble = Ensemble((*ensemble(1).servers,))
        self.now_ms = 0
        self.servers: dict[int, Election] = {}
        self.wakes: dict[int, int] = {}
        self.links: dict[tuple[int, int], deque[Notification]] = {}
        self.cuts: set[tuple[int, int]] = set()
        self.lines: list[str] = []
        self.quiet = False

    def do(self, command: str, words: Sequence[str]) -> list[str]:
        self.lines = []
        self.quiet = command == "quietly"
        if self.quiet:
            command, *words = words
        getattr(self, f"do_{command}")(*words)
        return self.lines

    def do_ensemble(self, *words: str) -> None:
        self.ensemble = ensemble(*words)

    def do_look(self, sid: str, *words: str) -> None:
        given = options(words)
        me = int(sid)
        if me not in self.servers:
            self.servers[me] = Election(me, self.ensemble)
        self.event(me, Look(zxid(given["zxid"]), int(given["epoch"])))

    def do_crash(self, *sids: str) -> None:
        for sid in map(int, sids):
            del self.servers[sid]
            self.wakes.pop(sid, None)
            for link in [link for link in self.links if sid in link]:
                del self.links[link]

    def do_settled(self, epoch: str, *sids: str) -> None:
        for sid in sids:
            self.event(int(sid), Settled(int(epoch.removeprefix("epoch="))))

    def do_link(self, me: str, peer: str) -> None:
        self.event(int(me), Linked(int(peer)))

    def do_cut(self, *links: str) -> None:
        """1>2: nothing from 1 reaches 2."""
        for link in links:
            sender, receiver = map(int, link.split(">"))
            self.cuts.add((sender, receiver))
            self.links.pop((sender, receiver), None)

    def do_drop(self, *links: str) -> None:
        for link in links:
            sender, receiver = map(int, link.split(">"))
            self.links.pop((sender, receiver), None)

    def do_heal(self) -> None:
        self.cuts.clear()

    def do_deliver(self, *links: str) -> None:
        """The oldest on its way from one to the other."""
        for link in links:
            sender, receiver = map(int, link.split(">"))
            notification = self.links[sender, receiver].popleft()
            self.event(receiver, Heard(sender, notification))

    def do_settle(self) -> None:
        """Everything arrives, and whatever is said to it, before time goes on."""
        for _ in range(10_000):
            waiting = [link for link, queue in sorted(self.links.items()) if queue]
            if not waiting:
                return
            for sender, receiver in waiting:
                self.do_deliver(f"{sender}>{receiver}")
        raise AssertionError("they never stop talking")

    def do_at(self, time_ms: str) -> None:
        """Time goes on; who asked to be woken by then is."""
        self.now_ms = int(time_ms)
        for sid, wake_ms in sorted(self.wakes.items()):
            if wake_ms <= self.now_ms:
                del self.wakes[sid]
                self.event(sid, Woken())

    def do_run(self, until_ms: str) -> None:
        """Everything arrives at once, and time goes on to the next wake, until then."""
        self.do_settle()
        while self.wakes and (wake_ms := min(self.wakes.values())) <= int(until_ms):
            self.do_at(str(wake_ms))
            self.do_settle()
        self.now_ms = int(until_ms)

    def do_hear(self, me: str, *words: str) -> None:
        """hear 1 from 2 LOOKING for 2 zxid 1.5 epoch 1 round 1"""
        _, sid, state, _, leader, _, last, _, epoch, _, round_ = words
        notification = Notification(
            ServerState[state],
            NOBODY if leader == "nobody" else int(leader),
            -1 if last == "none" else zxid(last),
            int(round_),
            int(epoch),
        )
        self.event(int(me), Heard(int(sid), notification))

    def event(self, me: int, event: Event) -> None:
        if me in self.servers:
            for effect in self.servers[me].step(self.now_ms, event):
                self.perform(me, effect)

    def perform(self, me: int, effect: Effect) -> None:
        match effect:
            case Tell(sid, notification):
                if (me, sid) not in self.cuts and sid in self.servers:
                    self.links.setdefault((me, sid), deque()).append(notification)
                self.say_told(me, sid, notification)
            case WakeAt(time_ms):
                self.wakes[me] = time_ms
                if not self.quiet:
                    self.lines.append(f"{me} wakes at {time_ms}")
            case Elected(vote, state):
                self.wakes.pop(me, None)
                epoch, round_ = vote.epoch, vote.round
                of = f"epoch {epoch} round {round_}"
                self.lines.append(f"{me} is {state.name}: elected {vote.leader} {of}")

    def say_told(self, me: int, sid: int, told: Notification) -> None:
        if self.quiet:
            return
        if told.leader == NOBODY:
            what = f"{told.state.name} for nobody round {told.election_epoch}"
        else:
            candidate = f"{told.leader} zxid {shown(told.zxid)} epoch {told.peer_epoch}"
            what = f"{told.state.name} for {candidate} round {told.election_epoch}"
        last = self.lines[-1] if self.lines else ""
        if last.startswith(f"{me} -> ") and last.endswith(f": {what}"):
            self.lines[-1] = last.replace(":", f" {sid}:", 1)
        else:
            self.lines.append(f"{me} -> {sid}: {what}")
