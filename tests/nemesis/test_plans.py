"""Do the bundled nemeses only what their kinds say, calmly if chance is calm, and by name?"""

from __future__ import annotations

from importlib.metadata import EntryPoint
from itertools import islice

import pytest

from nemesis import registry
from nemesis.fault import DISKS, Crash, Pause, PowerLoss
from nemesis.plan import AtNodes, Nemesis
from nemesis.registry import NoNemesis, check_supported, named, nemeses
from nemesis.targets import Scene, resolve
from tests.nemesis.fakes import FIVE, ROLES, FakeSurface, seeded, zeros

SCENE = Scene(FIVE, ROLES)


@pytest.mark.parametrize("name", nemeses())
def test_a_plan_injects_only_its_kinds(name: str) -> None:
    nemesis, draw = nemeses()[name], seeded(name)
    busy = 0
    for step in islice(nemesis.plan(FakeSurface(), draw), 300):
        assert 0 <= step.wait_s <= 20
        assert 0 < step.hold_s <= 20
        assert step.times >= 1
        aim = step.aim if step.when is None else step.when.then("n3")
        if aim is not None:
            faults = aim.faults(SCENE, draw)
            assert {type(fault) for fault in faults} <= nemesis.kinds | nemesis.more
            busy += bool(faults)
    assert busy > 250


@pytest.mark.parametrize("name", nemeses())
def test_without_chance_nothing_is_done(name: str) -> None:
    for step in islice(nemeses()[name].plan(FakeSurface(), zeros), 20):
        assert step.aim is None


@pytest.mark.parametrize("name", nemeses())
def test_the_same_chance_makes_the_same_plan(name: str) -> None:
    def told() -> list[str]:
        return [repr(s) for s in islice(nemeses()[name].plan(FakeSurface(), seeded("x")), 50)]

    assert told() == told()


@pytest.mark.parametrize(
    ("target", "least", "most"),
    [("one", 1, 1), ("minority", 1, 2), ("majority", 3, 3), ("all", 5, 5), ("follower", 1, 1)],
)
def test_so_many_nodes_are_meant(target: str, least: int, most: int) -> None:
    counts = [len(set(resolve(target, SCENE, seeded(str(i))))) for i in range(50)]
    assert (min(counts), max(counts)) == (least, most)


def test_roles_and_names_are_found() -> None:
    assert resolve("leader", SCENE, zeros) == ("n2",)
    assert resolve("n4", SCENE, zeros) == ("n4",)
    assert resolve("leader", Scene(FIVE), zeros) == ()
    assert resolve("minority", Scene(("n1", "n2")), zeros) == ()
    assert "n2" not in {resolve("follower", SCENE, seeded(str(i)))[0] for i in range(30)}
    with pytest.raises(ValueError, match="'n9' is no node"):
        resolve("n9", SCENE, zeros)


def test_observers_are_in_no_majority() -> None:
    scene = Scene(FIVE, {**ROLES, "n4": "observer", "n5": "observer"})
    for i in range(30):
        chosen = resolve("majority", scene, seeded(str(i)))
        assert len(chosen) == 2
        assert not {"n4", "n5"} & set(chosen)


def test_names_are_found_or_refused() -> None:
    assert [one.name for one in named("partition, kill,clock")] == ["partition", "kill", "clock"]
    assert named("none") == named("") == ()
    with pytest.raises(NoNemesis, match="no nemesis 'flood'; there are partition"):
        named("kill,flood")
    with pytest.raises(NoNemesis, match="'kill' is named twice"):
        named("kill,kill")


def test_every_nemesis_says_in_a_line_what_it_does() -> None:
    for name, nemesis in nemeses().items():
        assert nemesis.name == name
        assert 10 < len(nemesis.about) < 80, nemesis.about
        assert "\n" not in nemesis.about


def test_what_a_cluster_cannot_do_is_refused_beforehand() -> None:
    surface = FakeSurface()
    check_supported(named("kill,clock"), surface)
    surface.supports = frozenset({Crash, Pause})
    with pytest.raises(
        NoNemesis, match=r"'clock' needs .* cannot do: clock; it can do crash, pause"
    ):
        check_supported(named("kill,clock"), surface)


def test_a_disk_loses_power_only_where_that_can_be_done() -> None:
    def kinds(surface: FakeSurface) -> set[type]:
        found, draw = set(), seeded("disk")
        for step in islice(named("disk")[0].plan(surface, draw), 100):
            if step.aim is not None:
                found |= {type(fault) for fault in step.aim.faults(SCENE, draw)}
        return found

    surface = FakeSurface()
    assert kinds(surface) == DISKS
    surface.supports = frozenset(DISKS - {PowerLoss})
    check_supported(named("disk"), surface)
    assert kinds(surface) == surface.supports
    with pytest.raises(NoNemesis, match="cannot do: power-loss"):
        check_supported(named("power-loss"), surface)


MINE = Nemesis("mine", "crashes n1 for ever", frozenset({Crash}), lambda surface, draw: iter(()))
ODD = AtNodes("one", Crash)


def test_others_add_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    def points(group: str) -> list[EntryPoint]:
        return [EntryPoint("mine", f"{__name__}:MINE", group)]

    monkeypatch.setattr(EntryPoint, "load", lambda self: MINE)
    monkeypatch.setattr(registry, "entry_points", points)
    assert named("mine,kill")[0] is MINE
    monkeypatch.setattr(EntryPoint, "load", lambda self: [ODD])
    with pytest.raises(NoNemesis, match="is no Nemesis"):
        nemeses()
