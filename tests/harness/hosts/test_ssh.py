"""Commands and files on a host, over a real sshd."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.hosts import connection, shell
from harness.hosts.host import Command, Done, checked, words
from harness.hosts.ssh import Pool, SshHost
from harness.hosts.trouble import CommandFailed, Late, Lost
from harness.lab.lab import Lab
from tests.harness.labs import hosts_of, on

EVIL = "x'; touch /tmp/evil; $(touch /tmp/evil) `touch /tmp/evil` \" \\ \n & -rf *"


def test_what_a_command_says_and_how_it_ends(lab: Lab) -> None:
    async def look(host: SshHost) -> None:
        done = await host.run("echo out; echo err >&2; exit 3")
        assert (done.status, done.out, done.err) == (3, b"out\n", b"err\n")
        done = await host.run(["printf", r"\000\377no end of line"])
        assert (done.status, done.out) == (0, b"\0\xffno end of line")
        assert (await host.run("cat")).out == b"", "a command waits for no input"
        assert (await host.run("(")).status == 2, "what is no script is no end of the shell"
        assert (await host.run(["no-such-program"])).status == 127
        assert (await host.run("head -c 5000000 /dev/zero; head -c 5000000 /dev/zero >&2")) == (
            await host.run("head -c 5000000 /dev/zero >&2; head -c 5000000 /dev/zero")
        )

    on(lab.logins[0], look)


def test_nothing_malicious_is_run(lab: Lab) -> None:
    async def look(host: SshHost) -> None:
        assert (await host.run(["printf", "%s", EVIL])).text == EVIL
        assert (await host.run("printf %s " + words([EVIL]))).text == EVIL
        await host.run(["mkdir", "-p", "/tmp/names"])
        name = "/tmp/names/" + EVIL.replace("/", "_")
        await host.put(b"1", name)
        assert await host.get(name) == b"1"
        await host.start(["sleep", EVIL], out=f"{name}.out", directory="/tmp/names")
        assert (await host.run("test -e /tmp/evil")).status == 1
        with pytest.raises(ValueError, match="NUL"):
            await host.run(["echo", "\0"])

    on(lab.logins[0], look)


def test_a_command_that_hangs_is_killed_there(lab: Lab) -> None:
    async def look(host: SshHost) -> None:
        await host.run(":")
        for apart in (False, True):
            with pytest.raises(Late, match="not over in time"):
                await host.run("sleep 4321 & sleep 4321", deadline_s=0.3, apart=apart)
            done = await host.run("ps -eo args | grep -c '^sleep 4321'")
            assert done.text == "0"
        assert (await host.run("echo still")).text == "still"

    on(lab.logins[0], look)


def test_hanging_commands_do_not_keep_others_waiting(lab: Lab) -> None:
    async def look(host: SshHost) -> None:
        hanging = [
            asyncio.create_task(host.run("sleep 1000", deadline_s=6, apart=True)) for _ in range(3)
        ]
        await asyncio.sleep(0.2)
        assert [(await host.run(["echo", n])).text for n in "abc"] == ["a", "b", "c"]
        with pytest.raises(Late, match="busy"):
            await host.run("true", deadline_s=0.2, apart=True)
        for one in hanging:
            with pytest.raises(Late):
                await one

    on(lab.logins[0], look)


def test_a_broken_connection_is_told_and_made_again(lab: Lab) -> None:
    async def look(host: SshHost) -> None:
        # The shell's parent is the sshd of this connection.
        with pytest.raises(Lost):
            await host.run("kill -9 $(ps -o ppid= $$)")
        assert (await host.run("echo back")).text == "back"
        await host.run("rm -f /tmp/once")
        breaks_once = "test -e /tmp/once || { : >/tmp/once; kill -9 $(ps -o ppid= $$); }; echo done"
        assert (await host.run(breaks_once, again=True)).text == "done"

    on(lab.logins[0], look)


def test_a_slow_host_is_sent_large_files_too(lab: Lab) -> None:
    class Sluggish(SshHost):
        async def run(self, command: Command, **more: Any) -> Done:
            await asyncio.sleep(0.7)
            return await super().run(command, **more)

    async def doing() -> None:
        pool = Pool()
        host = Sluggish(lab.logins[0], pool)
        try:
            await host.put(bytes(700_000), "/tmp/large", deadline_s=3)  # in five commands
            assert (await host.run(["stat", "-c", "%s", "/tmp/large"])).text == "700000"
        finally:
            await host.close()
            pool.close()

    asyncio.run(doing())


def test_files_come_and_go(lab: Lab, tmp_path: Path) -> None:
    content = bytes(range(256)) * 3000

    async def look(host: SshHost) -> None:
        await host.put(content, "/tmp/a file", mode=0o640)
        assert await host.get("/tmp/a file") == content
        assert (await host.run(["stat", "-c", "%a", "/tmp/a file"])).text == "640"
        await host.put(b"", "/tmp/a file")
        assert await host.get("/tmp/a file") == b""
        with pytest.raises(CommandFailed, match="No such file"):
            await host.get("/tmp/nothing")
        with pytest.raises(CommandFailed, match="irectory"):
            await host.put(b"1", "/tmp/no/such/folder")
        await host.run("mkdir -p /tmp/tree/deep; echo 1 >/tmp/tree/deep/one; echo 2 >/tmp/tree/two")
        await host.fetch("/tmp/tree", tmp_path / "got")
        await host.run("mkdir -p /tmp/full; mount -t tmpfs -o size=64k tmpfs /tmp/full")
        with pytest.raises(CommandFailed, match="n1: the disk is full: make room"):
            await host.put(content, "/tmp/full/file")
        assert (await host.run("ls -A /tmp/full; umount /tmp/full")).text == "", "nothing is left"

    on(lab.logins[0], look)
    assert (tmp_path / "got/deep/one").read_text() == "1\n"
    assert (tmp_path / "got/two").read_text() == "2\n"


def test_what_is_started_goes_on(lab: Lab) -> None:
    async def begin(host: SshHost) -> None:
        process = await host.start(["sh", "-c", "echo here; sleep 4242"], out="/tmp/started")
        assert process.started > 0
        await host.run(["sh", "-c", f"echo {process.pid} >/tmp/started.pid"])

    async def look(host: SshHost) -> None:
        assert (await host.run("kill -0 $(cat /tmp/started.pid)")).status == 0
        assert await host.get("/tmp/started") == b"here\n"
        await host.run("kill -9 -$(cat /tmp/started.pid)")

    on(lab.logins[1], begin)
    on(lab.logins[1], look)


def test_failed_commands_are_told_in_a_sentence(lab: Lab) -> None:
    async def look(host: SshHost) -> None:
        with pytest.raises(CommandFailed, match=r"^n1: `false` ended with status 1"):
            await checked(host, ["false"])
        with pytest.raises(CommandFailed, match=r"^n1: a program is not installed: .*nonesuch"):
            await checked(host, ["nonesuch"])
        with pytest.raises(CommandFailed) as raised:
            await checked(host, "printf '\\033[2Jbad\\nworse' >&2; false")
        assert "\033" not in str(raised.value)
        assert "\n" not in str(raised.value)

    on(lab.logins[0], look)


def _many(lab: Lab, count: int) -> float:
    """So many commands, by 20 at a time, over all connections; half of them on channels of their
    own. How many a second.
    """

    async def load() -> float:
        async with hosts_of(tuple(lab.logins)) as hosts:
            numbers = iter(range(count))

            async def one_after_the_other() -> None:
                for number in numbers:
                    host = hosts[number % len(hosts)]
                    done = await host.run(
                        ["echo", str(number)], apart=number % 4 < 2, deadline_s=60
                    )
                    assert done == Done(0, f"{number}\n".encode())

            begin = time.monotonic()
            await asyncio.gather(*(one_after_the_other() for _ in range(20)))
            return count / (time.monotonic() - begin)

    return asyncio.run(load())


def test_a_thousand_commands(lab: Lab) -> None:
    _many(lab, 1000)


@pytest.mark.prove
def test_twenty_thousand_commands_without_a_failure(
    lab: Lab, record_property: Callable[[str, object], None]
) -> None:
    rate = _many(lab, 20_000)
    record_property("measured", f"20,000 commands over 5 connections, {rate:.0f}/s, 0 failed")


def test_what_a_login_says_runs_nothing(lab: Lab) -> None:
    noise = b"printf '%s\\n' \"x'; touch /tmp/evil\" '$(touch /tmp/evil)' '`touch /tmp/evil`' 1 2\n"

    async def prepare(host: SshHost) -> None:
        await host.put(noise + noise.replace(b"\n", b" >&2\n"), "/root/.bashrc")

    async def look(host: SshHost) -> None:
        assert await host.run("echo out; echo err >&2") == Done(0, b"out\n", b"err\n")
        await host.run("rm /root/.bashrc")
        assert (await host.run("test -e /tmp/evil")).status == 1

    on(lab.logins[2], prepare)
    on(lab.logins[2], look)


def test_a_connection_that_hangs_is_given_up(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_KILL_S", 0.5)
    monkeypatch.setattr(shell, "_GOODBYE_S", 0.3)

    async def doing() -> None:
        async with hosts_of((lab.logins[2], lab.logins[2])) as (host, other):
            sshd = (await host.run("ps -o ppid= $$")).text
            await other.run(f"kill -STOP {sshd}")
            with pytest.raises(Late):
                await host.run("true", deadline_s=0.5)
            assert (await host.run("echo again", deadline_s=30)).text == "again"
            await other.run(f"kill -KILL {sshd}")

    asyncio.run(doing())
