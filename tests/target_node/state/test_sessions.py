"""Who is alive, through which server, and with which number and password."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_node.state.lifetime import (
    MOST_TTL_MS,
    Lifetime,
    lifetime_of,
    owner_with_ttl,
    ttl_of,
)
from target_node.state.refusal import Refused
from target_node.state.session_ids import (
    NO_PASSWORD,
    SessionIds,
    is_password,
    password_of,
)
from target_node.state.sessions import Heard, Sessions, clamp_timeout
from target_node.wire.codes import ErrorCode
from target_node.wire.payloads import Touch

TICK_MS = 100


def refusal(sessions: Sessions, session: int, owner: int) -> ErrorCode | None:
    try:
        sessions.check_owner(session, owner)
    except Refused as refused:
        return refused.code
    return None


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 5_000), st.integers(0, 5_000))
def test_a_session_never_expires_early(start_ms: int, timeout_ms: int, later_ms: int) -> None:
    """Bug 53: not within its timeout, and not long behind it."""
    sessions = Sessions(TICK_MS, {7: timeout_ms}, start_ms)
    due_ms = sessions.next_expiry_ms()
    assert due_ms is not None
    assert start_ms + timeout_ms < due_ms <= start_ms + timeout_ms + TICK_MS
    assert sessions.expire(due_ms - 1) == ()
    heard_ms = min(start_ms + later_ms, due_ms - 1)
    sessions.touch(7, timeout_ms, heard_ms)
    assert sessions.expire(heard_ms + timeout_ms) == ()
    assert sessions.expire(heard_ms + timeout_ms + TICK_MS) == (7,)


def test_sessions_expire_tick_by_tick_and_each_once() -> None:
    sessions = Sessions(TICK_MS, {1: 200, 2: 400, 3: 210, 4: 1000}, 0)
    assert sessions.expire(399) == (1, 3)
    assert sessions.expire(399) == ()
    assert 1 in sessions
    assert not sessions.touch(1, 200, 399)  # it was too late
    assert refusal(sessions, 1, 1) == ErrorCode.SESSION_EXPIRED
    sessions.remove(1)
    assert 1 not in sessions
    assert sessions.expire(2000) == (2, 4)
    assert sessions.next_expiry_ms() is None


def test_what_learners_heard_keeps_sessions_alive() -> None:
    """Bug 53: the leader must believe the answers to its PINGs."""
    heard = Heard()
    heard.touch(1, 200)
    heard.touch(2, 300)
    heard.touch(1, 200)
    heard.touch(3, 300)
    heard.forget(3)
    touches = heard.take()
    assert touches == (Touch(1, 200), Touch(2, 300))
    assert heard.take() == ()
    sessions = Sessions(TICK_MS, {1: 200, 2: 300, 3: 200}, 0)
    sessions.touch_all((*touches, Touch(99, 500)), 250)
    assert 99 not in sessions
    assert sessions.expire(450) == (3,)


def test_a_new_leader_gives_everyone_time() -> None:
    sessions = Sessions(TICK_MS, {1: 200}, 1_000_000)
    assert sessions.expire(1_000_200) == ()


def test_a_session_that_moved_is_refused_where_it_was() -> None:
    """Bug 55, ZOOKEEPER-710: a late write of the old connection must not come behind newer ones."""
    sessions = Sessions(TICK_MS, {5: 1000}, 0)
    assert refusal(sessions, 5, 1) is None
    assert refusal(sessions, 5, 1) is None
    assert refusal(sessions, 5, 2) == ErrorCode.SESSION_MOVED
    assert sessions.revalidate(5, 1000, 2, 10)
    assert refusal(sessions, 5, 1) == ErrorCode.SESSION_MOVED
    assert refusal(sessions, 5, 2) is None
    assert sessions.owner_of(5) == 2
    assert sessions.owner_of(6) is None


def test_no_session_lives_again() -> None:
    """Bug 60: neither one that is closing nor one that nobody knows may move to another server."""
    sessions = Sessions(TICK_MS, {5: 1000}, 0)
    sessions.close(5)
    assert not sessions.revalidate(5, 1000, 2, 10)
    assert not sessions.revalidate(6, 1000, 2, 10)
    assert refusal(sessions, 5, 2) == ErrorCode.SESSION_EXPIRED
    assert refusal(sessions, 6, 2) == ErrorCode.SESSION_EXPIRED
    assert len(sessions) == 1
    sessions.remove(5)
    sessions.remove(5)
    assert not len(sessions)


def test_timeouts_are_clamped() -> None:
    assert [clamp_timeout(asked, 4000, 40_000) for asked in (-1, 0, 5000, 99_999)] == [
        *(4000, 4000, 5000, 40_000)
    ]


def test_a_password_is_checked() -> None:
    """Bug 60: whoever knows only the number gets nothing."""
    assert is_password(5, password_of(5))
    assert not is_password(5, password_of(6))
    assert not is_password(5, NO_PASSWORD)
    assert not is_password(5, None)
    assert not is_password(0, password_of(0))
    assert not is_password(5, password_of(5, secret=1))


@given(st.integers(0, 254), st.integers(0, 1 << 45), st.integers(0, 254), st.integers(0, 1 << 45))
def test_session_numbers_do_not_meet(one: int, at_ms: int, other: int, later_ms: int) -> None:
    mine, theirs = SessionIds(one, at_ms), SessionIds(other, later_ms)
    taken = [mine.take() for _ in range(3)] + [theirs.take() for _ in range(3)]
    if one != other or (at_ms - later_ms) % (1 << 40):
        assert len(set(taken)) == 6
    for session in taken:
        assert -(1 << 63) <= session < 1 << 63
        if session not in (0, -(1 << 63)):
            assert lifetime_of(session) is Lifetime.SESSION


def test_a_session_number_as_zookeeper_makes_it() -> None:
    assert SessionIds(3, 0x123456789AB).take() == 0x03_23456789AB_0000


@pytest.mark.parametrize("ttl_ms", [1, 5, MOST_TTL_MS])
def test_a_time_to_live_is_kept_in_the_owner(ttl_ms: int) -> None:
    owner = owner_with_ttl(ttl_ms)
    assert -(1 << 63) <= owner < 0
    assert lifetime_of(owner) is Lifetime.TTL
    assert ttl_of(owner) == ttl_ms


def test_owners_of_all_kinds() -> None:
    assert lifetime_of(0) is Lifetime.UNBOUNDED
    assert lifetime_of(-(1 << 63)) is Lifetime.CONTAINER
    assert lifetime_of(-(1 << 63) + 1) is Lifetime.SESSION  # of a server with id 128
    assert lifetime_of(-(1 << 56) - 1) is Lifetime.SESSION
