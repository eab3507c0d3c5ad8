"""How does a client's connection begin?

Clients from before 3.4 do not send the last byte, readOnly, and must not be sent it. For them
`read_only` is None here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from target_node.wire.jute import Reader, Writer
from target_node.wire.record import Buffer, Int, Long, read_record, record, write_record

PROTOCOL_VERSION: Final = 0


@record
class _Request:
    protocol_version: Int
    last_zxid_seen: Long
    timeout_ms: Int
    session: Long
    passwd: Buffer


@record
class _Response:
    protocol_version: Int
    timeout_ms: Int
    session: Long
    passwd: Buffer


@dataclass(frozen=True, slots=True)
class ConnectRequest:
    """A client's first packet: session 0 asks for a new one."""

    last_zxid_seen: int
    timeout_ms: int
    session: int
    passwd: bytes | None
    read_only: bool | None = False
    protocol_version: int = PROTOCOL_VERSION


@dataclass(frozen=True, slots=True)
class ConnectResponse:
    """The answer to it: timeout 0 says that the session is gone."""

    timeout_ms: int
    session: int
    passwd: bytes | None
    read_only: bool | None = False
    protocol_version: int = PROTOCOL_VERSION


def encode_connect_request(request: ConnectRequest) -> bytes:
    """The packet, not yet framed."""
    fields = _Request(
        request.protocol_version,
        request.last_zxid_seen,
        request.timeout_ms,
        request.session,
        request.passwd,
    )
    return _encode(fields, request.read_only)


def decode_connect_request(packet: bytes | memoryview) -> ConnectRequest:
    """What a client says first."""
    reader = Reader(packet)
    fields = read_record(reader, _Request)
    return ConnectRequest(
        fields.last_zxid_seen,
        fields.timeout_ms,
        fields.session,
        fields.passwd,
        _read_only(reader),
        fields.protocol_version,
    )


def encode_connect_response(response: ConnectResponse) -> bytes:
    """The packet; answer with `read_only` None whoever asked so."""
    fields = _Response(
        response.protocol_version, response.timeout_ms, response.session, response.passwd
    )
    return _encode(fields, response.read_only)


def decode_connect_response(packet: bytes | memoryview) -> ConnectResponse:
    """What a server says first."""
    reader = Reader(packet)
    fields = read_record(reader, _Response)
    return ConnectResponse(
        fields.timeout_ms,
        fields.session,
        fields.passwd,
        _read_only(reader),
        fields.protocol_version,
    )


def _encode(fields: _Request | _Response, read_only: bool | None) -> bytes:  # noqa: FBT001 (a field)
    writer = Writer()
    write_record(writer, fields)
    if read_only is not None:
        writer.write_bool(read_only)
    return writer.getvalue()


def _read_only(reader: Reader) -> bool | None:
    read_only = reader.read_bool() if reader.remaining else None
    reader.expect_end()
    return read_only
