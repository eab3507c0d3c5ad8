"""What do a node's stat, its ACL and an identity look like?"""

from __future__ import annotations

from typing import Final

from target_node.wire.codes import Perms
from target_node.wire.record import Int, Long, String, StringOrNull, record


@record
class Stat:
    """What a client is told about a node besides its data; times are milliseconds since 1970."""

    czxid: Long
    mzxid: Long
    ctime_ms: Long
    mtime_ms: Long
    version: Int
    cversion: Int
    aversion: Int
    ephemeral_owner: Long
    data_length: Int
    num_children: Int
    pzxid: Long


@record
class Id:
    """Who: by which scheme, and by what name there; kazoo sends null for an empty one."""

    scheme: String
    id: StringOrNull


@record
class ACL:
    """What this identity may do; `perms` is made of `Perms`."""

    perms: Int
    id: Id


@record
class ClientInfo:
    """One identity of a connection, as whoAmI tells it."""

    auth_scheme: String
    user: String


ANYONE: Final = Id("world", "anyone")
OPEN_ACL_UNSAFE: Final = (ACL(Perms.ALL, ANYONE),)
READ_ACL_UNSAFE: Final = (ACL(Perms.READ, ANYONE),)
