"""Who hunts for one bug after the other, and makes small what was caught?

Rules of this file:
1. Hunts come one after the other, each by all players: so the time that one takes is its own.
2. What came of each is on the disk before the next begins.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from harness.lasting import Busy
from harness.power.campaign import Asked, Campaign
from harness.power.hunting import hunted, made_small
from harness.power.summing import Sum, results_of, sum_of
from harness.power.telling import Tell, progress
from harness.sim.players import Players, players
from harness.worlds import CannotBeHad


def measured(asked: Asked, store: Path, *, jobs: int | None, dask: str | None) -> Sum:
    """What is known once all is done, or somebody has interrupted it."""
    campaign, goes_on = Campaign.of(asked, store)
    sys.stderr.write(f"{'going on with' if goes_on else 'kept in'} {campaign.path}\n")
    try:
        with campaign.held():
            try:
                with players(jobs, dask) as they, progress(asked.bugs) as tell:
                    _measure(asked, campaign, they, tell)
            except KeyboardInterrupt:
                sys.stderr.write("interrupted; the same command goes on with it\n")
            return _kept(campaign)
    except Busy as busy:
        raise CannotBeHad(f"{busy}: somebody is at this; wait until it is over") from None


def _measure(asked: Asked, campaign: Campaign, they: Players, tell: Tell) -> None:
    known, _ = campaign.known()
    for bug in asked.bugs:
        if bug not in known:
            one = hunted(bug, asked.wishes, they, asked.budget_s, tell.so_far)
            campaign.note(one)
            tell.hunted(one)
            _kept(campaign)
    if not asked.shrink_s:
        return
    known, small = campaign.known()
    todo = [one for one in known.values() if one.seed is not None and one.bug not in small]
    search = partial(made_small, campaign.runs, asked.wishes, asked.shrink_s)
    for least in they.each(search, todo):
        campaign.note(least)
        tell.small(least)
        _kept(campaign)


def _kept(campaign: Campaign) -> Sum:
    whole = sum_of(campaign)
    ended = "" if whole.open else datetime.now(UTC).isoformat()
    campaign.keep(results_of(whole, ended=ended))
    return whole
