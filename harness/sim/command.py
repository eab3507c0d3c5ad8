"""Which sub-commands live in a simulation, and what do they take?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def hunt(
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How many to try.")] = 1000,
    first: Annotated[int, typer.Option("--first", min=0, help="The first of them.")] = 0,
    workload: Annotated[
        str | None, typer.Option("--workload", "-w", help="Only this one; default: in turns.")
    ] = None,
    nemesis: Annotated[
        str | None,
        typer.Option("--nemesis", "-n", help="Only these, with commas; default: all, in turns."),
    ] = None,
    time: Annotated[
        float, typer.Option("--time", "-t", min=1, help="Simulated seconds of a seed.")
    ] = 30.0,
    rate: Annotated[
        float | None, typer.Option("--rate", min=0.1, help="Calls a second; default: in turns.")
    ] = None,
    nodes: Annotated[
        int | None, typer.Option("--nodes", min=1, help="How many servers; default: 3 or 5.")
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option("--concurrency", "-c", min=1, help="Clients at once; default: in turns."),
    ] = None,
    bug: Annotated[
        str | None, typer.Option("--bug", help="Plant this bug; `zabtest list bugs`.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Processes; default: cores.")
    ] = None,
    dask: Annotated[
        str | None, typer.Option("--dask", help="The address of a Dask scheduler to play on.")
    ] = None,
    keep_going: Annotated[  # noqa: FBT002
        bool, typer.Option("--keep-going", help="Do not stop at the first failure.")
    ] = False,
    budget: Annotated[
        float | None, typer.Option("--budget", min=1, help="Begin no seed after so many seconds.")
    ] = None,
    store: Annotated[Path, typer.Option("--store", help="Where runs are stored.")] = Path("store"),
    json: Annotated[  # noqa: FBT002
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
) -> None:
    """Try many seeds in a simulation: each another ensemble, other clients and other faults.

    What fails is left in the store as an ordinary run, which `zabtest replay` plays again byte for
    byte. Exit status: 0 if nothing was found, 1 if a seed failed, 2 wrong usage, 3 if no seed
    showed anything, 4 if the harness itself failed.

    Examples: `zabtest hunt` · `zabtest hunt --seeds 100000 --budget 3600 --keep-going` · `zabtest
    hunt --bug ack-before-fsync` · `zabtest hunt --first 4711 --seeds 1`
    """
    from harness.sim.hunt import Hunt
    from harness.sim.hunt import hunt as go_hunting
    from harness.sim.rotation import Wishes

    nemeses = None
    if nemesis is not None:
        nemeses = tuple(name for name in map(str.strip, nemesis.split(",")) if name)
    wishes = Wishes(
        workload=workload,
        nemeses=nemeses,
        time_s=time,
        rate=rate,
        nodes=nodes,
        concurrency=concurrency,
        bug=bug,
    )
    asked = Hunt(
        wishes=wishes,
        seeds=seeds,
        first=first,
        jobs=jobs,
        dask=dask,
        keep_going=keep_going,
        budget_s=budget,
        store=store,
        json=json,
    )
    raise typer.Exit(go_hunting(asked))
