"""Is chance decided by seed and label, and can it be played again?"""

from __future__ import annotations

from harness.chance import Chance
from harness.sim.chance import Chance as SimulatedChance


def test_streams_are_those_of_their_label_and_seed_alone() -> None:
    one, other = Chance(1), Chance(1)
    other.draw("b")(100)
    taken = [one.draw("a")(100) for _ in range(20)]
    assert taken == [other.draw("a")(100) for _ in range(20)]
    assert taken != [one.draw("b")(100) for _ in range(20)]
    assert taken != [Chance(2).draw("a")(100) for _ in range(20)]
    assert all(0 <= number < 100 for number in taken)
    assert len(set(taken)) > 5


def test_simulations_draw_the_same_numbers() -> None:
    ours, theirs = Chance(5).draw("calls/3"), SimulatedChance(5).draw("calls/3")
    assert [ours(1000) for _ in range(50)] == [theirs(1000) for _ in range(50)]


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
