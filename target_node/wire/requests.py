"""What can a client ask for?

`client` knows which number each of these has, and `multi` which can be asked for together.
"""

from __future__ import annotations

from target_node.wire.data import ACL
from target_node.wire.record import (
    Bool,
    Buffer,
    Int,
    Long,
    String,
    StringOrNull,
    Vector,
    VectorOrNull,
    record,
)


@record
class CreateRequest:
    """`flags` is a `CreateMode`; the answer is the path, with its suffix if sequential."""

    path: String
    data: Buffer
    acl: VectorOrNull[ACL]
    flags: Int


@record
class Create2Request:
    """A create that is answered with the stat too."""

    path: String
    data: Buffer
    acl: VectorOrNull[ACL]
    flags: Int


@record
class CreateContainerRequest:
    """A node that goes once its last child has gone."""

    path: String
    data: Buffer
    acl: VectorOrNull[ACL]
    flags: Int


@record
class CreateTTLRequest:
    """A node that goes once it has been unchanged and without children for so long."""

    path: String
    data: Buffer
    acl: VectorOrNull[ACL]
    flags: Int
    ttl_ms: Long


@record
class DeleteRequest:
    """Of a node without children, if its version is this one or `ANY_VERSION`."""

    path: String
    version: Int


@record
class DeleteContainerRequest:
    """The leader's own request, once a container is empty."""

    path: String


@record
class ExistsRequest:
    """The stat; a watch stays even where there is no node."""

    path: String
    watch: Bool


@record
class GetDataRequest:
    """The data and the stat, and perhaps a watch on them."""

    path: String
    watch: Bool


@record
class SetDataRequest:
    """Of a node, if its version is this one or `ANY_VERSION`."""

    path: String
    data: Buffer
    version: Int


@record
class GetACLRequest:
    """The ACL and the stat."""

    path: String


@record
class SetACLRequest:
    """If the aversion is this one or `ANY_VERSION`."""

    path: String
    acl: VectorOrNull[ACL]
    version: Int


@record
class GetChildrenRequest:
    """The names of the children, and perhaps a watch on them."""

    path: String
    watch: Bool


@record
class GetChildren2Request:
    """The names of the children and the stat."""

    path: String
    watch: Bool


@record
class GetAllChildrenNumberRequest:
    """How many descendants the node has."""

    path: String


@record
class GetEphemeralsRequest:
    """The session's own ephemeral nodes under this prefix."""

    prefix_path: String


@record
class CheckVersionRequest:
    """Within a multi: let nothing of it happen unless the version is this one."""

    path: String
    version: Int


@record
class SyncRequest:
    """Let this server catch up with its leader."""

    path: String


@record
class PingRequest:
    """Sent with xid -2: the session is alive."""


@record
class AuthRequest:
    """Sent with xid -4; `type` is 0."""

    type: Int
    scheme: String
    auth: Buffer


@record
class SaslRequest:
    """One step of a SASL exchange."""

    token: Buffer


@record
class WhoAmIRequest:
    """The identities of this connection."""


@record
class SetWatchesRequest:
    """Sent with xid -8 by a client that has reconnected: the watches it had."""

    relative_zxid: Long
    data_watches: Vector[String]
    exist_watches: Vector[String]
    child_watches: Vector[String]


@record
class SetWatches2Request:
    """The same with the watches that stay."""

    relative_zxid: Long
    data_watches: Vector[String]
    exist_watches: Vector[String]
    child_watches: Vector[String]
    persistent_watches: Vector[String]
    persistent_recursive_watches: Vector[String]


@record
class AddWatchRequest:
    """A watch that stays; `mode` is an `AddWatchMode`."""

    path: String
    mode: Int


@record
class CheckWatchesRequest:
    """Is there a watch of this `WatcherType`?"""

    path: String
    watcher_type: Int


@record
class RemoveWatchesRequest:
    """Away with the watches of this `WatcherType`."""

    path: String
    watcher_type: Int


@record
class ReconfigRequest:
    """Null strings are what is not to change; `config_id` -1 is any."""

    joining: StringOrNull
    leaving: StringOrNull
    new_members: StringOrNull
    config_id: Long


@record
class CreateSessionRequest:
    """Never sent by a client: a learner sends it to its leader for a new connection."""

    timeout_ms: Int


@record
class CloseSessionRequest:
    """The session's end, and that of its ephemeral nodes."""
