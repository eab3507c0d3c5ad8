"""`zabtest power`: which of the known bugs does a hunt find, and how fast?"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

WRONG_USAGE: Final = 2


def power(
    bugs: Annotated[
        str, typer.Option("--bugs", help="Only these, with commas; default: all that are watched.")
    ] = "",
    budget: Annotated[
        float, typer.Option("--budget", min=1, help="Real seconds to catch each of them.")
    ] = 600.0,
    shrink: Annotated[
        float,
        typer.Option("--shrink", min=0, help="CPU seconds to make a catch small; 0: no try."),
    ] = 120.0,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Processes; default: cores.")
    ] = None,
    dask: Annotated[
        str | None, typer.Option("--dask", help="The address of a Dask scheduler to play on.")
    ] = None,
    store: Annotated[Path, typer.Option("--store", help="Where it is kept.")] = Path("store"),
    markdown: Annotated[
        Path | None, typer.Option("--markdown", help="Write the table into this page, too.")
    ] = None,
    json: Annotated[  # noqa: FBT002
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
) -> None:
    """Plant known bugs, one after the other, and see which of them the hunt catches, and how fast.

    Each bug is hunted for with the seeds and the faults of a plain `zabtest hunt`, within the
    budget; then each catch is made as small as can be. What is known is on the disk after each
    bug: interrupted, the same command goes on with it.

    Exit status: 0 if every bug that some check watches was caught, 1 if one was not, 2 wrong usage,
    3 if it was interrupted, 4 if the harness itself failed.

    Examples: `zabtest power` · `zabtest power --bugs ack-before-fsync,forgotten-epoch --budget 60`
    · `zabtest power --markdown docs/power.md`
    """
    from harness.power.campaign import Asked
    from harness.power.measuring import measured
    from harness.power.summing import results_of
    from harness.power.telling import lines_of
    from harness.telling import print_json, say
    from harness.worlds import CannotBeHad

    try:
        asked = Asked(bugs=_chosen(bugs), budget_s=budget, shrink_s=shrink)
        whole = measured(asked, store, jobs=jobs, dask=dask)
    except CannotBeHad as problem:
        sys.stderr.write(f"zabtest: {problem}\n")
        raise typer.Exit(WRONG_USAGE) from None
    if markdown is not None:
        from harness.power.page import page

        markdown.write_text(page(whole), encoding="utf-8")
    if json:
        print_json(results_of(whole))
    else:
        for line in lines_of(whole):
            say(line)
    raise typer.Exit(whole.status)


def _chosen(text: str) -> Sequence[str]:
    from harness.worlds import CannotBeHad
    from target_node.bugs.bug import find, names

    chosen = [name for name in map(str.strip, text.split(",")) if name]
    for name in chosen:
        try:
            find(name)
        except LookupError as problem:
            raise CannotBeHad(str(problem.args[0])) from None
    return list(dict.fromkeys(chosen)) or [name for name in names() if find(name).watched]
