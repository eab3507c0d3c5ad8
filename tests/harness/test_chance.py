"""Is chance decided by seed and label, and can it be played again?"""

from __future__ import annotations

from harness.chance import Chance


def test_streams_are_those_of_their_label_and_seed_alone() -> None:
    one, other = Chance(1), Chance(1)
    other.draw("b")(100)
    taken = [one.draw("a")(100) for _ in range(20)]
    assert taken == [other.draw("a")(100) for _ in range(20)]
    assert taken != [one.draw("b")(100) for _ in range(20)]
    assert taken != [Chance(2).draw("a")(100) for _ in range(20)]
    assert all(0 <= number < 100 for number in taken)
    assert len(set(taken)) > 5


def test_a_seed_means_the_same_for_good() -> None:
    draw = Chance(7).draw("net")
    assert [draw(1000) for _ in range(5)] == [983, 397, 59, 261, 898]
    draw = Chance(1).draw("x")
    assert {draw(3) for _ in range(200)} == {0, 1, 2}
    assert {draw(1) for _ in range(9)} == {0}


def test_a_simulation_keeps_how_often_it_drew_and_draws_that_again() -> None:
    first = Chance(3, keeps=False)
    drawn = [first.draw("net")(1000) for _ in range(5)]
    first.draw("disk/n2")
    assert first.tape == {"disk/n2": 0, "net": 5}
    again = Chance(3, first.tape, keeps=False)
    assert [again.draw("net")(1000) for _ in range(5)] == drawn
    assert Chance(3, first.tape).draw("net")(1000) == drawn[0]
    calm = Chance(3, {"net": 2, "calls/1": [4]}, calm=True, keeps=False)
    assert [calm.draw("net")(1000) for _ in range(4)] == [*drawn[:2], 0, 0]
    assert [calm.draw("calls/1")(9) for _ in range(3)] == [4, 0, 0]
    assert calm.draw("other")(9) == 0
    assert calm.tape == {"calls/1": [4, 0, 0], "net": 2, "other": 0}


def test_a_tape_is_played_again_and_goes_on() -> None:
    first = Chance(3)
    drawn = [first.draw("a")(10) for _ in range(5)]
    assert first.tape == {"a": drawn}
    again = Chance(3, first.tape)
    assert [again.draw("a")(10) for _ in range(8)][:5] == drawn
    calm = Chance(3, {"a": [9, 9]}, calm=True)
    assert [calm.draw("a")(5) for _ in range(4)] == [4, 4, 0, 0]
    assert calm.tape == {"a": [4, 4, 0, 0]}
    assert Chance(3, {"a": drawn[:2]}).draw("a")(10) == drawn[0]
