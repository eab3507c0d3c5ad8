"""What goes wrong at a certain point of the protocol, rather than at a certain time?

A fault that comes by the clock seldom meets the few moments in which a promise is given but not yet
kept. Here a node's own log of events says when such a moment has come.

Rules of this file: with draws of 0 it is one follower that is killed for a moment, after long.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from nemesis.fault import Crash, Node, Partition
from nemesis.plan import Aim, Apart, AtNodes, OverLinks, Step, When
from nemesis.schedules import between
from nemesis.surface import Draw, Surface

REST_S: Final = (0.1, 2.0)
HOLD_S: Final = (0.2, 4.0)
MOST_TIMES: Final = 4
PROVOKED_S: Final = (0.1, 1.0)
SOON_S: Final = 8.0
AWAY_S: Final = (0.5, 8.0)
_AGAIN: Final = 3  # one in so many comes once more, as soon as it is over


def kill_it(node: Node) -> Aim:
    """Whose event it was."""
    return AtNodes(node, Crash)


def kill_leader(node: Node) -> Aim:
    """Whoever leads."""
    return AtNodes("leader", Crash)


def cut_leader(node: Node) -> Aim:
    """The leader from all others."""
    return OverLinks("isolate-leader", Partition)


def cut_it(node: Node) -> Aim:
    """Whose event it was, together with a few, from all others."""
    return Apart(node)


_soon: Final = partial(When, within_s=SOON_S)

# Such as come all the time,
OFTEN: Final = (
    When("durable", kill_it, role="follower"),  # it has a proposal, and its ack may be on its way
    When("durable", cut_leader, role="follower"),
    When("durable", kill_leader, role="follower"),
    When("proposed", kill_leader),
    When("snapshot_taken", kill_it),
)
# such as come with a new leader,
WITH_A_LEADER: Final = (
    _soon("elected", kill_it),  # and is about to promise or to be promised an epoch
    _soon("accepted_epoch", kill_it),  # as a rule the leader, before it has asked anybody
    _soon("accepted_epoch", cut_it),
    _soon("promised", kill_it),
    _soon("promised", cut_it),
    _soon("entering", kill_it),
    _soon("entering", cut_it),
    _soon("current_epoch", kill_it),
    _soon("established", kill_it),
    _soon("established", cut_leader),
)
# and such as come with a learner that lacks something.
WITH_A_LEARNER: Final = (
    _soon("joined", kill_it),  # it has heard NEWLEADER
    _soon("synchronising", kill_leader),  # and what it sends is still on its way
    _soon("joined", cut_leader),
    _soon("truncated", kill_it),
    _soon("snapshot_installed", kill_it),
)


def phases(surface: Surface, draw: Draw) -> Iterator[Step]:
    """One moment after the other; for some of them a leader or a learner is first made to go."""
    kinds = (_often, _with_a_leader, _with_a_learner)
    while True:
        low, high = REST_S
        wait_s = high - between(low, high, draw) + low
        yield from kinds[draw(len(kinds))](wait_s, draw)


def _often(wait_s: float, draw: Draw) -> Iterator[Step]:
    one = OFTEN[draw(len(OFTEN))]
    yield _at(replace(one, times=1 + draw(MOST_TIMES)), draw, wait_s)
    if draw(_AGAIN) == _AGAIN - 1:
        # Whoever could not end that with its leader is met by what comes next.
        yield _at(WITH_A_LEADER[draw(len(WITH_A_LEADER))], draw)


def _with_a_leader(wait_s: float, draw: Draw) -> Iterator[Step]:
    yield Step(wait_s, AtNodes("leader", Crash), between(*PROVOKED_S, draw))
    when = WITH_A_LEADER[draw(len(WITH_A_LEADER))]
    yield _at(when, draw)
    while draw(_AGAIN) == _AGAIN - 1:
        yield _at(when, draw)


def _with_a_learner(wait_s: float, draw: Draw) -> Iterator[Step]:
    yield Step(wait_s, AtNodes("follower", Crash), between(*AWAY_S, draw))
    yield _at(WITH_A_LEARNER[draw(len(WITH_A_LEARNER))], draw)


def _at(when: When, draw: Draw, wait_s: float = 0.0) -> Step:
    return Step(wait_s, None, between(*HOLD_S, draw), when=when)
