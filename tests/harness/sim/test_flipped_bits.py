"""Is a bit that flips on a disk noticed, and is nobody blamed for noticing it?"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from checker.verdict import Verdict
from harness.__main__ import app
from harness.chance import Chance
from harness.invariants import Event, Promise, broken, read
from harness.originals import Asked
from harness.sim.cluster import SimCluster
from harness.sim.conditions import Conditions
from harness.sim.hunt import Hunt, hunt
from harness.sim.loop import run as simulate
from harness.sim.quarry import results_of
from harness.sim.replaying import replay
from harness.sim.rotation import NEMESES, Wishes, case_for
from harness.store import StoredRun
from nemesis.fault import Crash, Fault, FlippedBit
from target_node.durable.names import logs_in

PATIENCE_S = 60.0
RECORDS = 20
LAST, BEFORE = FlippedBit("n2"), FlippedBit("n2", 0, 5000)
CAUGHT = (2, 5)
SEEDS = 100

Test = Callable[[SimCluster], Coroutine[Any, Any, None]]


def play(folder: Path, test: Test, *, records: int = RECORDS) -> None:
    async def main() -> None:
        cluster = SimCluster(Conditions(nodes=3, torn=False), Chance(1, keeps=False))
        await cluster.deploy(folder)
        try:
            if records:
                session = await cluster.connect("n1", timeout_s=PATIENCE_S)
                for _ in range(records):
                    await session.create("/some", b"thing", sequential=True)
            await test(cluster)
        finally:
            await cluster.stop()

    simulate(main(), most_s=600)


async def start_with(cluster: SimCluster, fault: Fault) -> Sequence[Event]:
    """What the node writes down of it."""
    before = len(said(cluster))
    await cluster.apply([fault])
    seen = await cluster.probe(fault, [fault])
    assert seen.proven, seen
    await cluster.apply([])
    return said(cluster)[before:]


def said(cluster: SimCluster) -> Sequence[Event]:
    return list(read(cluster.event_logs()["n2"]))


def test_a_last_txn_may_be_lost_and_nothing_else_is_excused(tmp_path: Path) -> None:
    async def test(cluster: SimCluster) -> None:
        events = await start_with(cluster, LAST)
        assert [one.name for one in events[:2]] == ["bit_flipped", "mended"]
        await cluster.recovered(within_s=PATIENCE_S)
        assert cluster.ended == {}
        everything = [one for files in cluster.event_logs().values() for one in read(files)]
        assert broken(everything) == ()
        (missed,) = broken([one for one in everything if one.name != "bit_flipped"])
        assert missed.promise is Promise.DURABLE

    play(tmp_path, test)


def test_who_cannot_start_gets_an_empty_disk(tmp_path: Path) -> None:
    async def test(cluster: SimCluster) -> None:
        events = await start_with(cluster, BEFORE)
        names = [one.name for one in events]
        assert names[:3] == ["bit_flipped", "cannot-start", "disk_lost"]
        assert "the checksum of a whole record is wrong" in events[1].facts["why"]
        await cluster.recovered(within_s=PATIENCE_S)
        prints = await cluster.fingerprints()
        assert len(set(prints.values())) == 1
        assert cluster.ended == {}
        again = await start_with(cluster, LAST)
        assert again[0].name == "bit_flipped"

    play(tmp_path, test)


@pytest.mark.parametrize("flipped", [True, False])
def test_who_cannot_start_long_after_is_left_alone(tmp_path: Path, flipped: bool) -> None:
    """Nobody knows what the others hold by then; a bit that was flipped explains it all the same.

    Without one it is a wrong.
    """

    async def test(cluster: SimCluster) -> None:
        if flipped:
            await start_with(cluster, LAST)
            await cluster.recovered(within_s=PATIENCE_S)
        crash = Crash("n2")
        await cluster.apply([crash])
        disk = cluster.world.nodes["n2"].disk
        disk.flip(logs_in(disk)[0][1], 8 * 300)
        await cluster.apply([])
        how = cluster.ended["n2"]
        assert "exit status 3: " in how
        assert cluster.ends.tell_of_a_wrong(how) is not flipped
        assert how.startswith("a bit of its disk was flipped: ") is flipped
        assert said(cluster)[-1].name == "cannot-start"

    play(tmp_path, test)


def test_no_bit_is_flipped_where_no_history_is(tmp_path: Path) -> None:
    async def test(cluster: SimCluster) -> None:
        await cluster.apply([LAST])
        seen = await cluster.probe(LAST, [LAST])
        assert (seen.proven, seen.words) == (False, "n2 is down, and its disk holds no history")
        await cluster.apply([])
        await cluster.recovered(within_s=PATIENCE_S)

    play(tmp_path, test, records=0)


def test_bits_that_flip_are_played_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "run --on sim -t 20 --rate 20 --seed 12 -n disk-flip,kill --json --store"
    done = CliRunner().invoke(app, [*words.split(), str(tmp_path)])
    (told,) = json.loads(done.stdout)["runs"]
    assert told["verdict"] == "valid", done.output
    assert told["faults"]["disk-flip"]["proven"] > 0
    store = StoredRun((tmp_path / "latest").resolve())
    assert replay(store.path, Asked(json=True)) == 0
    assert json.loads(capsys.readouterr().out)["same"] is True


def flips(bug: str | None = None) -> Wishes:
    return Wishes(nemeses=("disk-flip",), time_s=20.0, rate=20.0, bug=bug)


@pytest.mark.parametrize("seed", CAUGHT)
def test_who_takes_a_wrong_bit_for_true_is_caught(seed: int) -> None:
    """By the checks that every run has; and who does not, is not blamed in the same seed."""
    sound = results_of(case_for(seed, flips()))
    assert sound.verdict is Verdict.VALID, sound.as_json()
    assert sound.as_json()["faults"]["disk-flip"]["proven"] > 0
    broken_one = results_of(case_for(seed, flips("torn-tail-taken")))
    assert broken_one.verdict is Verdict.INVALID


@pytest.mark.prove
def test_a_sound_node_is_not_blamed_in_a_hundred_seeds(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    wishes = Wishes(nemeses=(*NEMESES, "disk-flip"), time_s=30.0, rate=20.0)
    assert hunt(Hunt(wishes=wishes, seeds=SEEDS, keep_going=True, store=tmp_path)) == 0
    record_property("measured", f"{SEEDS} seeds of 30 simulated seconds, all nemeses at once")


@pytest.mark.prove
def test_who_takes_a_wrong_bit_for_true_is_caught_in_most_seeds(
    record_property: Callable[[str, object], None],
) -> None:
    verdicts = [results_of(case_for(seed, flips("torn-tail-taken"))).verdict for seed in range(40)]
    caught = verdicts.count(Verdict.INVALID)
    record_property("measured", f"caught in {caught} of {len(verdicts)} seeds of 20 s")
    assert 2 * caught > len(verdicts)
