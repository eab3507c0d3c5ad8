"""Who may do what to a node, and who is who?

Rules of this file:
- Whoever holds the identity of scheme "super" may do everything.
- An address is an identity that every connection has; it is not authenticated, so "auth" does not
  mean it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha1
from ipaddress import ip_address, ip_network

from target_node.state.refusal import Refused
from target_node.wire.codes import ErrorCode, Perms
from target_node.wire.data import ACL, ANYONE, ClientInfo, Id

SUPER = Id("super", "")


def identities(address: str) -> tuple[Id, ...]:
    """Those of a connection that has not authenticated."""
    return (Id("ip", address),)


def digest_of(user_and_password: str) -> str:
    """What the scheme "digest" calls `user:password`."""
    user = user_and_password.split(":", 1)[0]
    # SHA-1 is what the protocol says; what it protects crosses the net in plain text.
    hashed = sha1(user_and_password.encode("utf-8"), usedforsecurity=False).digest()
    return f"{user}:{b64encode(hashed).decode('ascii')}"


def authenticate(
    scheme: str, auth: bytes | None, *, address: str, super_digest: str = ""
) -> tuple[Id, ...]:
    """The identities that this adds to a connection; `Refused` closes it."""
    match scheme:
        case "ip":
            return identities(address)
        case "digest":
            try:
                digest = digest_of((auth or b"").decode("utf-8"))
            except UnicodeDecodeError:
                raise Refused(ErrorCode.AUTH_FAILED) from None
            mine = Id("digest", digest)
            return (SUPER, mine) if super_digest and digest == super_digest else (mine,)
        case _:
            raise Refused(ErrorCode.AUTH_FAILED)


def allows(acl: Sequence[ACL], perms: int, ids: Sequence[Id]) -> bool:
    """Does it give one of these permissions to one of these identities?"""
    if not acl or any(who.scheme == "super" for who in ids):
        return True
    return any(
        entry.perms & perms and (entry.id == ANYONE or any(_matches(entry.id, who) for who in ids))
        for entry in acl
    )


def check_acl(acl: Sequence[ACL], perms: int, ids: Sequence[Id]) -> None:
    """Refuses whom the ACL does not allow it."""
    if not allows(acl, perms, ids):
        raise Refused(ErrorCode.NO_AUTH)


def fix_acl(acl: Sequence[ACL] | None, ids: Sequence[Id]) -> tuple[ACL, ...]:
    """The ACL as it is kept: each entry once, and "auth" replaced by who asked."""
    if not acl:
        raise Refused(ErrorCode.INVALID_ACL)
    fixed: dict[ACL, None] = {}
    for entry in acl:
        match entry.id:
            case Id("auth", _):
                mine = [who for who in ids if who.scheme == "digest"]
                if not mine:
                    raise Refused(ErrorCode.INVALID_ACL)
                fixed.update({ACL(entry.perms, who): None for who in mine})
            case Id("world", "anyone"):
                fixed[entry] = None
            case Id("digest", str(name)) if name.count(":") == 1 and not name.endswith(":"):
                fixed[entry] = None
            case Id("ip", str(network)) if _is_network(network):
                fixed[entry] = None
            case _:
                raise Refused(ErrorCode.INVALID_ACL)
    return tuple(fixed)


def shown_acl(acl: Sequence[ACL], ids: Sequence[Id]) -> tuple[ACL, ...]:
    """What getACL answers: only who may change it sees the digests in it."""
    check_acl(acl, Perms.READ | Perms.ADMIN, ids)
    if allows(acl, Perms.ADMIN, ids):
        return tuple(acl)
    return tuple(ACL(entry.perms, _masked(entry.id)) for entry in acl)


def who_am_i(ids: Sequence[Id]) -> tuple[ClientInfo, ...]:
    """The identities as clients are shown them: without what proves them."""
    shown: list[ClientInfo] = []
    for who in ids:
        name = who.id or ""
        shown.append(
            ClientInfo(who.scheme, name.split(":", 1)[0] if who.scheme == "digest" else name)
        )
    return tuple(shown)


def _masked(who: Id) -> Id:
    match who:
        case Id("digest", str(name)):
            return Id("digest", name.split(":", 1)[0] + ":x")
        case _:
            return who


def _matches(wanted: Id, who: Id) -> bool:
    if wanted.scheme != who.scheme:
        return False
    if wanted.scheme != "ip":
        return wanted.id == who.id
    if wanted.id is None or who.id is None:
        return False
    try:
        return ip_address(who.id) in ip_network(wanted.id, strict=False)
    except ValueError:
        return False


def _is_network(text: str) -> bool:
    address, slash, bits = text.partition("/")
    try:
        size = ip_address(address).max_prefixlen
    except ValueError:
        return False
    return not slash or (bits.isascii() and bits.isdigit() and int(bits) <= size)
