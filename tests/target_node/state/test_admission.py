"""What a client's first packet leads to."""

from __future__ import annotations

from dataclasses import replace

from target_node.state.admission import (
    Admission,
    Begin,
    Gone,
    Resume,
    TurnAway,
    admit,
    session_gone,
    session_open,
)
from target_node.state.session_ids import password_of
from target_node.wire.connect import (
    ConnectRequest,
    ConnectResponse,
    encode_connect_response,
)

NEW = ConnectRequest(last_zxid_seen=0, timeout_ms=10_000, session=0, passwd=bytes(16))
BACK = ConnectRequest(last_zxid_seen=5, timeout_ms=1, session=9, passwd=password_of(9))


def admitted(request: ConnectRequest, *, last_zxid: int, only_reads: bool = False) -> Admission:
    return admit(request, last_zxid=last_zxid, least_ms=4000, most_ms=40_000, only_reads=only_reads)


def test_a_new_client_begins_a_session() -> None:
    assert admitted(NEW, last_zxid=7) == Begin(10_000)
    assert admitted(replace(NEW, timeout_ms=99_999), last_zxid=7) == Begin(40_000)
    assert session_open(NEW, 9, 10_000) == ConnectResponse(10_000, 9, password_of(9), False)


def test_a_client_comes_back() -> None:
    assert admitted(BACK, last_zxid=5) == Resume(9, 4000)


def test_54_a_server_that_is_behind_turns_the_client_away() -> None:
    for client in (BACK, replace(NEW, last_zxid_seen=5)):
        assert admitted(client, last_zxid=4) == TurnAway(
            "the client has seen zxid 0x5, we are at 0x4"
        )


def test_60_a_session_is_its_clients_only() -> None:
    for password in (password_of(8), bytes(16), b"", None):
        stranger = replace(BACK, passwd=password)
        assert admitted(stranger, last_zxid=5) == Gone()
    assert session_gone(BACK) == ConnectResponse(0, 0, bytes(16), False)


def test_a_server_that_only_reads_wants_clients_that_only_read() -> None:
    assert isinstance(admitted(NEW, last_zxid=7, only_reads=True), TurnAway)
    reader = replace(NEW, read_only=True)
    assert admitted(reader, last_zxid=7, only_reads=True) == Begin(10_000)
    assert session_open(reader, 9, 10_000, only_reads=True).read_only


def test_old_clients_are_not_sent_what_they_do_not_know() -> None:
    old = replace(BACK, read_only=None)
    shorter, longer = session_open(old, 9, 10_000), session_open(BACK, 9, 10_000)
    assert len(encode_connect_response(shorter)) == len(encode_connect_response(longer)) - 1
    assert session_gone(old).read_only is None
