"""Which values can each record hold? Strategies made from the fields' types."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args, get_type_hints

from hypothesis import settings
from hypothesis import strategies as st

from target_node.wire import client, data, multi, payloads, replies, requests, txn
from target_node.wire.record import (
    _LAYOUTS,
    Bool,
    Buffer,
    Int,
    Long,
    String,
    StringOrNull,
    Vector,
)

some = settings(max_examples=15, deadline=None)  # of each of some hundred records

ints = st.integers(-(2**31), 2**31 - 1)
longs = st.integers(-(2**63), 2**63 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
# Java writes what is beyond U+FFFF in a way of its own, which no path may contain anyway.
short_texts = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=20)
buffers = st.none() | st.binary(max_size=40)

Ints = Vector[Int]
_MANY = get_args(Ints)[1]


def strategy(hint: Any, strings: st.SearchStrategy[str] = texts) -> st.SearchStrategy[Any]:
    simple = {
        Bool: st.booleans(),
        Int: ints,
        Long: longs,
        Buffer: buffers,
        String: strings,
        StringOrNull: st.none() | strings,
    }
    if hint in simple:
        return simple[hint]
    arguments = get_args(hint)
    if not arguments:
        return records(hint, strings)
    many = arguments[0] if arguments[1] == _MANY else get_args(arguments[0])[0]
    vectors = st.lists(strategy(get_args(many)[0], strings), max_size=4).map(tuple)
    return vectors if arguments[1] == _MANY else st.none() | vectors


def records(cls: type, strings: st.SearchStrategy[str] = texts) -> st.SearchStrategy[Any]:
    hints = get_type_hints(cls, include_extras=True)
    return st.builds(cls, **{f.name: strategy(hints[f.name], strings) for f in fields(cls)})


WRITES = (
    requests.CreateRequest,
    requests.Create2Request,
    requests.CreateContainerRequest,
    requests.CreateTTLRequest,
    requests.DeleteRequest,
    requests.SetDataRequest,
    requests.CheckVersionRequest,
)
READS = (requests.GetDataRequest, requests.GetChildrenRequest)
RESULTS = (
    replies.CreateResponse,
    replies.Create2Response,
    replies.SetDataResponse,
    replies.GetDataResponse,
    replies.GetChildrenResponse,
    replies.ErrorResponse,
    multi.DeleteResult,
    multi.CheckResult,
)


def several(classes: tuple[type, ...]) -> st.SearchStrategy[Any]:
    return st.lists(st.one_of([records(cls, short_texts) for cls in classes]), max_size=5).map(
        tuple
    )


def any_request(cls: type) -> st.SearchStrategy[Any]:
    if cls is multi.MultiRequest:
        return st.builds(multi.MultiRequest, several(WRITES))
    if cls is multi.MultiReadRequest:
        return st.builds(multi.MultiReadRequest, several(READS))
    return records(cls)


def any_response(cls: type | None) -> st.SearchStrategy[Any]:
    if cls is None:
        return st.none()
    if cls is multi.MultiResponse:
        return st.builds(multi.MultiResponse, several(RESULTS))
    return records(cls)


REQUEST_TYPES = sorted(client.REQUESTS)
REPLY_TYPES = sorted(client.RESPONSES)
OTHER_RECORDS = tuple(  # requests and replies are known by their types
    value
    for module in (data, txn, payloads)
    for value in vars(module).values()
    if isinstance(value, type) and value.__module__ == module.__name__ and value in _LAYOUTS
)
