"""The page says what the judgement says, draws it without a fault, and trusts no value."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from checker.explanation import Explanation
from checker.formats.event import Truth
from checker.history import History, Op
from checker.models import named
from checker.models.register import MISMATCH, Cas, Read, Write
from checker.outcome import DONE, Failed, Ok, Unknown
from checker.page import render, words
from checker.verdict import Judgement, PartVerdict, Prefix, Stuck, Verdict, worst

MODEL = named("cas-register")
HOSTILE = '</script><script>document.documentElement.dataset.error="broken out"</script><img src=x>'
LARGEST = 3_000_000

# -- a real browser -----------------------------------------------------------------------------


@pytest.fixture(scope="session")
def chromium() -> str:
    found = shutil.which("chromium")
    if found is None:
        pytest.fail("the page is tested in a real browser: apt-get install chromium")
    return found


class Browser:
    """Opens a page without a screen and tells what became of it."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program = program
        self.folder = folder

    def dom(self, page: str) -> str:
        """The document after its script has run."""
        (self.folder / "page.html").write_text(page, encoding="utf-8")
        return self._open(self.folder / "page.html")

    def after(self, page: str, script: str, width: int = 1280) -> dict[str, Any]:
        """What `script` put into `seen` while it played with the page from outside."""
        (self.folder / "page.html").write_text(page, encoding="utf-8")
        (self.folder / "hands.html").write_text(
            f"""<iframe src="page.html" id="frame" width="{width}" height="900"></iframe>
            <pre id="seen"></pre><script>
            frame.onload = () => {{
              const page = frame.contentDocument, view = frame.contentWindow, seen = {{}};
              const all = (selector) => [...page.querySelectorAll(selector)];
              const shown = (selector) => all(selector).filter(
                (e) => e.getAttribute("display") !== "none" && e.getClientRects().length > 0);
              const key = (key, shiftKey = false) => page.getElementById("lanes").dispatchEvent(
                new view.KeyboardEvent("keydown", {{ key, shiftKey, bubbles: true }}));
              const click = (selector) => page.querySelector(selector).click();
              const text = (selector) => page.querySelector(selector).textContent;
              try {{ {script} }} catch (error) {{ seen.thrown = String(error); }}
              seen.error = page.documentElement.dataset.error || null;
              const told = encodeURIComponent(JSON.stringify(seen));
              document.getElementById("seen").textContent = told;
            }};
            </script>""",
            encoding="utf-8",
        )
        dom = self._open(self.folder / "hands.html", "--allow-file-access-from-files")
        match = re.search(r'<pre id="seen">([^<]+)</pre>', dom)
        assert match, "the page never finished loading"
        seen: dict[str, Any] = json.loads(unquote(match[1]))
        assert seen.get("thrown") is None, seen["thrown"]
        assert seen["error"] is None, seen["error"]
        return seen

    def _open(self, file: Path, *options: str) -> str:
        quiet = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={self.folder / 'profile'}",
        ]
        done = subprocess.run(
            [
                self.program,
                *quiet,
                *options,
                "--window-size=1280,900",
                "--virtual-time-budget=4000",
                "--dump-dom",
                file.as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
        return done.stdout


@pytest.fixture
def browser(chromium: str, tmp_path: Path) -> Browser:
    return Browser(chromium, tmp_path)


def assert_drawn(dom: str) -> None:
    assert 'data-ready="true"' in dom, "the script did not reach its end"
    assert "data-error" not in dom
    assert re.search(r'<section class="chart" id="chart" aria-labelledby="chart-head">', dom)


# -- histories ----------------------------------------------------------------------------------


def op(
    process: int, call: Any, outcome: Any, called: int, returned: int | None, **more: Any
) -> Any:
    return Op(
        process=process, call=call, outcome=outcome, called_ns=called, returned_ns=returned, **more
    )


def judged(history: History, *parts: PartVerdict) -> Judgement:
    return Judgement(
        verdict=worst(part.verdict for part in parts),
        parts=parts,
        calls=len(history),
        seconds=0.25,
    )


VALID = History.of(
    [
        op(0, Write(1), Ok(DONE), 1_000, 5_000),
        op(1, Read(), Ok(1), 2_000, 6_000),
        op(2, Cas(2, 3), Ok(MISMATCH), 7_000, 9_000, session=77, node="n1"),
        op(3, Write(4), Unknown("timeout"), 8_000, None),
        op(4, Write(9), Failed("connection refused"), 8_500, 9_500),
        op(1, Read(), Ok(4), 10_000, 12_000),
    ]
)
VALID_ORDER = PartVerdict(
    key=None, verdict=Verdict.VALID, calls=6, method="a search", order=(0, 1, 2, 3, 5)
)

STALE = History.of(
    [
        op(0, Write(1), Ok(DONE), 1_000, 2_000),
        op(1, Write(2), Ok(DONE), 3_000, 4_000),
        op(3, Read(), Ok(2), 3_500, 8_000),
        op(2, Read(), Ok(1), 5_000, 6_000),
    ]
)
STUCK = Stuck(row=3, prefixes=(Prefix((0, 1, 2), 2), Prefix((0, 1), 2)), dropped_prefixes=4)
STALE_PART = PartVerdict(
    key=None, verdict=Verdict.INVALID, calls=4, method="a search", stuck=STUCK, steps=12
)
STALE_PAGE = render(
    STALE,
    judged(STALE, STALE_PART),
    MODEL,
    title="stale.jsonl",
    explanations={None: Explanation("Process 2 read 1 after it was overwritten.", (0, 1, 3))},
)


def long_history(calls: int, stale_at: int | None = None) -> tuple[History, PartVerdict]:
    """Two processes in turn, each call right after the other; one read is of the first value."""
    ops = []
    for n in range(calls):
        outcome = Ok(DONE) if n % 2 == 0 else Ok(0 if n == stale_at else n - 1)
        ops.append(op(n % 2, Write(n) if n % 2 == 0 else Read(), outcome, 1000 * n, 1000 * n + 900))
    history = History.of(ops)
    if stale_at is None:
        part = PartVerdict(
            key=None, verdict=Verdict.VALID, calls=calls, method="a search", order=(*range(calls),)
        )
        return history, part
    stuck = Stuck(row=stale_at, prefixes=(Prefix((*range(stale_at),), stale_at - 1),))
    return history, PartVerdict(
        key=None, verdict=Verdict.INVALID, calls=calls, method="a search", stuck=stuck
    )


def data_of(page: str) -> dict[str, Any]:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert match
    data: dict[str, Any] = json.loads(match[1])
    return data


# -- what the page says -------------------------------------------------------------------------


def test_a_valid_history_is_drawn_with_its_order(browser: Browser) -> None:
    page = render(VALID, judged(VALID, VALID_ORDER), MODEL, title="small", explanations={})
    dom = browser.dom(page)
    assert_drawn(dom)
    assert '<h1 id="verdict">Valid</h1>' in dom
    assert "All 6 calls are shown." in dom
    for kind in ("ok", "refused", "unknown", "failed"):
        assert f'class="call {kind}' in dom
    assert dom.count('class="place ') == 5
    assert "cas 2→3 ✗ mismatch" in dom
    assert "read → 4" in dom


def test_states_follow_the_order() -> None:
    page = render(VALID, judged(VALID, VALID_ORDER), MODEL, title="small", explanations={})
    [picture] = data_of(page)["pictures"]
    text = picture["texts"]
    [order] = picture["orders"]
    told = [(at, place, text[before], text[after]) for at, place, before, after in order["at"]]
    assert told == [
        (0, 0, "nothing", "1"),
        (1, 1, "1", "1"),
        (2, 2, "1", "1"),
        (3, 3, "1", "4"),
        (5, 4, "4", "4"),
    ]
    assert text[picture["calls"][2][9]] == 'session 77, node "n1"'


def test_an_illegal_history_shows_the_stuck_call_and_the_core(browser: Browser) -> None:
    dom = browser.dom(STALE_PAGE)
    assert_drawn(dom)
    assert '<h1 id="verdict">Not linearizable</h1>' in dom
    assert "Process 2 read 1 after it was overwritten." in dom
    assert "The minimal core" in dom
    assert dom.count('class="find"') == 3
    assert len(re.findall(r'<g class="call ok core stuck ', dom)) == 1
    assert len(re.findall(r'<g class="call ok   dim"', dom)) == 1
    assert "leaves the state <strong>2</strong>" in dom
    assert "the model says: <strong>read 2</strong>" in dom
    assert "4 more are not in this page" in dom


def test_a_part_without_an_explanation_is_explained_by_its_stuck_call() -> None:
    page = render(STALE, judged(STALE, STALE_PART), MODEL, title="stale", explanations={})
    assert "Process 2 read 1, and no legal order of the calls has a place for that." in page


def test_the_reader_can_walk_zoom_and_choose(browser: Browser) -> None:
    seen = browser.after(
        STALE_PAGE,
        """
        const card = page.getElementById("card");
        click("#first-error");
        seen.first = card.textContent;
        key("ArrowUp");
        seen.up = card.textContent;
        key("Escape");
        seen.closed = card.hidden;
        seen.all = shown(".call").length;
        click("#core-only");
        seen.core = shown(".call").length;
        click("#core-only");
        key("0");
        seen.order = text("#order-end");
        const order = page.getElementById("order");
        order.value = "1";
        order.dispatchEvent(new view.Event("change"));
        seen.other = text("#order-end");
        seen.places = all(".place").length;
        click(".find");
        seen.found = card.textContent;
        """,
    )
    assert "process 2 read 1" in seen["first"]
    assert "No legal order has a place" in seen["first"]
    assert "state there2" in seen["first"]
    assert "process 1 wrote 2" in seen["up"]
    assert "place2 of 3 in the chosen order" in seen["up"]
    assert "state before1" in seen["up"]
    assert "state after2" in seen["up"]
    assert seen["closed"]
    assert (seen["all"], seen["core"]) == (4, 3)
    assert "places 3 calls" in seen["order"]
    assert "places 2 calls" in seen["other"]
    assert seen["places"] == 2
    assert "process 0 wrote 1" in seen["found"]


def test_on_a_phone_nothing_is_wider_than_the_screen(browser: Browser) -> None:
    seen = browser.after(
        STALE_PAGE,
        """
        seen.wide = page.documentElement.scrollWidth;
        seen.core = page.getElementById("core-only").checked;
        seen.labels = all(".call text").map((label) => label.textContent);
        seen.small = shown("button.strong, .zoom button, select, .switch").filter(
          (e) => e.getBoundingClientRect().height < 44).length;
        """,
        width=390,
    )
    assert seen["wide"] <= 390
    assert seen["core"]
    assert sorted(seen["labels"]) == ["write 1", "write 2", "✕ read → 1"]
    assert seen["small"] == 0


def test_an_inconclusive_verdict_says_why_and_how_far_it_came(browser: Browser) -> None:
    part = PartVerdict(
        key=None,
        verdict=Verdict.INCONCLUSIVE,
        calls=4,
        method="a search",
        because="The search was given 60 s.",
        reached=0.43,
    )
    dom = browser.dom(render(STALE, judged(STALE, part), MODEL, title="?", explanations={}))
    assert_drawn(dom)
    assert '<h1 id="verdict">Inconclusive</h1>' in dom
    assert "The search was given 60 s." in dom
    assert "43%" in dom


def test_without_times_the_axis_counts_events(browser: Browser) -> None:
    history = History.of([op(0, Write(1), Ok(DONE), 0, 1), op(0, Read(), Ok(1), 2, 3)])
    history.has_times = False
    part = PartVerdict(key=None, verdict=Verdict.VALID, calls=2, method="a search", order=(0, 1))
    dom = browser.dom(render(history, judged(history, part), MODEL, title="", explanations={}))
    assert_drawn(dom)
    assert ">event 3</text>" in dom
    assert "The history has no times" in dom


def test_a_history_without_calls_has_no_picture(browser: Browser) -> None:
    dom = browser.dom(
        render(History.of([]), judged(History.of([])), MODEL, title="", explanations={})
    )
    assert 'data-ready="true"' in dom
    assert "data-error" not in dom
    assert '<h1 id="verdict">Valid</h1>' in dom


def test_times_far_from_zero_count_from_the_first_call() -> None:
    history = History.of([op(0, Write(1), Ok(DONE), 1_700_000_000 * 10**9, 1_700_000_001 * 10**9)])
    part = PartVerdict(key=None, verdict=Verdict.VALID, calls=1, method="a search")
    page = render(history, judged(history, part), MODEL, title="", explanations={})
    assert data_of(page)["pictures"][0]["calls"][0][2:4] == [0, 10**9]
    assert "Times count from the first call, at 1,700,000,000,000,000,000 ns" in page


# -- what the page trusts -----------------------------------------------------------------------


def hostile_page() -> str:
    history = History.of(
        [
            op(0, Write(HOSTILE), Ok(DONE), 1, 2, key=HOSTILE, node=HOSTILE),
            op(1, Write("\u202e\ud800 odd"), Unknown(HOSTILE), 1, 5, key=HOSTILE),
            op(2, Read(), Ok("b" * 100_000), 3, 4, key=HOSTILE),
            op(2, Write(10**6000), Ok(DONE), 5, 6, key=HOSTILE),
        ]
    )
    part = PartVerdict(
        key=HOSTILE,
        verdict=Verdict.INVALID,
        calls=4,
        method=HOSTILE,
        stuck=Stuck(row=2, prefixes=(Prefix((0,), HOSTILE),)),
    )
    other = PartVerdict(key="other", verdict=Verdict.VALID, calls=0, method="a search")
    return render(
        history,
        judged(history, part, other),
        MODEL,
        title=HOSTILE,
        explanations={HOSTILE: Explanation(HOSTILE, (0, 2))},
    )


def test_no_value_breaks_out_of_the_page(browser: Browser) -> None:
    page = hostile_page()
    assert page.count("<script") == 2
    assert "<img" not in page
    assert data_of(page)["parts"][0][0].startswith('"</script><script>')
    assert page.encode("utf-8")
    seen = browser.after(
        page,
        """
        click("#first-error");
        seen.ready = page.documentElement.dataset.ready;
        seen.scripts = all("script").length;
        seen.images = all("img").length;
        seen.card = page.getElementById("card").textContent;
        """,
    )
    assert (seen["ready"], seen["scripts"], seen["images"]) == ("true", 2, 0)
    assert "process 2" in seen["card"]


def test_the_page_refers_to_nothing_outside() -> None:
    page = render(VALID, judged(VALID, VALID_ORDER), MODEL, title="small", explanations={})
    assert not re.search(r"\b(src|href|action|srcset)\s*=", page)
    assert not re.search(r"@import|url\((?!#)|fetch\(|XMLHttpRequest|WebSocket|import\(", page)
    assert set(re.findall(r"https?://[^\s\"'<]+", page)) == {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in page
    assert "innerHTML" not in page


# -- what the page has room for -----------------------------------------------------------------


def test_of_a_long_history_the_window_around_the_error_is_kept(browser: Browser) -> None:
    history, part = long_history(100_000, stale_at=60_001)
    core = (0, 60_000, 60_001)
    page = render(
        history,
        judged(history, part),
        MODEL,
        title="long",
        explanations={None: Explanation("Process 1 read 0, long overwritten.", core)},
    )
    assert len(page) < LARGEST
    [picture] = data_of(page)["pictures"]
    rows = [call[0] for call in picture["calls"]]
    assert set(core) <= set(rows)
    assert len(rows) == 2_001
    assert len(picture["stretches"]) == 2
    assert picture["shown"] == (
        "Showing 2,000 of 100,000 calls, from 59.001 ms to 61.001 ms, "
        "and 1 call of the core from elsewhere."
    )
    before = {at: picture["texts"][state] for at, _, state, _ in picture["orders"][0]["at"]}
    assert before[rows.index(60_000)] == "59998"
    dom = browser.dom(page)
    assert_drawn(dom)
    assert "Showing 2,000 of 100,000 calls" in dom


def test_of_a_long_valid_history_the_beginning_is_kept() -> None:
    history, part = long_history(10_000)
    page = render(history, judged(history, part), MODEL, title="long", explanations={})
    [picture] = data_of(page)["pictures"]
    assert [call[0] for call in picture["calls"]] == list(range(2_000))
    assert picture["shown"].startswith("Showing 2,000 of 10,000 calls, from 0.000 ms to 2.000 ms")


def test_calls_that_began_before_the_window_are_shown_or_counted() -> None:
    history, part = long_history(10_000, stale_at=8_001)
    ops = [*history, op(7, Write(-1), Unknown("timeout"), 5, None)]
    ops.append(op(8, Read(), Ok(8_000), 6, 8_000_950))
    ops.sort(key=lambda one: one.called_ns)
    crowded = History.of(ops)
    stuck = Stuck(row=8_003, prefixes=(Prefix((0,), 0),))
    part = PartVerdict(
        key=None, verdict=Verdict.INVALID, calls=10_002, method="a search", stuck=stuck
    )
    page = render(crowded, judged(crowded, part), MODEL, title="", explanations={})
    [picture] = data_of(page)["pictures"]
    assert "and 1 call begun before." in picture["shown"]
    assert "Not drawn: 1 call begun before that never ended." in picture["shown"]


def test_many_keys_share_the_page_and_the_wrong_ones_come_first(browser: Browser) -> None:
    ops, parts = [], []
    for k in range(3_000):
        ops += [
            op(0, Write("v" * 200), Ok(DONE), 10_000 * k, 10_000 * k + 9, key=k),
            op(1, Read(), Ok(k), 10_000 * k + 20, 10_000 * k + 29, key=k),
        ]
        wrong = k in (2_000, 700)
        stuck = Stuck(row=2 * k + 1, prefixes=(Prefix((2 * k,), "v"),)) if wrong else None
        parts.append(
            PartVerdict(
                key=k,
                verdict=Verdict.INVALID if wrong else Verdict.VALID,
                calls=2,
                method="a search",
                stuck=stuck,
            )
        )
    history = History.of(ops)
    page = render(history, judged(history, *parts), MODEL, title="many", explanations={})
    assert len(page.encode()) < LARGEST
    data = data_of(page)
    assert [part[:2] for part in data["parts"][:3]] == [
        ["700", "invalid"],
        ["2000", "invalid"],
        ["0", "valid"],
    ]
    assert 100 < len(data["pictures"]) < 3_000
    assert "1 other key is wrong too." in page
    seen = browser.after(
        page,
        """
        seen.first = text(".key .name");
        const search = page.getElementById("key-search");
        search.value = "200";
        search.dispatchEvent(new view.Event("input"));
        seen.names = all(".key .name").map((name) => name.textContent);
        click(".key");
        seen.told = text("#order-end");
        seen.finding = shown(".finding h2").map((head) => head.textContent);
        """,
    )
    assert seen["first"] == "700"
    assert seen["names"][0] == "2000"
    assert "process 1 read 2000" in seen["told"]
    assert seen["finding"] == ["✕ Key 2000: not linearizable"]


def test_long_values_do_not_make_a_long_page() -> None:
    ops = [op(n, Write(f"{n}" * 20_000), Ok(DONE), n, n + 1) for n in range(2_000)]
    history = History.of(ops)
    part = PartVerdict(
        key=None, verdict=Verdict.VALID, calls=2_000, method="a search", order=(*range(2_000),)
    )
    page = render(history, judged(history, part), MODEL, title="", explanations={})
    assert len(page.encode()) < LARGEST


def test_the_same_judgement_makes_the_same_page() -> None:
    again = render(VALID, judged(VALID, VALID_ORDER), MODEL, title="small", explanations={})
    assert again == render(VALID, judged(VALID, VALID_ORDER), MODEL, title="small", explanations={})


# -- how a value is written ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, "nothing"),
        (True, "true"),
        (3, "3"),
        ("3", '"3"'),
        ('a"b', '"a\\"b"'),
        ("a\nb\u202e", '"a\\nb\\u202e"'),
        ((1, "x", None), '[1, "x", nothing]'),
        (frozenset({2, 1}), "{1, 2}"),
        (frozenset(range(5_000)), "5,000 members"),
        (1 << 20_000, "an integer of 20,001 bits"),
        ({"a": 1}, '{"a": 1}'),
        (MISMATCH, "refused: mismatch"),
    ],
    ids=lambda given: given[:20] if isinstance(given, str) else type(given).__name__,
)
def test_a_value_is_written_as_a_person_would(given: Any, told: str) -> None:
    assert words.value(given) == told


@pytest.mark.parametrize(
    "given", ["x" * 10_000, ("y" * 50,) * 5_000, (((("z",) * 99,) * 99,) * 99,)]
)
def test_no_text_is_much_longer_than_asked(given: Any) -> None:
    assert len(words.value(given, 60)) <= 80


@pytest.mark.parametrize(
    ("name", "call", "result", "label"),
    [
        ("set", ("contains", 3), True, "contains 3 → true"),
        ("fifo-queue", ("enqueue", 7), None, "enqueue 7"),
        ("fifo-queue", ("dequeue", None), 7, "dequeue → 7"),
        ("mutex", ("acquire", None), None, "acquire"),
        ("counter", ("add", 2), 2, "add 2"),
        ("kv", ("get", None), "ab", 'get → "ab"'),
        ("register", ("read", None), None, "read → nothing"),
    ],
)
def test_every_kind_of_object_has_short_labels(
    name: str, call: tuple[str, Any], result: Any, label: str
) -> None:
    model = named(name)
    asked = model.read_call(*call)
    answer = model.read_result(asked, Truth.TRUE if result is True else result)
    assert words.label(op(0, asked, Ok(answer), 0, 1), model) == label


def test_an_object_with_a_choice_may_be_in_several_states() -> None:
    model = named("unordered-queue")
    calls = [
        (model.read_call("enqueue", 1), Ok(DONE)),
        (model.read_call("enqueue", 2), Ok(DONE)),
        (model.read_call("dequeue", None), Unknown("timeout")),
    ]
    history = History.of([op(0, c, o, 10 * n, 10 * n + 5) for n, (c, o) in enumerate(calls)])
    part = PartVerdict(key=None, verdict=Verdict.VALID, calls=3, method="a search", order=(0, 1, 2))
    page = render(history, judged(history, part), model, title="", explanations={})
    [picture] = data_of(page)["pictures"]
    assert " or " in picture["texts"][picture["orders"][0]["end"]]
