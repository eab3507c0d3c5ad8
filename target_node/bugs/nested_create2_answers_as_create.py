"""Within a multi, a create2 is answered without the stat that it asked for."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.state import reply
from target_node.state.changes import Applied
from target_node.wire.codes import OpCode
from target_node.wire.multi import Result
from target_node.wire.replies import CreateResponse

_result: Final = reply._result


def _result_without_stat(part: Applied) -> Result:
    return CreateResponse(part.path) if part.type == OpCode.CREATE2 else _result(part)


BUG: Final = Bug(
    "nested-create2-answers-as-create",
    "an operation is answered in a multi as it is alone",
    "ZOOKEEPER-4026",
    ("whole",),
    (Override(reply, "_result", _result_without_stat),),
)
