"""The report says what the results say, draws it without a fault, and trusts no value."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from checker.verdict import Verdict
from harness.plan import Gate, Results, Violation
from harness.report import CORE, REPORT, draw
from harness.store import StoredRun
from nemesis.fault import ClockSkew, Pause
from tests.harness.report.browser import Browser
from tests.harness.report.runs import MS, SECOND, Story, elections, stormy, traffic
from workloads.workload import Finding, Wrong

HOSTILE = '</script><script>document.documentElement.dataset.error="broken out"</script><img src=x>'
FINE = Finding(judge="linearizable", verdict=Verdict.VALID, calls=600, method="a search")


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    return Browser(tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def story_of(store: Path, **plan: Any) -> Story:
    story = Story(store, nemeses=("storm",), **plan)
    elections(story)
    traffic(story)
    stormy(story)
    return story


def drawn(told: tuple[StoredRun, Results]) -> Path:
    return draw(*told)


def data_of(page: Path) -> Any:
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.S
    )
    assert found
    return json.loads(found[1])


def stale(store: Path) -> Path:
    """A run in which a read gave what had been overwritten."""
    story = story_of(store)
    story.call(0, "write", 9001, 9_100 * MS, 10 * MS, key="r9")
    story.call(0, "write", 9002, 9_200 * MS, 10 * MS, key="r9")
    story.call(2, "read", None, 9_300 * MS, 10 * MS, answer=9001, key="r9", node="n3")
    rows = (602, 603, 604)
    wrong = Wrong("not linearizable", "key r9: p2 read 9001, which had been overwritten", rows)
    found = Finding(judge="linearizable", verdict=Verdict.INVALID, calls=605, wrongs=(wrong,))
    return drawn(story.written([found, FINE]))


# -- what it shows ------------------------------------------------------------------------------


def test_a_run_is_drawn_with_its_faults_and_leaders(store: Path, browser: Browser) -> None:
    page = drawn(story_of(store).written([FINE], [Gate("recovery", passed=True)]))
    seen = browser.after(
        page,
        """
        seen.verdict = text("#verdict");
        seen.bottom = page.getElementById("verdict").getBoundingClientRect().bottom;
        seen.bands = all("#faults .band").map((one) => one.getAttribute("class"));
        seen.leads = all("#axis .lead").map((one) => one.dataset.node);
        seen.leading = all("#roles .stint.leading").length;
        seen.panels = all("canvas.latency").length;
        seen.inked = [inked("#rate"), inked("canvas.latency"), inked("#calls")];
        seen.hidden = page.getElementById("clocks-panel").hidden;
        """,
    )
    assert seen["verdict"] == "Valid"
    assert 0 < seen["bottom"] < 300
    assert seen["bands"] == ["band proven", "band moot"]
    assert seen["leads"] == ["n3", "n1"]
    assert seen["leading"] == 2
    assert seen["panels"] == 2
    assert min(seen["inked"]) > 500
    assert seen["hidden"]
    text = page.read_text()
    assert "no judge found anything wrong" in text
    assert "n1 n2 | n3" in text
    assert "<span>--nemesis storm</span> <span>--time 10</span> <span>--on local</span>" in text
    assert "--seed 7" in text


def test_what_nodes_were_is_by_the_clock_of_the_run(store: Path) -> None:
    page = drawn(story_of(store).written([FINE]))
    data = data_of(page)
    (first, n3, one), (second, n1, two) = data["leads"]
    assert (data["nodes"][n3], data["nodes"][n1], one, two) == ("n3", "n1", 1, 2)
    # Half of what the answers leave room for: a call takes some 7 ms here.
    assert abs(first - 1_000_000) < 10_000
    assert abs(second - 6_000_000) < 10_000


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 800)])
def test_nothing_is_wider_than_the_screen_and_the_verdict_comes_first(
    store: Path, browser: Browser, width: int, height: int
) -> None:
    seen = browser.after(
        stale(store),
        """
        seen.bottom = page.getElementById("verdict").getBoundingClientRect().bottom;
        seen.small = all("button").filter((one) => one.getClientRects().length
          && !one.classList.contains("find") && one.getBoundingClientRect().height < 44).length;
        """,
        width=width,
        height=height,
    )
    assert seen["wide"] <= width
    assert 0 < seen["bottom"] < height / 2
    assert width > 640 or seen["small"] == 0


def test_a_wrong_is_told_with_its_calls_and_can_be_looked_at(store: Path, browser: Browser) -> None:
    page = stale(store)
    seen = browser.after(
        page,
        """
        seen.verdict = text("#verdict");
        seen.reason = text(".reason");
        seen.calls = all(".reason .find").map((one) => one.textContent);
        const before = text("#readout");
        click(".show");
        await drawn();
        seen.zoomed = text("#readout") !== before;
        seen.marks = all("#axis .wrong-mark").length;
        click(".reason .find");
        await drawn();
        seen.card = text("#card");
        key("#calls", "Escape");
        seen.closed = page.getElementById("card").hidden;
        """,
    )
    assert seen["verdict"] == "Invalid"
    assert "key r9: p2 read 9001" in seen["reason"]
    assert seen["calls"] == ["wrote 9001", "wrote 9002", "read 9001"]
    assert seen["zoomed"]
    assert seen["marks"] == 3
    assert "write 9001" in seen["card"]
    assert "Not linearizable" in seen["card"]
    assert seen["closed"]
    core = page.parent / CORE
    assert f'href="{CORE}"' in page.read_text()
    assert "leaves the state <strong>9002</strong>" in browser.dom(core)


def test_the_reader_can_walk_and_zoom_by_keys(store: Path, browser: Browser) -> None:
    page = drawn(story_of(store).written([FINE]))
    seen = browser.after(
        page,
        """
        const card = page.getElementById("card");
        key("#calls", "ArrowRight");
        seen.first = card.textContent;
        key("#calls", "ArrowRight");
        seen.next = card.textContent;
        key("#calls", "ArrowDown");
        seen.down = card.textContent;
        key("#calls", "Escape");
        const whole = text("#readout");
        key("#stage", "+");
        await drawn();
        seen.near = text("#readout") !== whole;
        key("#stage", "0");
        await drawn();
        seen.back = text("#readout") === whole;
        click(".find.go");
        await drawn();
        seen.fault = text("#readout");
        """,
    )
    assert "write 0" in seen["first"]
    assert seen["first"] != seen["next"] != seen["down"]
    assert seen["near"]
    assert seen["back"]
    assert seen["fault"].startswith("2.3")


def test_clocks_are_drawn_if_any_was_touched(store: Path, browser: Browser) -> None:
    story = story_of(store)
    story.fault(2, ClockSkew("n2", offset_ms=-4000), 6.5, 7.5)
    story.fault(3, Pause("n3"), 7.0, 8.0)
    story.fault(4, Pause("n2"), 7.0, 8.0, moot=True)
    page = drawn(story.written([FINE]))
    [[node, line]] = data_of(page)["clocks"]
    assert node == "n2"
    assert line[1:5] == [[6_500_000, 0], [6_500_000, -4000], [7_500_000, -4000], [7_500_000, 0]]
    seen = browser.after(
        page, 'seen.inked = inked("#clocks"); seen.paused = all(".stint.paused").length;'
    )
    assert seen["inked"] > 300
    assert seen["paused"] == 1


# -- what is not as it should be ----------------------------------------------------------------


def test_what_is_open_is_told_with_how_to_look_further(store: Path, browser: Browser) -> None:
    gate = Gate("storm had an effect", passed=False, why="2 injected, none seen")
    ended = Gate("n3 ended by itself", passed=False, why="exit status 1")
    violation = Violation("replicas differ", "n1: aa, n2: bb")
    story = story_of(store)
    page = drawn(story.written([FINE], [gate, ended], [violation]))
    text = browser.dom(page)
    assert '<h1 id="verdict">Invalid</h1>' in text
    assert text.index("Replicas differ") < text.index("2 injected, none seen")
    assert "Not met: storm had an effect" in text
    assert "</span> n3 ended by itself" in text
    assert "a longer --time makes room" in text
    assert "What held nevertheless" in text


def test_a_run_that_died_still_gets_a_report(store: Path, browser: Browser) -> None:
    story = story_of(store)
    story.call(5, "write", 5, 9_400 * MS, None)
    run, _ = story.written(died=True)
    with run.history.open("a") as file:
        file.write('{"index": 9999, "time_ns": 95')
    page = draw(run, Results(played=run.played(), findings=()))
    text = browser.dom(page)
    assert '<h1 id="verdict">Inconclusive</h1>' in text
    assert "it died before it could say how it went" in text
    assert re.search(r"</strong> history.jsonl:[0-9]+: the last line is torn", text)
    assert "1 call had no end when the history broke off" in text
    assert 'class="band proven"' in text


def test_without_a_history_that_can_be_read_the_rest_is_told(store: Path, browser: Browser) -> None:
    run, results = story_of(store).written([FINE])
    lines = run.history.read_text().splitlines(keepends=True)
    run.history.write_text("".join([*lines[:20], "garbage\n", *lines[20:]]))
    text = browser.dom(draw(run, results))
    assert 'data-ready="true"' in text
    assert "The history cannot be read" in text


def test_a_run_without_calls_or_nodes_is_told(store: Path, browser: Browser) -> None:
    run, results = Story(store).written()
    text = browser.dom(draw(run, results))
    assert 'data-ready="true"' in text
    assert "After 0 calls" in text


def test_what_nodes_do_after_the_history_broke_off_is_of_no_run(store: Path) -> None:
    story = Story(store)
    elections(story)
    traffic(story)
    story.logged(20 * SECOND, "n2", "established", epoch=3, zxid=0, acks=[1, 2, 3])
    data = data_of(drawn(story.written()))
    assert [lead[2] for lead in data["leads"]] == [1, 2]
    assert max(stint[3] for stint in data["stints"]) == data["end"]


def test_without_logs_roles_are_what_was_answered(store: Path) -> None:
    story = Story(store)
    for at, leader in ((1, "n1"), (4, "n2")):
        roles = {node: "leader" if node == leader else "" for node in ("n1", "n2")}
        story.note(at * SECOND, "run", "roles", roles)
    page = drawn(story.written())
    data = data_of(page)
    assert [lead[:2] for lead in data["leads"]] == [[1_000_000, 0], [4_000_000, 1]]
    assert "shown is what was answered once a second" in page.read_text()


# -- what it trusts, and how much it holds -------------------------------------------------------


def test_no_value_breaks_out_of_the_page(store: Path, browser: Browser) -> None:
    story = story_of(store)
    story.call(0, "write", HOSTILE, 9_000 * MS, 10 * MS, key=HOSTILE, node=HOSTILE)
    story.call(1, "write", 8, 9_000 * MS, 10 * MS, type="info", error=HOSTILE)
    story.note(9_100 * MS, "run", "phase", HOSTILE)
    story.note(9_100 * MS, "run", "roles", {HOSTILE: HOSTILE, "n1": "leader"})
    story.note(9_100 * MS, "nemesis", "injected", {"faults": HOSTILE})
    story.note(9_100 * MS, "nemesis", "injected", HOSTILE)
    story.fault(5, Pause(HOSTILE), 9.2, 9.3, aim=HOSTILE, evidence=HOSTILE)
    rows = (600, 601, 602, 10**9)
    found = Finding(
        judge=HOSTILE,
        verdict=Verdict.INVALID,
        calls=1,
        wrongs=(Wrong(HOSTILE, HOSTILE, rows), Wrong("not linearizable", HOSTILE, (602,))),
        method=HOSTILE,
    )
    page = drawn(story.written([found], [Gate(HOSTILE, passed=False, why=HOSTILE)]))
    assert page.read_text().count("<script") == 2
    seen = browser.after(
        page,
        """
        click(".show");
        click(".reason .find");
        await drawn();
        seen.scripts = all("script").length;
        seen.images = all("img").length;
        """,
    )
    assert (seen["scripts"], seen["images"]) == (2, 0)


def test_a_long_run_is_drawn_in_bounded_time_and_hides_nothing(
    store: Path, browser: Browser
) -> None:
    story = story_of(store)
    for number in range(130_000):
        at = SECOND + number * 60_000
        story.call(6 + number % 3, "read", None, at, 50_000, answer=1, key="long")
    page = drawn(story.written([FINE]))
    text = page.read_text()
    assert len(text) < 12_000_000
    assert "of 130,602 calls are drawn" in text
    assert ">130,300</td>" in text  # the table counts all of them
    data = data_of(page)
    assert data["every"] == [2, 1, 1, 1]
    assert 60_000 < len(data["calls"]["called"]) <= 120_000
    seen = browser.after(
        page,
        """
        key("#stage", "+");
        await drawn();
        seen.inked = inked("#calls");
        """,
    )
    assert seen["inked"] > 500


def test_drawing_again_changes_no_byte(store: Path) -> None:
    page = stale(store)
    before = page.read_bytes(), (page.parent / CORE).read_bytes()
    run = StoredRun(page.parent)
    rows = (602, 603, 604)
    wrong = Wrong("not linearizable", "key r9: p2 read 9001, which had been overwritten", rows)
    found = Finding(judge="linearizable", verdict=Verdict.INVALID, calls=605, wrongs=(wrong,))
    assert draw(run, Results(played=run.played(), findings=[found, FINE])).name == REPORT
    assert (page.read_bytes(), (page.parent / CORE).read_bytes()) == before
