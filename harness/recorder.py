"""What happened, in which order, and when?

Rules of this file:
1. A call is recorded before it leaves, and its end in the step that learns of it: so the recorded
   interval is never shorter than the real one.
2. Stamping and appending are one step, so the order of lines is the order of time.
3. Time is the loop's, which never goes back; each line is handed to the system at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, TextIO

from checker.formats.jsonl import Writer
from checker.model import Model
from checker.outcome import Failed, Ok, Outcome, Refused, Unknown
from workloads.workload import Answer, Ask

NANO: Final = 1_000_000_000


class Recorder:
    """Writes one run's history."""

    def __init__(self, file: TextIO, model: Model[Any, Any, Any]) -> None:
        self._writer = Writer(file)
        self._model = model
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()

    @property
    def events(self) -> int:
        """How many were recorded."""
        return self._writer.written

    def now_ns(self) -> int:
        """Since the run began."""
        return round((self._loop.time() - self._began) * NANO)

    def invoke(self, process: int, session: int, node: str, ask: Ask) -> int:
        """A call is about to leave; when."""
        f, value = self._model.write_call(ask.call)
        now = self.now_ns()
        self._writer.event(
            time_ns=now,
            process=process,
            session=session,
            type="invoke",
            f=f,
            key=ask.key,
            value=value,
            node=node,
        )
        return now

    def complete(
        self,
        process: int,
        session: int,
        node: str,
        ask: Ask,
        outcome: Outcome[Any],
        answer: Answer | None = None,
    ) -> tuple[int, str]:
        """A call has ended; when, and as which type of event."""
        f, value = self._model.write_call(ask.call)
        told: dict[str, Any] = {}
        kind = "fail"
        match outcome:
            case Ok(Refused(code)):
                told["error"] = code
            case Ok(result):
                kind, value = "ok", self._model.write_result(ask.call, result)
            case Failed(reason):
                told["error"] = reason
            case Unknown(reason):
                kind, told["error"] = "info", reason
        if answer is not None:
            told |= _numbers(answer)
        now = self.now_ns()
        self._writer.event(
            time_ns=now,
            process=process,
            session=session,
            type=kind,
            f=f,
            key=ask.key,
            value=value,
            node=node,
            **told,
        )
        return now, kind

    def note(self, process: str, f: str, value: Any = None) -> None:
        """Something happened that is no client's call."""
        self._writer.event(
            time_ns=self.now_ns(), process=process, type="info", f=f, value=_plain(value)
        )


def _numbers(answer: Answer) -> dict[str, int]:
    numbers = {"zxid": answer.zxid, "version": answer.version, "mzxid": answer.mzxid}
    return {name: number for name, number in numbers.items() if number is not None}


def _plain(value: Any) -> Any:
    """A mapping as JSON knows it."""
    return dict(value) if isinstance(value, Mapping) else value
