"""What a host with netem is told, in words; and whether tc takes them, and leaves SSH alone."""

from __future__ import annotations

import re

import pytest

from harness.deploy import slow
from harness.deploy.packets import Network
from harness.deploy.slow import WAYS, netem, setting
from harness.hosts.host import Host
from harness.lab.lab import Lab
from nemesis.fault import Packets, Slow
from nemesis.union import Lag, union
from tests.harness.labs import on

NETWORK = Network(
    {
        "n1": ("10.0.0.1", "fd00::1", "172.17.0.1"),
        "n2": ("10.0.0.2", "fd00::2", "172.17.0.1"),
        "n3": ("10.0.0.3",),
    },
    {"n1": (2200,)},
)


@pytest.mark.parametrize(
    ("lag", "words"),
    [
        (Lag(40), "delay 40000us"),
        (Lag(40, 30), "delay 55000us 15000us"),
        (Lag(loss=0.35), "loss 35%"),
        (Lag(bytes_per_s=4096), "rate 32768bit"),
        (Lag(duplicate=0.05), "duplicate 5%"),
        (Lag(reorder=0.25), "delay 20000us reorder 25%"),
        (Lag(10, reorder=0.25), "delay 30000us reorder 25%"),
        (Lag(0, 0, 0.1, 1000, 0.2), "loss 10% duplicate 20% rate 8000bit"),
        (Lag(10, corrupt=0.3), "delay 10000us corrupt 30%"),
    ],
)
def test_netem_in_words(lag: Lag, words: str) -> None:
    assert netem(lag) == f"netem limit 10000 {words}"


def test_only_what_goes_to_a_slow_peer_is_touched() -> None:
    so = union([Slow(frozenset({("n1", "n2"), ("n3", "n1")}), delay_ms=20)])
    assert NETWORK.lags("n1", so) == {"10.0.0.2": Lag(20), "fd00::2": Lag(20), "10.0.0.3": Lag()}
    text = WAYS["netem"].script(NETWORK.lags("n1", so), (2200,))
    assert "172.17.0.1" not in text, "who has it nobody knows"
    assert "10.0.0.3" not in text
    assert "protocol ip prio 10 u32 match ip dst 10.0.0.2/32 flowid 7ab7:1\n" in text
    assert "protocol ipv6 prio 11 u32 match ip6 dst fd00::2/128 flowid 7ab7:2\n" in text
    lines = text.splitlines()
    passing = [n for n, line in enumerate(lines) if "flowid 7ab7:0" in line]
    assert max(passing) < min(n for n, line in enumerate(lines) if "class add" in line)
    for port in (22, 2200):
        for way in ("sport", "dport"):
            for kind in ("ip", "ip6"):
                assert f"match {kind} protocol 6 0xff match {kind} {way} {port} 0xffff" in text


def test_what_is_so_is_not_touched_again() -> None:
    calm = NETWORK.lags("n1", union([]))
    way = WAYS["netem"]
    nothing = setting(way, calm, (22,))
    assert "htb default" not in nothing
    assert '"$was" != ""' in nothing
    one = NETWORK.lags("n1", union([Slow(frozenset({("n1", "n2")}), 20)]))
    other = NETWORK.lags("n1", union([Slow(frozenset({("n1", "n2")}), 30)]))
    assert setting(way, one, (22,)) == setting(way, one, (22,)) != setting(way, other, (22,))


def harmless(text: str) -> str:
    return re.sub("netem limit .*", "pfifo limit 1000", text)


def test_tc_takes_it_and_lets_ssh_pass(lab: Lab) -> None:
    """Where the kernel has no netem, a queue that delays nothing stands for it."""
    lags = {
        "10.77.0.2": Lag(20),
        "10.77.0.3": Lag(),
        "10.77.0.4": Lag(loss=0.1),
        "fd77::2": Lag(20),
    }
    text = harmless(setting(WAYS["netem"], lags, (22, 2200)))

    def sent(stats: str) -> dict[str, int]:
        found, name = {}, ""
        for line in stats.splitlines():
            if line.startswith("class htb"):
                name = line.split()[2]
            elif line.strip().startswith("Sent"):
                found[name] = int(line.split()[3])
        return found

    async def look(host: Host) -> None:
        mkdir = f"mkdir -p {slow.STATE.rpartition('/')[0]}\n"
        done = await host.run(mkdir + text)
        assert done.status == 0, done
        leaves = "tc qdisc show dev eth0 | grep pfifo"  # made anew they have other numbers
        again = (await host.run(leaves)).text
        assert (await host.run(text)).status == 0
        assert (await host.run(leaves)).text == again, "it is left as it is"
        dial = "timeout 1 bash -c ': </dev/tcp/{}/{}' 2>/dev/null; "
        before = sent((await host.run("tc -s class show dev eth0")).text)
        assert len(before) == 3
        await host.run("".join(dial.format(to, 22) for to in (*lags, "10.77.0.5")))
        await host.run("".join(dial.format(to, 3888) for to in ("10.77.0.3", "10.77.0.5")))
        assert sent((await host.run("tc -s class show dev eth0")).text) == before
        await host.run(dial.format("10.77.0.2", 3888))
        after = sent((await host.run("tc -s class show dev eth0")).text)
        assert [after[one] - before[one] for one in sorted(after)] == [1, 0, 0]
        await host.run(dial.format("fd77::2", 3888))
        after = sent((await host.run("tc -s class show dev eth0")).text)
        assert [after[one] - before[one] for one in sorted(after)] == [1, 0, 1]
        mine = "tc qdisc add dev lo root tbf rate 1gbit burst 1mb latency 50ms"
        assert (await host.run(mine)).status == 0
        nothing = setting(WAYS["netem"], dict.fromkeys(lags, Lag()), (22, 2200))
        assert (await host.run(nothing)).status == 0
        left = (await host.run("tc qdisc show")).text
        await host.run("tc qdisc del dev lo root")
        assert "htb" not in left
        assert "tbf" in left, "what is the user's stays"

    on(lab.logins[0], look)


def test_a_users_own_discipline_keeps_netem_away(lab: Lab) -> None:
    lags = {"10.77.0.2": Lag(20)}
    text = harmless(setting(WAYS["netem"], lags, (22,)))

    async def look(host: Host) -> None:
        await host.run("tc qdisc add dev eth0 root tbf rate 1gbit burst 1mb latency 50ms")
        done = await host.run(text)
        seen = await host.run("tc qdisc show dev eth0")
        await host.run("tc qdisc del dev eth0 root")
        assert done.status == 79
        assert "tbf" in seen.text
        assert "htb" not in seen.text

    on(lab.logins[0], look)


def test_what_is_written_for_a_switch() -> None:
    so = union([Packets(frozenset({("n1", "n2")}), duplicate=0.5)])
    text = WAYS["switch"].script(NETWORK.lags("n1", so), (22,))
    assert "10.0.0.2 0 0 0.000000 0 0.500000 0.000000 0.000000" in text
    assert "10.0.0.3 0 0 0.000000 0 0.000000 0.000000 0.000000" in text
    assert "route replace 10.0.0.2 dev zabtest0 proto 171" in text
    assert "route replace fd00::2 dev zabtest0 proto 171" in text
    assert "route replace 10.0.0.3" not in text
