"""Requests on few paths, so that they meet."""

from __future__ import annotations

from hypothesis import strategies as st

from target_node.wire.client import Request
from target_node.wire.codes import CreateMode, Perms
from target_node.wire.data import ACL, ANYONE, OPEN_ACL_UNSAFE
from target_node.wire.multi import MultiRequest
from target_node.wire.requests import (
    CheckVersionRequest,
    CloseSessionRequest,
    CreateContainerRequest,
    CreateRequest,
    CreateTTLRequest,
    DeleteRequest,
    SetACLRequest,
    SetDataRequest,
)
from tests.target_node.state.leader import ALICE, BOB

PATHS = ("/a", "/b", "/a/x", "/a/y", "/a/x/deep", "/b/z")
paths = st.sampled_from(PATHS)
versions = st.sampled_from((-1, -1, -1, 0, 1, 2))
datas = st.sampled_from((None, b"", b"1", b"22"))
acls = st.sampled_from(
    (
        OPEN_ACL_UNSAFE,
        OPEN_ACL_UNSAFE,
        (ACL(Perms.ALL, ANYONE), ACL(Perms.READ, ANYONE)),  # open too, but another entry
    )
)
plain_modes = st.sampled_from([*CreateMode][:4])
creates = st.builds(CreateRequest, paths, datas, acls, plain_modes)
writes = st.one_of(
    creates,
    creates,
    st.builds(CreateRequest, paths, datas, acls, st.just(CreateMode.EPHEMERAL)),
    st.builds(CreateContainerRequest, paths, datas, acls, st.just(CreateMode.CONTAINER)),
    st.builds(
        CreateTTLRequest,
        paths,
        datas,
        acls,
        st.sampled_from(
            (CreateMode.PERSISTENT_WITH_TTL, CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL)
        ),
        st.just(1000),
    ),
    st.builds(DeleteRequest, paths, versions),
    st.builds(DeleteRequest, paths, st.just(-1)),
    st.builds(SetDataRequest, paths, datas, versions),
)
checks = st.builds(CheckVersionRequest, paths, versions)
requests: st.SearchStrategy[Request] = st.one_of(
    writes,
    writes,
    writes,
    st.builds(SetACLRequest, paths, acls, versions),
    checks,
    st.builds(MultiRequest, st.lists(st.one_of(writes, checks), min_size=1, max_size=4).map(tuple)),
    st.just(CloseSessionRequest()),
)
sessions = st.sampled_from((ALICE, BOB))
