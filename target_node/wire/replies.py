"""What is a client answered?

`client` knows which of these answers what; a request that is missing there has no body in reply.
"""

from __future__ import annotations

from target_node.wire.data import ACL, ClientInfo, Stat
from target_node.wire.record import Buffer, Int, String, Vector, record


@record
class CreateResponse:
    """The path that was made."""

    path: String


@record
class Create2Response:
    """The path that was made, and its stat."""

    path: String
    stat: Stat


@record
class ExistsResponse:
    """The stat of the node that is there."""

    stat: Stat


@record
class GetDataResponse:
    """What the node holds; null data stay null."""

    data: Buffer
    stat: Stat


@record
class SetDataResponse:
    """The stat after it."""

    stat: Stat


@record
class GetACLResponse:
    """Who may do what."""

    acl: Vector[ACL]
    stat: Stat


@record
class SetACLResponse:
    """The stat after it."""

    stat: Stat


@record
class GetChildrenResponse:
    """The names, without their parent and in no order."""

    children: Vector[String]


@record
class GetChildren2Response:
    """The names, in no order, and the stat of their parent."""

    children: Vector[String]
    stat: Stat


@record
class GetAllChildrenNumberResponse:
    """How many they are."""

    total_number: Int


@record
class GetEphemeralsResponse:
    """Their paths."""

    ephemerals: Vector[String]


@record
class SyncResponse:
    """The path that was given."""

    path: String


@record
class SaslResponse:
    """The other step of a SASL exchange."""

    token: Buffer


@record
class WhoAmIResponse:
    """All identities of the connection."""

    client_info: Vector[ClientInfo]


@record
class ErrorResponse:
    """An `ErrorCode`: of one part of a multi, or 0 for an addWatch."""

    err: Int


@record
class WatcherEvent:
    """`type` is an `EventType`, `state` a `KeeperState`."""

    type: Int
    state: Int
    path: String
