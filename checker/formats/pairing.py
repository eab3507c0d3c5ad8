"""Which completion belongs to which call?

Feed it events in the order of the file; `finish` gives the history. The loop in `feed` sees every
event of every file, so it is written for speed: a call or an outcome that was met before costs a
look-up, never an object.
"""

from __future__ import annotations

from array import array
from typing import Any

from msgspec.structs import astuple

from checker.formats.event import HistoryError, Truth
from checker.history import ABSENT_NS, DETAILS, Deed, History, Note
from checker.outcome import DONE, Failed, Ok, Unknown

AUTO = "auto"
DROPPED = "dropped"
EVIDENCE = "evidence"


class Pairing:
    """Calls and completions on their way into a history.

    `failed` says what a `fail` event is: `auto`, an answer where the model knows its error as one
    and else no call at all; `dropped`, no call at all; `evidence`, an answer wherever the call has
    a refusal, whatever the error says.
    """

    def __init__(self, model: Any, path: str, failed: str = AUTO, *, own: bool) -> None:
        self.model = model
        self.path = path
        self.failed = failed
        self.own = own  # our own format: time must be there and never go back
        self.history = History(source=path)
        self.call_ids: dict[str, dict[Any, int]] = {}
        self.calls: list[Any] = []
        self.call_f: list[str] = []
        self.deeds: list[Deed] = []
        self.ok_deeds: dict[tuple[int, Any], int] = {}
        self.other_deeds: dict[tuple[int, str, str], int] = {}
        self.done = Ok(DONE)  # by far the most frequent outcome
        self.key_ids: dict[Any, int] = {}
        self.open: dict[int, int] = {}  # process -> row
        self.open_call: dict[int, int] = {}  # process -> call
        self.last_ns = -(1 << 62)
        self.ties = False
        self.went_back = 0
        self.untimed = False

    # One flat loop, since a call an event would cost more than the event.
    def feed(  # noqa: C901
        self, events: list[Any], first_line: int, *, detailed: bool
    ) -> None:
        """Take these events, which stand on consecutive lines from `first_line` on."""
        line = first_line - 1
        history = self.history
        deed_column = history.deed
        returned_column = history.returned
        open_rows, open_calls = self.open, self.open_call
        call_ids, key_ids, ok_deeds = self.call_ids, self.key_ids, self.ok_deeds
        last = self.last_ns
        row = len(history)
        processes: list[int] = []
        deeds: list[int] = []
        keys: list[int] = []
        called: list[int] = []
        moments: list[int] = []
        returned: list[int] = []
        rows: list[int] = []  # of each event that is a client's; kept only for details
        base = row
        for event in events:
            line += 1
            fields: tuple[Any, ...] = astuple(event)
            process = fields[0]
            if type(process) is not int:
                self._note(event)
                continue
            kind = fields[1]
            stamp = fields[3]
            if stamp is None:
                if self.own:
                    raise HistoryError(self.path, line, "the event has no time_ns")
                self.untimed = True
                time = line
            else:
                time = stamp
            if time <= last:
                if time < last:
                    if self.own:
                        raise HistoryError(self.path, line, _backwards(time, last))
                    self.went_back = self.went_back or line
                self.ties = True
            last = time
            value = fields[5]
            cls = type(value)
            if detailed:
                rows.append(row if kind == "invoke" else open_rows.get(process, -1))
            if cls is not int and cls is not str and value is not None:
                value = self._freeze(value)
            if kind == "invoke":
                if process in open_rows:
                    raise HistoryError(
                        self.path,
                        line,
                        f"process {process} calls {event.f} while its "
                        f"{self.call_f[open_calls[process]]} is still open",
                    )
                f = fields[2]
                by_value = call_ids.get(f)
                call = -1 if by_value is None else by_value.get(value, -1)
                if call < 0:
                    call = self._new_call(f, value, line)
                key = fields[4]
                key_id = key_ids.get(key, -1) if type(key) is str else -1
                if key_id < 0:
                    key_id = self._key_id(key)
                open_rows[process] = row
                open_calls[process] = call
                processes.append(process)
                deeds.append(-1)
                keys.append(key_id)
                called.append(time)
                returned.append(ABSENT_NS)
                moments.append(2 * row)
                row += 1
            else:
                done = open_rows.pop(process, -1)
                if done < 0:
                    raise HistoryError(
                        self.path, line, f"process {process} completes a call it never made"
                    )
                call = open_calls[process]
                if kind == "ok":
                    deed = ok_deeds.get((call, value), -1)
                    if deed < 0 or fields[2] != self.call_f[call]:
                        deed = self._ok_deed(call, value, fields[2], line)
                else:
                    deed = self._other_deed(call, kind, event, line)
                if kind != "info":
                    moments.append(2 * done + 1)
                if done >= base:
                    deeds[done - base] = deed
                    returned[done - base] = time
                else:
                    deed_column[done] = deed
                    returned_column[done] = time
        self.last_ns = last
        history.process.fromlist(processes)
        deed_column.fromlist(deeds)
        history.key.fromlist(keys)
        history.called.fromlist(called)
        returned_column.fromlist(returned)
        history.moments.fromlist(moments)
        if detailed:
            self._take_details(events, rows)

    def finish(self) -> History:
        """The history of all that was fed; calls still open are `Unknown`."""
        history = self.history
        for process, row in self.open.items():
            call = self.calls[self.open_call[process]]
            history.deed[row] = self._deed(Deed(call, Unknown("no completion was recorded")))
        history.deeds = self.deeds
        history.keys = list(self.key_ids)
        if self.untimed or self.went_back:
            self._forget_times()
        elif self.ties:
            _calls_first(history)
        return history

    def _forget_times(self) -> None:
        """Order by line: the times are missing, or cannot be believed."""
        history = self.history
        if self.went_back and not self.untimed:
            history.warnings.append(
                f"{self.path}: time goes back at line {self.went_back}; "
                "calls are ordered by line instead"
            )
        history.has_times = False
        closed = array("q", [ABSENT_NS]) * len(history)
        for order, moment in enumerate(history.moments):
            if moment & 1:
                closed[moment >> 1] = order
            else:
                history.called[moment >> 1] = order
        history.returned = closed

    def _note(self, event: Any) -> None:
        self.history.notes.append(
            Note(event.time_ns or 0, event.process, event.type, event.f, event.value)
        )

    def _freeze(self, value: Any) -> Any:
        """The same value, hashable, and with truth values that equal no number."""
        if type(value) is list:
            for item in value:
                if type(item) is not int and type(item) is not str and item is not None:
                    return tuple([self._freeze(item) for item in value])
            return tuple(value)
        if isinstance(value, tuple):
            return tuple([self._freeze(item) for item in value])
        if isinstance(value, dict):
            pairs = [(self._freeze(k), self._freeze(v)) for k, v in value.items()]
            return tuple(sorted(pairs, key=repr))
        if value is True:
            return Truth.TRUE
        return Truth.FALSE if value is False else value

    def _key_id(self, key: Any) -> int:
        frozen = self._freeze(key)
        return self.key_ids.setdefault(frozen, len(self.key_ids))

    def _new_call(self, f: str, value: Any, line: int) -> int:
        try:
            call = self.model.read_call(f, value)
        except ValueError as error:
            raise HistoryError(self.path, line, str(error)) from None
        number = len(self.calls)
        self.calls.append(call)
        self.call_f.append(f)
        self.call_ids.setdefault(f, {})[value] = number
        return number

    def _ok_deed(self, call: int, value: Any, f: str, line: int) -> int:
        if f != self.call_f[call]:
            raise HistoryError(self.path, line, self._other_f(call, f))
        try:
            result = self.model.read_result(self.calls[call], value)
        except ValueError as error:
            raise HistoryError(self.path, line, str(error)) from None
        done = self.done if result is DONE else Ok(result)
        deed = self._deed(Deed(self.calls[call], done))
        self.ok_deeds[call, value] = deed
        return deed

    def _other_deed(self, call: int, kind: str, event: Any, line: int) -> int:
        error = "" if event.error is None else str(event.error)
        known = self.other_deeds.get((call, kind, error), -1)
        if known >= 0 and event.f == self.call_f[call]:
            return known
        if event.f != self.call_f[call]:
            raise HistoryError(self.path, line, self._other_f(call, event.f))
        deed = self._deed(Deed(self.calls[call], self._outcome(call, kind, error)))
        self.other_deeds[call, kind, error] = deed
        return deed

    def _outcome(self, call: int, kind: str, error: str) -> Ok[Any] | Failed | Unknown:
        if kind == "info":
            return Unknown(error or "no answer")
        refused = None
        if self.failed != DROPPED:
            refused = self.model.refusal(self.calls[call], error)
            if refused is None and self.failed == EVIDENCE:
                refused = self.model.refusal(self.calls[call], None)
        return Failed(error or "failed") if refused is None else Ok(refused)

    def _deed(self, deed: Deed) -> int:
        self.deeds.append(deed)
        return len(self.deeds) - 1

    def _other_f(self, call: int, f: str) -> str:
        return f"a {f} completes here, but the process's open call is a {self.call_f[call]}"

    def _take_details(self, events: list[Any], rows: list[int]) -> None:
        """Keep what replies told; a column exists only from the first value it holds."""
        details = self.history.details
        size = len(self.history)
        mine = [event for event in events if type(event.process) is int]
        for name in DETAILS:
            column = details.get(name)
            for event, row in zip(mine, rows, strict=True):
                told = getattr(event, name)
                if told is not None:
                    if column is None:
                        column = details[name] = []
                    if len(column) < size:
                        column.extend([None] * (size - len(column)))
                    column[row] = told
            if column is not None and len(column) < size:
                column.extend([None] * (size - len(column)))


def _backwards(time: int, last: int) -> str:
    return f"time goes back from {last} to {time} ns; a history is in order of time"


def _calls_first(history: History) -> None:
    """Put calls before returns of the same time: equal stamps are concurrent."""
    moments, called, returned = history.moments, history.called, history.returned
    start = 0
    stamp = None
    seen_return = mixed = False
    for at in range(len(moments) + 1):
        now = None
        is_return = False
        if at < len(moments):
            row = moments[at] >> 1
            is_return = bool(moments[at] & 1)
            now = returned[row] if is_return else called[row]
        if now != stamp:
            if mixed:
                tied = moments[start:at].tolist()
                moments[start:at] = array("i", sorted(tied, key=lambda moment: moment & 1))
            start, stamp, seen_return, mixed = at, now, False, False
        if is_return:
            seen_return = True
        elif seen_return:
            mixed = True
