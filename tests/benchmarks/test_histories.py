"""Are the benchmark's histories what they are said to be?"""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.histories import ROWS, NothingToSpoil, Recipe, draw, write
from checker.check import check
from checker.formats.jsonl import read
from checker.history import History
from checker.models.register import CasRegister, Write
from checker.outcome import Failed, Unknown
from checker.verdict import Verdict

SMALL = {
    "plain": Recipe(calls=400),
    "keys": Recipe(calls=400, keys=20),
    "unique": Recipe(calls=400, unique=True),
    "crash": Recipe(calls=400, crash=0.1, values=20),
    "unique crash": Recipe(calls=400, crash=0.1, unique=True),
    "mostly cas": Recipe(calls=400, cas=0.9, reads=0.05, values=3),
    "crowd": Recipe(calls=300, processes=60),
}
SPOILABLE = {
    "plain": Recipe(calls=400, values=20),
    "keys": Recipe(calls=2_000, keys=4, values=20),
    "unique": Recipe(calls=400, unique=True),
    "crash": Recipe(calls=400, crash=0.05, values=50),
    "unique crash": Recipe(calls=400, crash=0.1, unique=True),
}


def history_of(recipe: Recipe, folder: Path) -> History:
    path = folder / "history.jsonl"
    write(path, recipe)
    return read(path, CasRegister())


@pytest.mark.parametrize("recipe", SMALL.values(), ids=SMALL)
@pytest.mark.parametrize("seed", range(5))
def test_what_one_register_answered_is_valid(recipe: Recipe, seed: int, tmp_path: Path) -> None:
    history = history_of(replace(recipe, seed=seed), tmp_path)
    assert len(history) == recipe.calls
    assert check(history, CasRegister()).verdict is Verdict.VALID


@pytest.mark.parametrize("recipe", SPOILABLE.values(), ids=SPOILABLE)
@pytest.mark.parametrize("seed", range(5))
def test_one_stale_read_makes_it_invalid(recipe: Recipe, seed: int, tmp_path: Path) -> None:
    history = history_of(replace(recipe, seed=seed, corrupt=True), tmp_path)
    assert check(history, CasRegister()).verdict is Verdict.INVALID


def test_corruption_changes_one_answer_and_nothing_else(tmp_path: Path) -> None:
    recipe = Recipe(calls=400, values=20)
    write(tmp_path / "before", recipe)
    write(tmp_path / "after", replace(recipe, corrupt=True))
    before = (tmp_path / "before").read_text().splitlines()
    after = (tmp_path / "after").read_text().splitlines()
    changed = [place for place, line in enumerate(after) if line != before[place]]
    assert len(changed) == 1
    assert '"f":"read"' in after[changed[0]]
    assert changed[0] > len(after) * 3 // 4


def test_the_same_recipe_gives_the_same_file(tmp_path: Path) -> None:
    recipe = Recipe(calls=300, crash=0.1, keys=3)
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        write(tmp_path / name, replace(recipe, seed=seed))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes() != (tmp_path / "c").read_bytes()


def test_a_process_that_crashed_never_calls_again(tmp_path: Path) -> None:
    history = history_of(Recipe(calls=500, crash=0.2), tmp_path)
    crashed: set[int] = set()
    for op in history:
        assert op.process not in crashed
        assert not isinstance(op.outcome, Failed)
        if isinstance(op.outcome, Unknown):
            crashed.add(op.process)
    assert 50 < len(crashed) < 150


def test_some_crashed_calls_take_effect_late_and_some_never() -> None:
    crashed = [call for call in draw(Recipe(calls=2_000, crash=0.5)) if call.crashed]
    never = [call for call in crashed if call.effect == float("inf")]
    late = [call for call in crashed if call.ended < call.effect < float("inf")]
    assert 0.4 < len(never) / len(crashed) < 0.6
    assert 0.1 < len(late) / len(crashed) < 0.4


def test_unique_means_that_no_value_is_written_twice(tmp_path: Path) -> None:
    history = history_of(Recipe(calls=300, unique=True), tmp_path)
    written = [op.call.value for op in history if isinstance(op.call, Write)]
    assert len(written) == len(set(written))


def test_what_cannot_be_spoiled_for_sure_is_not_spoiled() -> None:
    with pytest.raises(NothingToSpoil, match="ask for more values"):
        draw(Recipe(calls=200, values=1, corrupt=True))


def test_rows_differ() -> None:
    assert len(set(ROWS.values())) == len(ROWS)
