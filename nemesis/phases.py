"""What goes wrong at a certain point of the protocol, rather than at a certain time?

A fault that comes by the clock seldom meets the few moments in which a promise is given but not yet
kept. Here a node's own log of events says when such a moment has come.

Rules of this file: with draws of 0 it is one follower that is killed for a moment, after long.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from nemesis.fault import Crash, Node, Partition
from nemesis.plan import Aim, AtNodes, OverLinks, Step, When
from nemesis.schedules import between
from nemesis.surface import Draw, Surface

REST_S: Final = (0.1, 2.0)
HOLD_S: Final = (0.2, 4.0)
MOST_TIMES: Final = 4
PROVOKED_S: Final = (0.1, 1.0)
SOON_S: Final = 4.0


def kill_it(node: Node) -> Aim:
    """Whose event it was."""
    return AtNodes(node, Crash)


def kill_leader(node: Node) -> Aim:
    """Whoever leads."""
    return AtNodes("leader", Crash)


def cut_leader(node: Node) -> Aim:
    """The leader from all others."""
    return OverLinks("isolate-leader", Partition)


# Such as come all the time, and such as come with a new leader.
OFTEN: Final = (
    When("durable", kill_it, role="follower"),  # it has a proposal, and its ack may be on its way
    When("durable", cut_leader, role="follower"),
    When("durable", kill_leader, role="follower"),
    When("proposed", kill_leader),
)
WITH_A_LEADER: Final = (
    When("elected", kill_it),  # and is about to promise or to be promised an epoch
    When("joined", kill_it),  # a learner has heard NEWLEADER
    When("joined", cut_leader),
    When("accepted_epoch", kill_it),
    When("current_epoch", kill_it),
    When("synchronising", kill_it),
    When("synchronising", cut_leader),
    When("truncated", kill_it),
    When("snapshot_installed", kill_it),
    When("entering", kill_it),
    When("established", kill_it),
    When("established", cut_leader),
)


def phases(surface: Surface, draw: Draw) -> Iterator[Step]:
    """One moment after the other; for some of them a leader is first made to go."""
    while True:
        low, high = REST_S
        wait_s = high - between(low, high, draw) + low
        if draw(2) == 0:
            one = OFTEN[draw(len(OFTEN))]
            when = replace(one, times=1 + draw(MOST_TIMES))
            yield Step(wait_s, None, between(*HOLD_S, draw), when=when)
            continue
        yield Step(wait_s, AtNodes("leader", Crash), between(*PROVOKED_S, draw))
        when = WITH_A_LEADER[draw(len(WITH_A_LEADER))]
        yield Step(0.0, None, between(*HOLD_S, draw), when=replace(when, within_s=SOON_S))
