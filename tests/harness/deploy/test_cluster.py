"""An ensemble on the hosts of a lab: deployed, disturbed, healed, and gone without a trace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest

from harness.cluster import CannotDeploy
from harness.deploy import lease, losing, preloading
from harness.deploy.apache import Apache
from harness.deploy.audit import differences, look
from harness.deploy.cluster import HostCluster
from harness.deploy.examine import examine
from harness.deploy.target import BASE, HOME, Target
from harness.deploy.zab import Zab
from harness.flips import newest_first
from harness.hosts.host import Host
from harness.lab.lab import Lab
from harness.preload import shim
from nemesis.fault import (
    DISKS,
    BrokenDisk,
    ClientLink,
    ClockSkew,
    Crash,
    Fault,
    FlippedBit,
    FullDisk,
    Partition,
    Pause,
    PowerLoss,
    Slow,
    SlowDisk,
    Wipe,
)
from tests.harness.labs import hosts_of
from workloads.session import InDoubt, NotDone

pytestmark = pytest.mark.slow

RECOVER_S = 60
BOTH_WAYS = Partition(frozenset({("n1", "n2"), ("n2", "n1"), ("n1", "n3"), ("n3", "n1")}))
ONE_WAY = Partition(frozenset({("n2", "n1")}))
ROUNDS: tuple[tuple[Fault, ...], ...] = (
    (BOTH_WAYS, ClockSkew("n5", 60_000), ClientLink("n4", reset=True)),
    (ONE_WAY, Crash("n3"), ClientLink("n1")),
    (Pause("n4"), ClockSkew("n5", 0, 3.0)),
    (Wipe("n1"),),
    (FlippedBit("n2"),),  # the end of its last txn, so that it is as if it had never come
    (FlippedBit("n3", 0, 700),),  # one before that: it refuses to start, and gets an empty disk
)


def cluster_of(hosts: Sequence[Host], target: Target) -> HostCluster:
    return HostCluster([host.name for host in hosts], target, nullcontext(hosts))


@asynccontextmanager
async def cluster_on(
    lab: Lab, folder: Path, target: Target | None = None
) -> AsyncIterator[tuple[HostCluster, list[Host]]]:
    """Deployed, until the end of the block; then there must be nothing left."""
    async with hosts_of(tuple(lab.logins)) as hosts:
        cluster = cluster_of(hosts, target or Zab())
        try:
            await cluster.deploy(folder)
            yield cluster, list(hosts)
        finally:
            await cluster.stop()
            await cluster.stop()
        assert cluster.changed == {node: [] for node in cluster.nodes}
        assert cluster.lost == {}
        for host in hosts:
            left = await host.run(f"ls {BASE}; iptables -S; ip6tables -S; ps -eo args")
            assert "ZABTEST" not in left.text
            assert "zab-node" not in left.text.replace("\nzab-node", "", 1)  # what is installed
            assert "java" not in left.text


def run(lab: Lab, folder: Path, what: Callable[[HostCluster, list[Host]], Awaitable[Any]]) -> None:
    """Do this with an ensemble of ours."""

    async def doing() -> None:
        async with cluster_on(lab, folder) as (cluster, hosts):
            await what(cluster, hosts)

    asyncio.run(doing())


async def write_and_read(cluster: HostCluster, path: str) -> None:
    session = await cluster.connect("n2", timeout_s=10)
    await session.create(path, b"1")
    await session.close()
    session = await cluster.connect("n5", timeout_s=10)
    await session.sync(path)
    assert (await session.get(path)).data == b"1"
    await session.close()


async def agreed(cluster: HostCluster) -> None:
    end = time.monotonic() + RECOVER_S
    while True:
        prints = await cluster.fingerprints()
        if len(prints) == 5 and len(set(prints.values())) == 1:
            return
        assert time.monotonic() < end, prints
        await asyncio.sleep(0.2)


def test_every_fault_of_ours(lab: Lab, tmp_path: Path) -> None:
    async def disturb(cluster: HostCluster, hosts: list[Host]) -> None:
        await write_and_read(cluster, "/first")
        for faults in ROUNDS:
            assert all(type(fault) in cluster.supports for fault in faults)
            for active, proven in (((), False), (faults, True), ((), False)):
                await cluster.apply(active)
                seen = await asyncio.gather(*(cluster.probe(fault, faults) for fault in faults))
                assert [one.proven for one in seen] == [proven] * len(faults), seen
            await cluster.recovered(within_s=RECOVER_S)
        await write_and_read(cluster, "/last")
        assert cluster.ended == {}
        assert await cluster.caught_up() <= set(cluster.nodes)
        end = time.monotonic() + RECOVER_S
        while not cluster.event_logs():
            assert time.monotonic() < end
            await agreed(cluster)
        assert all(files[0].stat().st_size for files in cluster.event_logs().values())
        said = {
            node: await asyncio.to_thread(files[0].read_text)
            for node, files in cluster.event_logs().items()
        }
        lost = [node for node, text in said.items() if '"event":"disk_lost"' in text]
        assert lost == ["n1", "n3"], "nobody is to take it for forgetful"
        flipped = [node for node, text in said.items() if '"event":"bit_flipped"' in text]
        assert flipped == ["n2", "n3"]
        assert "CutTail" in said["n2"]
        assert "cannot_start" in said["n3"]

    run(lab, tmp_path, disturb)
    assert (tmp_path / "n1" / "log").exists()


def test_overlapping_faults_do_not_heal_each_other(lab: Lab, tmp_path: Path) -> None:
    async def disturb(cluster: HostCluster, hosts: list[Host]) -> None:
        faults: list[Fault] = [BOTH_WAYS, ONE_WAY, Pause("n4"), Crash("n5")]
        await cluster.apply(faults)
        await cluster.apply([ONE_WAY, Crash("n5")])
        assert (await cluster.probe(ONE_WAY, faults)).proven
        assert (await cluster.probe(Crash("n5"), faults)).proven
        assert not (await cluster.probe(BOTH_WAYS, faults)).proven
        assert not (await cluster.probe(Pause("n4"), faults)).proven
        back = Partition(frozenset({("n1", "n2")}))
        assert not (await cluster.probe(back, faults)).proven, "one way only"
        await cluster.apply([])
        await cluster.recovered(within_s=RECOVER_S)

    run(lab, tmp_path, disturb)


def test_the_users_rules_stay_and_ssh_is_never_locked_out(lab: Lab, tmp_path: Path) -> None:
    mine = "iptables -N MINE; iptables -A MINE -s 192.0.2.1 -j DROP; iptables -I INPUT -j MINE"
    everybody = Partition(
        frozenset((f"n{a}", f"n{b}") for a in range(1, 6) for b in range(1, 6) if a != b)
    )

    async def disturb(cluster: HostCluster, hosts: list[Host]) -> None:
        everything: list[Fault] = [everybody, *(ClientLink(node) for node in cluster.nodes)]
        await cluster.apply(everything)
        for host in hosts:
            # New connections, too, from us and from the hosts that are cut off.
            assert (await host.run("bash -c 'head -c 4 </dev/tcp/10.77.0.1/22'")).out == b"SSH-"
        async with hosts_of(tuple(lab.logins)) as fresh:
            assert (await fresh[0].run("echo in")).text == "in"
        six = await hosts[0].run("timeout 0.5 bash -c ': </dev/tcp/fd77::2/3888'")
        assert six.status == 124, "both kinds of addresses are cut"
        await cluster.apply([])
        await cluster.recovered(within_s=RECOVER_S)

    async def around() -> None:
        async with hosts_of(tuple(lab.logins[:1])) as (host,):
            await host.run(mine)
            before = (await host.run("iptables -S")).text
            async with cluster_on(lab, tmp_path) as (cluster, hosts):
                await disturb(cluster, hosts)
            assert (await host.run("iptables -S")).text == before
            await host.run("iptables -D INPUT -j MINE; iptables -F MINE; iptables -X MINE")

    asyncio.run(around())


def test_faults_expire_when_the_controller_is_gone(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(frozenset({("n2", "n5")}), delay_ms=50)
    faults: list[Fault] = [BOTH_WAYS, Pause("n4"), ClockSkew("n5", 60_000), ClientLink("n2"), slow]

    async def look_at(cluster: HostCluster) -> list[bool]:
        return [(await cluster.probe(fault, faults)).proven for fault in faults]

    async def disturb(cluster: HostCluster, hosts: list[Host]) -> None:
        await cluster.apply(faults)
        await asyncio.sleep(2 * lease.RENEW_S)
        assert all(await look_at(cluster)), "renewed, they last"
        for one in cluster._keeping:
            one.cancel()  # as if there were no controller any more
        for host in hosts:
            await host.run(lease.renew(1))
        end = time.monotonic() + RECOVER_S
        while any(await look_at(cluster)):
            assert time.monotonic() < end
        for host in hosts:
            assert "ZABTEST" not in (await host.run("iptables -S; ip6tables -S")).text
        await cluster.recovered(within_s=RECOVER_S)
        await cluster.apply(faults)
        assert all(await look_at(cluster)), "and can be injected again"
        await cluster.apply([])

    monkeypatch.setattr(lease, "RENEW_S", 0.5)
    run(lab, tmp_path, disturb)


def test_who_is_killed_has_not_ended_by_itself(lab: Lab, tmp_path: Path) -> None:
    async def disturb(cluster: HostCluster, hosts: list[Host]) -> None:
        async def watch() -> None:
            while True:
                await cluster.roles()

        watching = [asyncio.ensure_future(watch()) for _ in range(3)]
        for _ in range(5):
            await cluster.apply([Crash("n3"), Crash("n4")])
            await cluster.apply([])
        for one in watching:
            one.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        assert cluster.ended == {}

    run(lab, tmp_path, disturb)


def test_who_ends_by_itself_is_told(lab: Lab, tmp_path: Path) -> None:
    """Though its disk fails: it is not for that that it ends."""

    async def disturb(cluster: HostCluster, hosts: list[Host]) -> None:
        await cluster.apply([FullDisk("n3")])
        await hosts[2].run(f"kill -9 $(cut -d' ' -f1 {HOME}/pid)")
        end = time.monotonic() + RECOVER_S
        while not cluster.ended:
            await cluster.roles()
            assert time.monotonic() < end
        assert list(cluster.ended) == ["n3"]
        assert cluster.ended["n3"].startswith("exit status 137: ")
        cluster.ended.clear()
        for status, blamed in (("1", {}), ("70", {"n3": "exit status 70:"})):
            await hosts[2].run(f"echo {status} >{HOME}/exit && : >{HOME}/log")
            await cluster.roles()
            assert cluster.ended == blamed

    run(lab, tmp_path, disturb)


async def proven(cluster: HostCluster, fault: Fault) -> str:
    """In which words, once there is something to write."""
    end = time.monotonic() + RECOVER_S
    while True:
        for node in cluster.nodes:
            with suppress(InDoubt, NotDone):
                session = await cluster.connect(node, timeout_s=2)
                await session.create("/more", b"1", sequential=True)
                await session.close()
        seen = await cluster.probe(fault, [fault])
        if seen.proven:
            return seen.words
        assert time.monotonic() < end, seen


async def fail_all_disks(cluster: HostCluster) -> None:
    """Each in another way, each proven, and nobody blamed."""
    rounds: Sequence[Sequence[Fault]] = (
        (SlowDisk("n1", 100), FullDisk("n2")),
        (BrokenDisk("n3"), BrokenDisk("n4", writes=True)),
    )
    for faults in rounds:
        await cluster.apply(faults)
        for fault in faults:
            await proven(cluster, fault)
        await cluster.apply([])
        await cluster.recovered(within_s=RECOVER_S)
    assert cluster.ended == {}


async def fail_to_sync(cluster: HostCluster, host: Host) -> None:
    """All fails, but nobody has written anything: what was not synced is evidence, too."""
    fault = BrokenDisk(host.name, writes=True)
    await cluster.apply([fault])
    assert not (await cluster.probe(fault, [fault])).proven
    assert (await host.run(f"sync {HOME}/data")).status
    seen = await cluster.probe(fault, [fault])
    assert (seen.proven, seen.words) == (True, f"{host.name} failed to write or to sync (1)")
    await cluster.apply([])
    await cluster.recovered(within_s=RECOVER_S)


async def lose_power(cluster: HostCluster) -> None:
    """One, torn; and all at once: what was answered is there all the same."""
    one, all_of_them = [PowerLoss("n1", torn=True)], [PowerLoss(node) for node in cluster.nodes]
    for number, faults in enumerate((one, all_of_them)):
        await write_and_read(cluster, f"/kept{number}")
        await cluster.apply(faults)
        seen = await asyncio.gather(*(cluster.probe(fault, faults) for fault in faults))
        assert all(one.proven for one in seen), seen
        await cluster.apply([])
        await cluster.recovered(within_s=RECOVER_S)
    session = await cluster.connect("n2", timeout_s=10)
    await session.sync("/kept1")
    assert (await session.get("/kept0")).data == (await session.get("/kept1")).data == b"1"
    await session.close()
    assert cluster.ended == {}


def test_disks_that_fail(lab: Lab, tmp_path: Path) -> None:
    async def disturb(cluster: HostCluster, hosts: list[Host]) -> None:
        assert cluster.supports >= DISKS
        await write_and_read(cluster, "/first")
        await fail_all_disks(cluster)
        await fail_to_sync(cluster, hosts[3])
        await lose_power(cluster)
        await cluster.apply([FullDisk("n1"), Crash("n1")])
        await cluster.apply([FullDisk("n1")])
        await cluster.apply([])
        await cluster.recovered(within_s=RECOVER_S)
        assert cluster.ended == {}
        await write_and_read(cluster, "/last")
        await agreed(cluster)

    run(lab, tmp_path, disturb)


def test_a_host_that_does_not_take_what_is_preloaded_does_no_disks(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shim, "built", lambda: b"of another machine")
    monkeypatch.setattr(losing, "packed", lambda: b"of another Python")

    async def doing() -> None:
        async with hosts_of(tuple(lab.logins[:1])) as (host,):
            why = (await preloading.tried(host, Zab())).why_not
            assert "cannot be preloaded" in why
            steps = {one.about: one for one in await examine(host, Zab(), [])}
            assert (await losing.mounted(host)).why_not
            assert (steps["disks and clocks"].well, steps["disks and clocks"].words) == (False, why)
            cluster = cluster_of([host], Zab())
            try:
                assert FullDisk in cluster.supports
                await cluster.deploy(tmp_path)
                assert not cluster.supports & DISKS
                assert ClockSkew in cluster.supports, "by its own file"
            finally:
                await cluster.stop()

    asyncio.run(doing())


async def in_its_log(host: Host, written: bytes = b"") -> FlippedBit:
    """Where the newest log that holds this has it last; without it, at that log's end."""
    folder = f"{HOME}/data/version-2"
    names = (await host.run(["ls", folder])).text.split()
    for file, name in enumerate(newest_first(names)):
        begun = (await host.run(["head", "-c", "1000000", f"{folder}/{name}"])).out.rstrip(b"\0")
        if name.startswith("log.") and written in begun:
            behind = len(begun) - 1 - begun.rindex(written) if written else 0
            return FlippedBit(host.name, file, 8 * behind)
    raise AssertionError(f"{host.name} has not logged it")


async def flip_bits(cluster: HostCluster, hosts: Sequence[Host]) -> None:
    """In the last txn, and in one before it, for which Apache's refuses to start."""
    for host, written, said in (
        (hosts[4], b"", "Last transaction was partial"),
        (hosts[2], b"/first", "CRC check failed"),
    ):
        flip = await in_its_log(host, written)
        await cluster.apply([flip])
        await cluster.apply([flip])  # which does not flip it back
        seen = await cluster.probe(flip, [flip])
        assert seen.proven, seen
        await cluster.apply([])
        await cluster.recovered(within_s=RECOVER_S)
        assert (await host.run(["grep", "-aq", said, f"{HOME}/log"])).status == 0, said
        assert cluster.ended == {}


def test_apache_on_the_same_hosts(lab: Lab, tmp_path: Path) -> None:
    async def doing() -> None:
        async with cluster_on(lab, tmp_path, Apache()) as (cluster, hosts):
            await write_and_read(cluster, "/first")
            # Preloaded, and by the file system.
            clocks = [ClockSkew("n1", -60_000), ClockSkew("n2", rate=2.0), ClockSkew("n3")]
            await cluster.apply([*clocks, BrokenDisk("n4")])
            for fault in clocks:
                assert "its rate is" in await proven(cluster, fault)
            assert "n4 failed to sync" in await proven(cluster, BrokenDisk("n4"))
            assert not (await cluster.probe(clocks[0], [ClockSkew("n1")])).proven
            await cluster.apply([])
            await cluster.recovered(within_s=RECOVER_S)
            await flip_bits(cluster, hosts)
            roles = await cluster.roles()
            leader = next(node for node, role in roles.items() if role == "leader")
            others = [node for node in cluster.nodes if node != leader]
            alone = frozenset(pair for b in others for pair in ((leader, b), (b, leader)))
            cut = Partition(alone)
            await cluster.apply([cut])
            assert (await cluster.probe(cut, [cut])).proven
            end = time.monotonic() + RECOVER_S
            while "leader" not in [(await cluster.roles())[node] for node in others]:
                assert time.monotonic() < end
            dark = PowerLoss(leader)
            await cluster.apply([cut, dark])
            assert (await cluster.probe(dark, [cut, dark])).proven
            await cluster.apply([])
            await cluster.recovered(within_s=RECOVER_S)
            await write_and_read(cluster, "/last")
            await agreed(cluster)
            assert cluster.ended == {}

    asyncio.run(doing())


@pytest.mark.prove
def test_all_ways_in_which_apaches_disks_fail(lab: Lab, tmp_path: Path) -> None:
    async def doing() -> None:
        async with cluster_on(lab, tmp_path, Apache()) as (cluster, hosts):
            await write_and_read(cluster, "/first")
            # It never starts again if its log is empty: so the disk is not to be full before that.
            begun = f"until [ -s {HOME}/data/version-2/log.* ]; do sleep 0.1; done"
            await asyncio.gather(*(host.run(begun) for host in hosts))
            await fail_all_disks(cluster)
            await lose_power(cluster)
            await write_and_read(cluster, "/last")
            await agreed(cluster)

    asyncio.run(doing())


def test_a_host_that_lacks_something_is_named(lab: Lab, tmp_path: Path) -> None:
    async def doing() -> None:
        async with hosts_of(tuple(lab.logins)) as hosts:
            await hosts[1].run("mv /usr/bin/python3 /usr/bin/hidden")
            await hosts[2].run("mv /usr/sbin/iptables /usr/sbin/hidden")
            cluster = cluster_of(hosts, Zab())
            try:
                with pytest.raises(CannotDeploy) as raised:
                    await cluster.deploy(tmp_path)
            finally:
                await hosts[1].run("mv /usr/bin/hidden /usr/bin/python3")
                await hosts[2].run("mv /usr/sbin/hidden /usr/sbin/iptables")
                await cluster.stop()
            lines = str(raised.value).splitlines()
            assert lines[0].startswith("n2 lacks Python 3.11 or newer")
            assert lines[1].startswith("n3 lacks iptables")
            assert len(lines) == 2

    asyncio.run(doing())


def test_two_runs_do_not_share_hosts(lab: Lab, tmp_path: Path) -> None:
    async def disturb(cluster: HostCluster, hosts: list[Host]) -> None:
        other = cluster_of(hosts, Zab())
        with pytest.raises(CannotDeploy, match="n1 is held by another run"):
            await other.deploy(tmp_path / "other")
        await other.stop()
        assert all((await cluster.roles()).values())

    run(lab, tmp_path, disturb)


def test_an_audit_finds_what_is_left(lab: Lab) -> None:
    async def doing() -> None:
        async with hosts_of(tuple(lab.logins[:1])) as (host,):
            before = await look(host)
            assert differences(before, await look(host)) == []
            process = await host.start(["sleep", "1000"], out="/tmp/out")
            await host.run(f"iptables -N LEFT; ip6tables -N LEFT; kill -STOP {process.pid}")
            await host.run(["mkdir", "-p", HOME])
            node = await host.start(["sleep", "1000"], out="/tmp/out", directory=HOME)
            await host.run("tc qdisc add dev eth0 root tbf rate 1gbit burst 1mb latency 50ms")
            found = "\n".join(differences(before, await look(host)))
            await host.run(f"iptables -X LEFT; ip6tables -X LEFT; kill -9 {process.pid} {node.pid}")
            await host.run("tc qdisc del dev eth0 root")
            for one in ("rule is new: iptables", "rule is new: ip6tables", "qdisc is new"):
                assert one in found
            assert f"process is new: stopped {process.pid}" in found
            assert f"process is new: ours {node.pid}" in found
            assert differences(before, await look(host)) == []

    asyncio.run(doing())
