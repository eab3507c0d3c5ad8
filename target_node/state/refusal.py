"""Why is a request refused?"""

from __future__ import annotations

from target_node.wire.codes import ErrorCode


class Refused(Exception):
    """The answer to this request is an error."""

    def __init__(self, code: ErrorCode) -> None:
        super().__init__(code.name)
        self.code = code
