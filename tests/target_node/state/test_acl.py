"""Who may do what."""

from __future__ import annotations

import pytest

from target_node.state.acl import (
    SUPER,
    allows,
    authenticate,
    digest_of,
    fix_acl,
    identities,
    shown_acl,
)
from target_node.state.refusal import Refused
from target_node.wire.codes import ErrorCode, Perms
from target_node.wire.data import ACL, ANYONE, OPEN_ACL_UNSAFE, READ_ACL_UNSAFE, Id

HERE = identities("192.168.1.9")
ALICE = Id("digest", digest_of("alice:secret"))
BOB = Id("digest", digest_of("bob:secret"))


def test_a_digest_as_zookeeper_makes_it() -> None:
    assert (
        digest_of("super:test") == "super:D/InIHSb7yEEbrWz8b9l71RjZJU="
    )  # as in its documentation


def test_authentication_adds_identities() -> None:
    assert authenticate("digest", b"alice:secret", address="::1") == (ALICE,)
    assert authenticate("ip", None, address="::1") == (Id("ip", "::1"),)
    super_digest = digest_of("root:r")
    added = authenticate("digest", b"root:r", address="::1", super_digest=super_digest)
    assert added == (SUPER, Id("digest", super_digest))
    for scheme, auth in (("kerberos", b""), ("digest", b"\xff"), ("world", b"anyone")):
        with pytest.raises(Refused, match="AUTH_FAILED"):
            authenticate(scheme, auth, address="::1")


@pytest.mark.parametrize(
    ("entry", "ids", "allowed"),
    [
        (Id("world", "anyone"), (), True),
        (ALICE, HERE, False),
        (ALICE, (*HERE, ALICE), True),
        (ALICE, (*HERE, BOB), False),
        (ALICE, (SUPER,), True),
        (Id("ip", "192.168.1.9"), HERE, True),
        (Id("ip", "192.168.1.0/24"), HERE, True),
        (Id("ip", "192.168.1.200/24"), HERE, True),
        (Id("ip", "192.168.2.0/24"), HERE, False),
        (Id("ip", "::/0"), HERE, False),
        (Id("ip", None), HERE, False),
        (Id("ip", "nonsense"), HERE, False),
        (Id("sasl", "alice"), (Id("sasl", "alice"),), True),
    ],
)
def test_who_matches_an_entry(entry: Id, ids: tuple[Id, ...], allowed: bool) -> None:
    acl = (ACL(Perms.READ | Perms.WRITE, entry),)
    assert allows(acl, Perms.READ, ids) is allowed
    assert allows(acl, Perms.DELETE, ids) is (SUPER in ids)


def test_an_empty_acl_forbids_nothing() -> None:
    assert allows((), Perms.ADMIN, ())


def test_an_acl_is_kept_without_repetition_and_with_who_asked() -> None:
    asked = (
        ACL(Perms.ALL, Id("auth", None)),
        ACL(Perms.READ, ANYONE),
        ACL(Perms.READ, ANYONE),
        ACL(Perms.ALL, ALICE),
        ACL(Perms.READ, Id("ip", "10.0.0.0/8")),
    )
    assert fix_acl(asked, (*HERE, ALICE, BOB)) == (
        ACL(Perms.ALL, ALICE),
        ACL(Perms.ALL, BOB),
        ACL(Perms.READ, ANYONE),
        ACL(Perms.READ, Id("ip", "10.0.0.0/8")),
    )


@pytest.mark.parametrize(
    "acl",
    [
        None,
        (),
        (ACL(31, Id("auth", None)),),
        (ACL(31, Id("world", "someone")),),
        (ACL(31, Id("digest", "no-colon")),),
        (ACL(31, Id("digest", None)),),
        (ACL(31, Id("ip", "10.0.0.0/33")),),
        (ACL(31, Id("ip", "10.0.0.0/255.0.0.0")),),
        (ACL(31, Id("ip", "10.0.0")),),
        (ACL(31, Id("super", "")),),
        (ACL(31, Id("unheard-of", "x")),),
        (ACL(31, ANYONE), ACL(31, Id("unheard-of", "x"))),
    ],
)
def test_an_acl_that_makes_no_sense_is_refused(acl: tuple[ACL, ...] | None) -> None:
    with pytest.raises(Refused) as refused:
        fix_acl(acl, HERE)
    assert refused.value.code == ErrorCode.INVALID_ACL


def test_digests_are_masked_for_whom_they_are_none_of_the_business() -> None:
    acl = (ACL(Perms.ALL, ALICE), *READ_ACL_UNSAFE)
    assert shown_acl(acl, (ALICE,)) == acl
    assert shown_acl(acl, HERE) == (ACL(Perms.ALL, Id("digest", "alice:x")), *READ_ACL_UNSAFE)
    assert shown_acl(OPEN_ACL_UNSAFE, HERE) == OPEN_ACL_UNSAFE
    with pytest.raises(Refused):
        shown_acl((ACL(Perms.WRITE, ANYONE),), HERE)
