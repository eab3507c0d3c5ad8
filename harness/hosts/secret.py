"""Where does a password come from, and where does it never go?

It is named in an inventory by the environment variable or the file that holds it, and goes into the
standard input of what asks for it: into no log, no store, no list of processes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


class Secret:
    """A password. It shows itself to nobody who does not ask for it by name."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The password itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is not written down")


def secret(
    variable: str | None, file: str | None, environment: Mapping[str, str] = os.environ
) -> Secret | None:
    """What this variable or this file holds; None if neither was named."""
    if variable is not None:
        if variable not in environment:
            raise ValueError(f"the environment variable {variable} is not set: export it")
        return Secret(environment[variable])
    if file is not None:
        path = Path(file).expanduser()
        try:
            return Secret(path.read_text(encoding="utf-8").rstrip("\n"))
        except OSError as problem:
            raise ValueError(f"{path}: {problem.strerror}: put the password into it") from None
    return None
