"""How does a run look while it goes, on a terminal?

Rules of this file:
1. What is told costs the run the same few steps however long it has gone; all else is done by the
   one who draws, four times a second at most, beside the run.
2. However it ends, the terminal is as it was.
3. On a small terminal what is cut off is what matters least: who leads and what is broken stay.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from harness.leading import Epochs
from harness.observer import Observer
from harness.plan import Plan
from harness.rates import Rates
from harness.report.faults import at_whom
from harness.telling_runs import SECOND, PlainLines, noted
from nemesis.fault import Node
from nemesis.written import read
from workloads.workload import Finding

REFRESHES_A_SECOND: Final = 4
PHASES: Final = (
    "deploy",
    "prepare",
    "load",
    "faults",
    "recovery",
    "last calls",
    "agreement",
    "judging",
)
OVER: Final = frozenset({"judged"})
"""Phases after which others write to the terminal."""
RECENT: Final = 512  # answered calls, of which the times are told
SECONDS_SHOWN: Final = 48
RATE_OVER_S: Final = 3
MOST_FAULTS: Final = 8
SMALL: Final = (80, 16)
"""Columns and lines, of which a terminal that has fewer is a small one."""
FEW_FAULTS: Final = 3  # on a small one
_BARS: Final = " ▁▂▃▄▅▆▇█"
_BEGIN: Final = frozenset({"inject", "injected"})
_END: Final = frozenset({"lifted", "lifted-all"})


@contextmanager
def watched(
    plan: Plan, nodes: Path, *, json: bool = False, observer: Observer | None = None
) -> Iterator[Observer]:
    """Who is told how the run goes: the one given, else a live view on a terminal, else lines."""
    if observer is not None:
        yield observer
    elif json or not sys.stderr.isatty():
        yield PlainLines()
    else:
        view = LiveView(plan, nodes)
        with view.shown(Console(stderr=True)):
            yield view


class LiveView:
    """An observer that shows what it was told."""

    def __init__(self, plan: Plan, nodes: Path | None = None) -> None:
        self._plan = plan
        self._epochs = Epochs(nodes)
        self._phase = ""
        self._since_ns = 0
        self._began_ns: int | None = None  # to make calls
        self._now_ns = 0
        self._calls = {"ok": 0, "refused": 0, "fail": 0, "info": 0}
        self._rates = Rates(SECONDS_SHOWN)
        self._took: deque[int] = deque(maxlen=RECENT)
        self._roles: Mapping[Node, str] = {}
        self._faults: dict[int, str] = {}
        self._hosts: dict[str, tuple[int, int]] = {}
        self._note = ""
        self._found: list[Finding] = []
        self._live: Live | None = None
        self._spinner = Spinner("dots")
        self._pictures = 0

    @contextmanager
    def shown(self, console: Console) -> Iterator[None]:
        """It is on this console until this is over, or the run is."""
        self._live = Live(
            console=console,
            get_renderable=lambda: self.picture(*console.size),
            refresh_per_second=REFRESHES_A_SECOND,
            transient=True,
            redirect_stdout=False,
        )
        try:
            with self._live:
                yield
        finally:
            self._live = None

    # -- what the run tells ---------------------------------------------------------------------

    def phase(self, name: str, time_ns: int) -> None:
        """A phase begins."""
        self._phase, self._since_ns = name, time_ns
        self._now_ns = max(self._now_ns, time_ns)
        if name == "load":
            self._began_ns = time_ns
        if name in OVER and self._live is not None:
            self._live.stop()

    def hosts(self, step: str, done: int, of: int, time_ns: int) -> None:
        """A host is done with a step of the setting up."""
        self._now_ns = max(self._now_ns, time_ns)
        self._hosts[step] = (done, of)

    def called(self, f: str, kind: str, time_ns: int, took_ns: int) -> None:
        """A call ended."""
        self._calls[kind] += 1
        self._now_ns = max(self._now_ns, time_ns)
        self._rates.ended(self._now_ns)
        if kind == "ok":
            self._took.append(took_ns)

    def noted(self, f: str, value: Mapping[str, Any], time_ns: int) -> None:
        """A fault begins or ends, or something is wrong with it."""
        self._now_ns = max(self._now_ns, time_ns)
        for one in value.get("faults", ()):
            if f in _END:
                self._faults.pop(one["id"], None)
            elif f in _BEGIN:
                self._faults[one["id"]] = self._told(one["fault"])
        if "why" in value:
            self._note = noted(f, value)

    def roles(self, roles: Mapping[Node, str], time_ns: int) -> None:
        """Who leads and who follows."""
        self._now_ns = max(self._now_ns, time_ns)
        self._roles = dict(roles)

    def found(self, finding: Finding) -> None:
        """A judge has spoken."""
        self._found.append(finding)

    def _told(self, said: Mapping[str, Any]) -> str:
        return f"{said['kind']} {at_whom(read(said), sorted(self._roles))}"

    # -- what is drawn --------------------------------------------------------------------------

    def picture(self, width: int, height: int) -> RenderableType:
        """As it is now. Whoever draws is another thread: what it walks over, it copies first."""
        small = width < SMALL[0] or height < SMALL[1]
        self._spinner.update(text=self._place() if small else self._phases())
        self._pictures += 1
        if self._pictures % REFRESHES_A_SECOND == 1:
            self._epochs.look()
        whole = Table.grid(padding=(0, 0))
        whole.add_column(no_wrap=True, overflow="ellipsis")
        whole.add_row(self._title())
        whole.add_row(self._spinner)
        whole.add_row(self._progress(small=small))
        rows = Table.grid(padding=(0, 2, 0, 0))
        rows.add_column(style="dim", no_wrap=True, min_width=len("a second"))
        rows.add_column()
        standing = [("nodes", self._few_nodes() if small else self._nodes())]
        for number, line in enumerate(self._active(FEW_FAULTS if small else MOST_FAULTS)):
            standing.append(("" if number else "faults", line))
        speed = [("calls", self._counts())]
        speed += [("a second", self._rate()), ("took", self._quantiles())]
        for name, told in (*standing, *speed) if small else (*speed, *standing):
            rows.add_row(name, told)
        if self._note:
            rows.add_row("note", Text(self._note))
        whole.add_row(rows)
        return whole

    def _title(self) -> Text:
        plan = self._plan
        nemeses = " + ".join(plan.nemeses) or "no faults"
        told = Text.assemble((plan.workload, "bold"), f" with {nemeses}, seed {plan.seed}")
        return told.append(f"  {self._now_ns / SECOND:.1f} s", "dim")

    def _phases(self) -> Text:
        told = Text()
        over = self._phase in (*PHASES, "done", *OVER)
        for name in PHASES:
            over = over and name != self._phase
            if name == "faults" and not self._plan.nemeses:
                continue
            style = "bold reverse" if name == self._phase else "green" if over else "dim"
            told.append(f" {name} " if name == self._phase else name, style).append("  ")
        return told

    def _place(self) -> Text:
        """The phase alone, and the how-manieth it is."""
        names = [name for name in PHASES if name != "faults" or self._plan.nemeses]
        if self._phase not in names:
            return Text(self._phase)
        place = f", {names.index(self._phase) + 1} of {len(names)}"
        return Text.assemble((self._phase, "bold"), (place, "dim"))

    def _progress(self, *, small: bool) -> RenderableType:
        if self._began_ns is None:
            steps = [f"{step} {done} of {of}" for step, (done, of) in self._hosts.copy().items()]
            return Text(f"hosts: {', '.join(steps)}" if steps else "")
        gone_s = min((self._now_ns - self._began_ns) / SECOND, self._plan.time_s)
        if self._phase not in ("load", "faults"):
            gone_s = self._plan.time_s
        left_s = self._plan.time_s - gone_s
        row = Table.grid(padding=(0, 2, 0, 0))
        if small:
            return Text(f"{left_s:.0f} s to go" if left_s else "all faults are lifted")
        bar = ProgressBar(total=self._plan.time_s, completed=gone_s, width=40)
        end = "until all faults are lifted" if self._plan.nemeses else "to go"
        row.add_row(bar, Text(f"{left_s:.0f} s {end}" if left_s else "all faults are lifted"))
        return row

    def _counts(self) -> Text:
        ok, refused, failed, info = self._calls.values()
        told = Text.assemble((f"{ok:,} ok", "green"), f"  {refused:,} refused  {failed:,} failed  ")
        return told.append(f"{info:,} in doubt", "magenta" if info else "dim")

    def _rate(self) -> Text:
        shown = self._rates.before(self._now_ns)
        most = max(shown, default=0) or 1
        bars = "".join(_BARS[-(-number * (len(_BARS) - 1) // most)] for number in shown)
        recent = shown[-RATE_OVER_S:]
        rate = sum(recent) / len(recent) if recent else 0.0
        return Text.assemble(f"{rate:6,.0f}  ", (bars, "cyan"))

    def _quantiles(self) -> Text:
        took = sorted(self._took.copy())
        if not took:
            return Text("nothing was answered yet", "dim")
        p50, p99 = (took[min(int(q * len(took)), len(took) - 1)] / 1e6 for q in (0.5, 0.99))
        return Text(f"p50 {p50:,.1f} ms  p99 {p99:,.1f} ms, of the last {len(took)} answered")

    def _nodes(self) -> Text:
        told = Text()
        for node, role in sorted(self._roles.items()):
            if role == "leader":
                epoch = self._epochs.newest(node)
                behind = "" if epoch is None else f" of epoch {epoch}"
                told.append(f"{node} leads{behind}", "bold cyan")
            else:
                told.append(f"{node} {role or 'serves nobody'}", "" if role else "red")
            told.append("  ")
        return told or Text("not known yet", "dim")

    def _few_nodes(self) -> Text:
        """Who leads and who serves nobody, by name; of the others their number."""
        roles = dict(self._roles)
        leads = [node for node, role in sorted(roles.items()) if role == "leader"]
        nobody = [node for node, role in sorted(roles.items()) if not role]
        told = Text(f"{' '.join(leads) or 'nobody'} leads", "bold cyan")
        if nobody:
            serve = "serves" if len(nobody) == 1 else "serve"
            told.append(f", {' '.join(nobody)} {serve} nobody", "red")
        others = len(roles) - len(leads) - len(nobody)
        if others:
            told.append(f", {others} {'follows' if others == 1 else 'follow'}", "default")
        return told if roles else Text("not known yet", "dim")

    def _active(self, most: int) -> Iterator[Text]:
        faults = list(self._faults.values())
        for told in faults[:most]:
            yield Text(told, "yellow")
        if len(faults) > most:
            yield Text(f"and {len(faults) - most} more", "yellow")
        if not faults:
            yield Text("none", "dim")
