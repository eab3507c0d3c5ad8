"""Bugs of what becomes of a request, and of the tree."""

from __future__ import annotations

from itertools import pairwise

from harness.sim.world import SimWorld
from target_node.state.digest import tree_hash
from target_node.wire.codes import CreateMode, ErrorCode, Perms
from target_node.wire.data import ACL, Id
from target_node.wire.multi import MultiRequest, MultiResponse
from target_node.wire.replies import Create2Response, CreateResponse, GetDataResponse
from target_node.wire.requests import (
    CheckVersionRequest,
    Create2Request,
    ExistsRequest,
    GetDataRequest,
)
from tests.harness.sim.test_node import create as create_in
from tests.harness.sim.test_node import follower, in_world
from tests.target_node.bugs.both import both
from tests.target_node.server.test_bugs import A_IS_IN, FOLLOWS, after
from tests.target_node.state.leader import Leader, create, delete, sequential, set_data

OK, BAD_VERSION = ErrorCode.OK, ErrorCode.BAD_VERSION


def leader_with(*paths: str) -> Leader:
    leader = Leader()
    for path in paths:
        leader.ask(create(path))
    return leader


def test_check_is_logged() -> None:
    def scenario() -> int:
        return leader_with("/a").ask(CheckVersionRequest("/a", 0)).err

    assert both("check-is-logged", scenario) == (ErrorCode.UNIMPLEMENTED, OK)


def test_version_wraps_to_any() -> None:
    """Two clients have read the same version, and both write on that condition."""

    def scenario() -> list[int]:
        leader = leader_with("/a")
        leader.tree.nodes["/a"].version = -2
        leader.ask(set_data("/a", b"0"))
        read = leader.read(GetDataRequest("/a", False)).response
        assert isinstance(read, GetDataResponse)
        wanted = read.stat.version
        return [leader.ask(set_data("/a", data, wanted)).err for data in (b"1", b"2")]

    assert both("version-wraps-to-any", scenario) == ([OK, BAD_VERSION], [OK, OK])


def test_nested_create2_answers_as_create() -> None:
    def scenario() -> list[str]:
        request = Create2Request("/a", b"", create("/a").acl, CreateMode.PERSISTENT)
        response = Leader().ask(MultiRequest((request,))).response
        assert isinstance(response, MultiResponse)
        return [type(one).__name__ for one in response.results]

    assert both("nested-create2-answers-as-create", scenario) == (
        [Create2Response.__name__],
        [CreateResponse.__name__],
    )


def test_version_checked_against_tree() -> None:
    def scenario() -> list[int]:
        leader = leader_with("/a")
        for data in (b"1", b"2"):
            leader.propose(set_data("/a", data, 0))
        return [applied.err for applied in leader.commit()]

    assert both("version-checked-against-tree", scenario) == ([OK, BAD_VERSION], [OK, OK])


def test_half_of_a_multi() -> None:
    def scenario() -> bool:
        leader = leader_with("/a")
        leader.ask(MultiRequest((create("/b"), set_data("/a", b"", 7))))
        return "/b" in leader.tree.nodes

    assert both("half-of-a-multi", scenario) == (False, True)


def test_a_multi_that_succeeds_is_as_ever() -> None:
    def scenario() -> list[str]:
        leader = leader_with("/a")
        leader.ask(MultiRequest((create("/b"), CheckVersionRequest("/a", 0), set_data("/a"))))
        return [*leader.tree.nodes]

    kept, broken = both("half-of-a-multi", scenario)
    assert kept == broken


def test_sequence_from_child_count() -> None:
    """No name comes twice, and each is greater than those before it."""

    def scenario() -> list[bool]:
        leader = leader_with("/q")
        names: list[str] = []
        for _ in range(3):
            leader.ask(sequential("/q/"))
            names += [f"/q/{name}" for name in leader.tree.nodes["/q"].children]
            leader.ask(delete(names[-1]))
        return [a < b for a, b in pairwise(names)]

    assert both("sequence-from-child-count", scenario) == ([True, True], [False, False])


def test_local_clock_in_apply() -> None:
    def scenario() -> int:
        found: set[str] = set()

        async def main(world: SimWorld) -> None:
            name = follower(world)
            world.nodes[name].set_clock(offset_ms=60_000)
            await create_in(world, "/a")
            trees = [node.server.place.history.tree for node in world.nodes.values() if node.server]
            assert await world.until(lambda: len({tree.last_zxid for tree in trees}) == 1, 10)
            found.update(map(tree_hash, trees))

        in_world(main)
        return len(found)

    assert both("local-clock-in-apply", scenario) == (1, 2)


def test_exists_ignores_acl() -> None:
    def scenario() -> int:
        leader = Leader()
        nobody = (ACL(Perms.ALL, Id("digest", "a:b")),)
        leader.ask(create("/a", acl=nobody))
        return leader.read(ExistsRequest("/a", False)).err

    assert both("exists-ignores-acl", scenario) == (ErrorCode.NO_AUTH, OK)


def test_reads_overtake_writes() -> None:
    def scenario() -> str:
        world = after(FOLLOWS, A_IS_IN, "client a create /x 1 then get /x")
        world.play("from 3 PROPOSAL 2.2 create /x 1 by=a cxid=1")
        return world.play("from 3 COMMIT 2.2")[-1]

    assert both("reads-overtake-writes", scenario) == (
        "to a: #2 at 2.2 '1' version 0",
        "to a: #2 NO_NODE at 2.1",
    )
