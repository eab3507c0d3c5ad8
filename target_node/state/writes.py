"""Does this write fit what will be, and which txn is it?

The order of the checks is ZooKeeper's: it decides which error a client sees. Each function adds to
the draft what its txn will do, and only if nothing is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from target_node.state.acl import check_acl, fix_acl
from target_node.state.lifetime import CONTAINER_OWNER, Lifetime, lifetime_of, owner_with_ttl
from target_node.state.outstanding import Draft, Record
from target_node.state.paths import FIXED, check_path, split
from target_node.state.refusal import Refused
from target_node.state.znode import as_int
from target_node.wire.codes import ANY_VERSION, CreateMode, ErrorCode, Perms
from target_node.wire.data import Id
from target_node.wire.requests import (
    CheckVersionRequest,
    Create2Request,
    CreateContainerRequest,
    CreateRequest,
    CreateTTLRequest,
    DeleteContainerRequest,
    DeleteRequest,
    SetACLRequest,
    SetDataRequest,
)
from target_node.wire.txn import (
    CheckVersionTxn,
    CreateContainerTxn,
    CreateTTLTxn,
    CreateTxn,
    DeleteTxn,
    SetACLTxn,
    SetDataTxn,
    TxnBody,
)

INTERNAL_SESSION: Final = 0  # of what the leader asks for itself

AnyCreate = CreateRequest | Create2Request | CreateContainerRequest | CreateTTLRequest


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asked: a session's request number `cxid`, by the server with the id `owner`."""

    session: int
    cxid: int
    owner: int
    ids: tuple[Id, ...] = ()


def next_version(version: int) -> int:
    """Counted as Java does, without the number that means any version (ZOOKEEPER-4743)."""
    following = as_int(version + 1)
    return 0 if following == ANY_VERSION else following


def _check_version(version: int, expected: int) -> int:
    if expected not in (ANY_VERSION, version):
        raise Refused(ErrorCode.BAD_VERSION)
    return next_version(version)


def create(draft: Draft, request: AnyCreate, asker: Asker) -> TxnBody:
    """A node comes, under the name that its mode makes of it."""
    mode, owner = _mode(request, asker)
    path = request.path
    parent_path, _ = split(path)
    acl = fix_acl(request.acl, asker.ids)
    parent = draft.get(parent_path)
    check_acl(parent.acl, Perms.CREATE, asker.ids)
    if mode.is_sequential:
        # How many were ever created there: nothing sets that back (ZOOKEEPER-1046).
        path += f"{parent.cversion:010d}"
    check_path(path)
    if draft.find(path) is not None:
        raise Refused(ErrorCode.NODE_EXISTS)
    if lifetime_of(parent.owner) is Lifetime.SESSION:
        raise Refused(ErrorCode.NO_CHILDREN_FOR_EPHEMERALS)
    cversion = as_int(parent.cversion + 1)
    draft.create(parent_path, path, Record(0, 0, 0, owner, 0, acl), cversion)
    match request:
        case CreateContainerRequest():
            return CreateContainerTxn(path, request.data, acl, cversion)
        case CreateTTLRequest():
            return CreateTTLTxn(path, request.data, acl, cversion, request.ttl_ms)
        case _:
            return CreateTxn(path, request.data, acl, mode.is_ephemeral, cversion)


def _mode(request: AnyCreate, asker: Asker) -> tuple[CreateMode, int]:
    """What the flags mean, and the ephemeralOwner they make; they must fit the kind of request."""
    try:
        mode = CreateMode(request.flags)
    except ValueError:
        raise Refused(ErrorCode.BAD_ARGUMENTS) from None
    match request:
        case CreateTTLRequest() if mode.has_ttl:
            return mode, owner_with_ttl(request.ttl_ms)
        case CreateContainerRequest() if mode is CreateMode.CONTAINER:
            return mode, CONTAINER_OWNER
        case CreateRequest() | Create2Request() if mode.is_ephemeral:
            return mode, asker.session
        case CreateRequest() | Create2Request() if not mode.has_ttl and (
            mode is not CreateMode.CONTAINER
        ):
            return mode, 0
        case _:
            raise Refused(ErrorCode.BAD_ARGUMENTS)


def delete(draft: Draft, request: DeleteRequest, asker: Asker) -> DeleteTxn:
    """A node goes."""
    path = request.path
    parent_path = _parent_of_deletable(path)
    check_acl(draft.get(parent_path).acl, Perms.DELETE, asker.ids)
    record = draft.get(path)
    _check_version(record.version, request.version)
    if record.child_count:
        raise Refused(ErrorCode.NOT_EMPTY)
    draft.delete(parent_path, path)
    return DeleteTxn(path)


def delete_container(draft: Draft, request: DeleteContainerRequest, asker: Asker) -> DeleteTxn:
    """A node goes that was to go by itself."""
    if asker.session != INTERNAL_SESSION:
        # No ACL protects a node from this request, so it is not a client's to make.
        raise Refused(ErrorCode.UNIMPLEMENTED)
    path = request.path
    parent_path = _parent_of_deletable(path)
    record = draft.get(path)
    if record.child_count:
        raise Refused(ErrorCode.NOT_EMPTY)
    if lifetime_of(record.owner) not in (Lifetime.CONTAINER, Lifetime.TTL):
        raise Refused(ErrorCode.BAD_VERSION)
    draft.delete(parent_path, path)
    return DeleteTxn(path)


def set_data(draft: Draft, request: SetDataRequest, asker: Asker) -> SetDataTxn:
    """Its data change."""
    check_path(request.path)
    record = draft.get(request.path)
    check_acl(record.acl, Perms.WRITE, asker.ids)
    version = _check_version(record.version, request.version)
    draft.put(request.path, replace(record, version=version))
    return SetDataTxn(request.path, request.data, version)


def set_acl(draft: Draft, request: SetACLRequest, asker: Asker) -> SetACLTxn:
    """Its ACL changes."""
    check_path(request.path)
    acl = fix_acl(request.acl, asker.ids)
    record = draft.get(request.path)
    check_acl(record.acl, Perms.ADMIN, asker.ids)
    aversion = _check_version(record.aversion, request.version)
    # With the ACL: what is asked from now on must obey it, applied or not.
    draft.put(request.path, replace(record, aversion=aversion, acl=acl))
    return SetACLTxn(request.path, acl, aversion)


def check(draft: Draft, request: CheckVersionRequest, asker: Asker) -> CheckVersionTxn:
    """Its version is this one."""
    check_path(request.path)
    record = draft.get(request.path)
    check_acl(record.acl, Perms.READ, asker.ids)
    return CheckVersionTxn(request.path, _check_version(record.version, request.version))


def _parent_of_deletable(path: str) -> str:
    if path in FIXED:
        raise Refused(ErrorCode.BAD_ARGUMENTS)
    return split(path)[0]
