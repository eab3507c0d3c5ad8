"""A host that is a machine of its own: its real clock, its real queueing disciplines, put back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from harness.deploy import clocks, lease, measure, slow, slowness
from harness.deploy.audit import differences, look
from harness.deploy.contact import Contact
from harness.deploy.examine import examine
from harness.deploy.facts import look_at
from harness.deploy.hosted import Hosted
from harness.deploy.packets import Network
from harness.deploy.slowness import Measuring
from harness.deploy.target import Member
from harness.deploy.zab import Zab
from harness.hosts import connection
from harness.hosts.host import DEADLINE_S, Command, Done, Host, script
from harness.hosts.login import Login
from harness.hosts.ssh import Pool, SshHost
from harness.local.words import facts
from nemesis.fault import Packets, Slow
from nemesis.union import Skew, union
from tests.harness.machine import machine

pytestmark = pytest.mark.slow

T = TypeVar("T")
PATIENCE_S = 400.0
HOUR_MS = 3_600_000
CLOSE_MS = 20.0  # as near as a host sets its clock
SAME_MS = 500.0  # by which two clocks may differ that nobody has touched
ADDRESSES = {"machine": "10.1.1.1", "beside": "10.1.1.2"}
BESIDE = """\
modprobe veth && ip netns add beside && ip link add veth0 type veth peer name eth0 netns beside
ip addr add 10.1.1.1/24 dev veth0; ip link set veth0 up
ip -n beside addr add 10.1.1.2/24 dev eth0; ip -n beside link set eth0 up
"""


class Patient(SshHost):
    """An emulated one, and slow: it has ten times as long for everything."""

    async def run(
        self,
        command: Command,
        *,
        deadline_s: float = DEADLINE_S,
        apart: bool = False,
        again: bool = False,
    ) -> Done:
        return await super().run(command, deadline_s=10 * deadline_s, apart=apart, again=again)


class Beside(Patient):
    """Another in the same machine, with a network of its own."""

    async def run(self, command: Command, **more: Any) -> Done:
        inside = ["ip", "netns", "exec", "beside", "sh", "-c", script(command)]
        return await super().run(inside, **more)


@pytest.fixture(scope="module")
def login() -> Iterator[Login]:
    with machine() as one, pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "CONNECT_S", PATIENCE_S)
        program = slowness._PROGRAM
        for word, value in (("HELLO_S", measure.HELLO_S), ("MOST_S", measure.MOST_S)):
            assert f"\n{word} = {value}" in program
            program = program.replace(f"\n{word} = {value}", f"\n{word} = {10 * value}")
        patch.setattr(slowness, "_PROGRAM", program)
        yield one


def on(login: Login, what: Callable[[Patient, Beside], Coroutine[Any, Any, T]]) -> T:
    async def doing() -> T:
        pool = Pool()
        hosts = Patient(login, pool), Beside(login, pool)
        try:
            return await what(*hosts)
        finally:
            for host in hosts:
                await host.close()
            pool.close()

    return asyncio.run(doing())


async def until(so: Callable[[], Awaitable[bool]]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not await so():
        assert time.monotonic() < end, "it takes too long"


async def ahead_ms(host: Host) -> tuple[float, float]:
    """By how much its clock is ahead of one of ours that nobody sets, at least and at most."""
    before = time.monotonic_ns()
    said = int((await host.run("date +%s%N")).text)
    return (said - time.monotonic_ns()) / 1e6, (said - before) / 1e6


async def told(host: Host) -> tuple[float, float, float]:
    """What it says itself: how wrong its clock is, and how fast that and its timers go."""
    said = facts((await host.run(clocks.TELL)).text, "=")
    return float(said["wrong_ms"]), float(said["wall"]), float(said["timers"])


async def install(host: Host) -> None:
    """Who bends its clock, and who undoes that."""
    assert (await host.run(lease.INSTALL)).status == 0
    await host.put(clocks.agent(), clocks.AGENT)
    await host.put(lease.UNDO.encode(), f"{lease.FOLDER}/undo")
    await host.put(lease.watch().encode(), f"{lease.FOLDER}/watch")


def test_its_clock_is_bent_and_put_back(login: Login) -> None:
    async def bend(host: Host, _: Host) -> None:
        before, was = await look(host), await ahead_ms(host)
        await install(host)

        async def off_by(ms: float) -> bool:
            now = await ahead_ms(host)
            return now[0] - was[1] - SAME_MS <= ms <= now[1] - was[0] + SAME_MS

        async def set_to(skew: Skew) -> None:
            done = await host.run(lease.renew(HOUR_MS / 1000) + clocks.bend(skew))
            assert done.status == 0, done

        for ms in (-HOUR_MS // 6, HOUR_MS):

            async def bumped(ms: int = ms) -> bool:
                await set_to(Skew(ms))
                return abs((await told(host))[0] - ms) < CLOSE_MS

            await until(bumped)
            assert await off_by(ms)
            assert not await off_by(0)
        found = differences(before, await look(host))
        assert [one.partition(" by ")[0] for one in found] == ["the clock has moved"]

        # What a stop does, and what is so then.
        assert (await host.run(f"sh {lease.FOLDER}/undo")).status == 0
        assert await off_by(0)
        assert differences(before, await look(host)) == []

        await set_to(Skew(-HOUR_MS, 1.1))

        async def drifts() -> bool:
            _, wall, timers = await told(host)
            return abs(wall - 1.1) < 0.01 and abs(timers - 1.1) < 0.01

        await until(drifts)
        assert not await off_by(0)

        # Nobody is left to put it back.
        assert (await host.run(lease.renew(1))).status == 0

        async def expired() -> bool:
            return (await host.run(["test", "-e", f"{lease.FOLDER}/expired"])).status == 0

        await until(expired)
        assert await off_by(0)

        async def as_fast_as_ever() -> bool:
            _, wall, timers = await told(host)
            return abs(wall - 1.0) < 0.01 and abs(timers - 1.0) < 0.01

        await until(as_fast_as_ever)
        await host.run(f"{lease.END}rm -rf {lease.FOLDER}")
        assert differences(before, await look(host)) == []

    on(login, bend)


def test_its_packets_are_late_lost_and_bad_by_netem(login: Login) -> None:
    link = frozenset({("machine", "beside")})
    faults = (
        Slow(link, delay_ms=500, loss=0.3),
        Packets(link, duplicate=0.3, corrupt=0.3),
    )
    network = Network({node: [one] for node, one in ADDRESSES.items()})

    async def disturb(host: Patient, beside: Beside) -> None:
        assert (await host.run(BESIDE + f"mkdir -p {lease.FOLDER}")).status == 0
        there = {"machine": host, "beside": beside}
        hosted = {
            node: Hosted(Contact(there[node]), Member(node, sid, one), Zab())
            for sid, (node, one) in enumerate(ADDRESSES.items(), start=1)
        }
        measuring = Measuring(hosted, network)
        way = slow.WAYS[(await look_at(host, Zab())).slow]
        assert way.name == "netem"
        before = await look(host)

        async def order(*faults: Slow | Packets) -> None:
            lags = network.lags("machine", union(faults))
            done = await host.run(slow.setting(way, lags, (22,)))
            assert done.status == 0, done

        for fault in faults:
            await order(fault)

            async def proven(fault: Slow | Packets = fault) -> bool:
                return (await measuring.seen(fault, union([fault]).slow)).proven

            await until(proven)
        await order(Slow(link, loss=1.0))
        greeting = "timeout 200 bash -c 'head -c 4 </dev/tcp/10.1.1.1/22'"
        assert (await beside.run(greeting)).out == b"SSH-", "SSH goes past it"
        found = differences(before, await look(host))
        assert any(one.startswith("qdisc is new: qdisc netem") for one in found), found
        await order()
        await host.run(["rm", "-rf", lease.FOLDER])
        assert differences(before, await look(host)) == []

    on(login, disturb)


def test_a_doctor_says_what_can_be_done_to_it(login: Login) -> None:
    steps = on(login, lambda host, _: examine(host, Zab(), []))
    said = {step.about: step.words for step in steps if step.well}
    assert said["clock"] == "faults bend the host's own, if no other host has its kernel"
    assert said["slowness"] == "delay, loss, narrow links and bad packets by netem"
    assert not [step for step in steps if step.needed and not step.well]
