"""Which sub-commands are built around a run, and what do they take?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Store = Annotated[Path, typer.Option("--store", help="Where runs are stored.")]


def demo(store: Store = Path("store"), json: Json = False) -> None:  # noqa: FBT002
    """Find a bug that is planted for it, on this machine, within a minute.

    A leader that is cut off tells its clients that their writes are done. What they saw is judged,
    shrunk to the few calls that prove it, and told in words. Exit status 0 if the bug was found,
    else 4.
    """
    from harness.demonstrating import demo as show

    raise typer.Exit(show(store, json=json))


def add_to(app: typer.Typer) -> None:
    """All of them."""
    app.command()(demo)
