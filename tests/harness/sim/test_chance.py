from __future__ import annotations

from harness.sim.chance import Chance


def test_streams_are_decided_by_seed_and_label_alone() -> None:
    first, second = Chance(7), Chance(7)
    net = [first.draw("net")(1000) for _ in range(5)]
    first.draw("another")(10)
    assert [second.draw("net")(1000) for _ in range(5)] == net
    assert net == [983, 397, 59, 261, 898], "a seed that was kept would mean something else now"
    assert [Chance(8).draw("net")(1000) for _ in range(5)] != net
    assert [Chance(7).draw("nets")(1000) for _ in range(5)] != net


def test_all_numbers_below_and_no_others_are_drawn() -> None:
    draw = Chance(1).draw("x")
    assert {draw(3) for _ in range(200)} == {0, 1, 2}
    assert {draw(1) for _ in range(9)} == {0}
