"""How do several requests travel as one, and their results?

Each has a `MultiHeader` before it; one with `done` and no body ends them. multi holds only
operations that write or check, multiRead only such that read: a server refuses a mixture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from target_node.wire.codes import ErrorCode, OpCode
from target_node.wire.jute import Malformed, Reader, Writer
from target_node.wire.record import Bool, Int, read_record, record, write_record
from target_node.wire.replies import (
    Create2Response,
    CreateResponse,
    ErrorResponse,
    GetChildrenResponse,
    GetDataResponse,
    SetDataResponse,
)
from target_node.wire.requests import (
    CheckVersionRequest,
    Create2Request,
    CreateContainerRequest,
    CreateRequest,
    CreateTTLRequest,
    DeleteRequest,
    GetChildrenRequest,
    GetDataRequest,
    SetDataRequest,
)


@record
class MultiHeader:
    """What comes next; with `done`, nothing."""

    type: Int
    done: Bool
    err: Int


END: Final = MultiHeader(-1, done=True, err=-1)


WriteOperation = (
    CreateRequest
    | Create2Request
    | CreateContainerRequest
    | CreateTTLRequest
    | DeleteRequest
    | SetDataRequest
    | CheckVersionRequest
)
ReadOperation = GetDataRequest | GetChildrenRequest


@dataclass(frozen=True, slots=True)
class MultiRequest:
    """All of them happen, or none."""

    operations: tuple[WriteOperation, ...]


@dataclass(frozen=True, slots=True)
class MultiReadRequest:
    """All of them are answered, each for itself."""

    operations: tuple[ReadOperation, ...]


_WRITES: Final[Mapping[int, type]] = MappingProxyType(
    {
        OpCode.CREATE: CreateRequest,
        OpCode.CREATE2: Create2Request,
        OpCode.CREATE_CONTAINER: CreateContainerRequest,
        OpCode.CREATE_TTL: CreateTTLRequest,
        OpCode.DELETE: DeleteRequest,
        OpCode.SET_DATA: SetDataRequest,
        OpCode.CHECK: CheckVersionRequest,
    }
)
_READS: Final[Mapping[int, type]] = MappingProxyType(
    {OpCode.GET_DATA: GetDataRequest, OpCode.GET_CHILDREN: GetChildrenRequest}
)
_TYPES: Final = MappingProxyType({cls: op for op, cls in [*_WRITES.items(), *_READS.items()]})


def write_operations(
    writer: Writer, operations: tuple[WriteOperation, ...] | tuple[ReadOperation, ...]
) -> None:
    """The operations, each behind its header, and the end mark."""
    for operation in operations:
        write_record(writer, MultiHeader(_TYPES[type(operation)], done=False, err=-1))
        write_record(writer, operation)
    write_record(writer, END)


def read_operations(
    reader: Reader, whose: type[MultiRequest] | type[MultiReadRequest]
) -> tuple[Any, ...]:
    """The operations that such a request holds; anything else among them is `Malformed`."""
    known = _WRITES if whose is MultiRequest else _READS
    operations: list[Any] = []
    start = reader.offset
    while not (header := read_record(reader, MultiHeader)).done:
        cls = known.get(header.type)
        if cls is None:
            raise Malformed(f"no {whose.__name__} holds the type {header.type}", start)
        operations.append(read_record(reader, cls))
        start = reader.offset
    return tuple(operations)


@record
class DeleteResult:
    """It was deleted."""


@record
class CheckResult:
    """The version was right."""


Result = (
    CreateResponse
    | Create2Response
    | SetDataResponse
    | DeleteResult
    | CheckResult
    | GetDataResponse
    | GetChildrenResponse
    | ErrorResponse
)


@dataclass(frozen=True, slots=True)
class MultiResponse:
    """One result an operation. If one of a multi failed, all are `ErrorResponse`."""

    results: tuple[Result, ...]


_RESULTS: Final[Mapping[int, type[Result]]] = MappingProxyType(
    {
        OpCode.CREATE: CreateResponse,
        OpCode.CREATE2: Create2Response,
        OpCode.SET_DATA: SetDataResponse,
        OpCode.DELETE: DeleteResult,
        OpCode.CHECK: CheckResult,
        OpCode.GET_DATA: GetDataResponse,
        OpCode.GET_CHILDREN: GetChildrenResponse,
        OpCode.ERROR: ErrorResponse,
    }
)
_RESULT_TYPES: Final = MappingProxyType({cls: op for op, cls in _RESULTS.items()})


def write_results(writer: Writer, results: tuple[Result, ...]) -> None:
    """The results, each behind its header, and the end mark."""
    for result in results:
        err = result.err if isinstance(result, ErrorResponse) else ErrorCode.OK
        write_record(writer, MultiHeader(_RESULT_TYPES[type(result)], done=False, err=err))
        write_record(writer, result)
    write_record(writer, END)


def read_results(reader: Reader) -> tuple[Result, ...]:
    """The results up to the end mark."""
    results: list[Result] = []
    start = reader.offset
    while not (header := read_record(reader, MultiHeader)).done:
        cls = _RESULTS.get(header.type)
        if cls is None:
            raise Malformed(f"no result has the type {header.type}", start)
        results.append(read_record(reader, cls))
        start = reader.offset
    return tuple(results)
