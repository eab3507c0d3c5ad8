"""The command `zabtest`: which sub-commands are there, and what do they take?

What a sub-command needs is imported when it is called, so that `zabtest check` on a small file
answers at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from harness.commands import Plugin, add_to, full_paths, load_them
from harness.doctoring import AcceptNew, OrHosts, SshConfig, Sudo, doctor, place_of
from harness.lab.command import app as lab
from harness.power.command import power
from harness.sim.command import hunt

HARNESS_FAILED: Final = 4
SIM_RATE: Final = 50.0  # without a limit a simulated client would ask a thousand times a second
LONGEST_S: Final = 30 * 24 * 3600.0

app = typer.Typer(
    name="zabtest",
    help="Break a replicated service on purpose, and prove whether it stayed correct.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
ModelName = Annotated[
    str | None,
    typer.Option("--model", help="What the history is a history of; `zabtest list models`."),
]
Format = Annotated[
    str | None, typer.Option("--format", help="How it is written; `zabtest list formats`.")
]
FailedMeans = Annotated[
    Literal["auto", "dropped", "evidence"] | None,
    typer.Option(
        "--failed",
        help="What a `fail` event is: no call at all (dropped), an answer to be checked "
        "(evidence), or an answer where its error is one the model knows (auto).",
    ),
]
Keyed = Annotated[
    bool | None,
    typer.Option("--keyed/--no-keyed", help="Whether Jepsen values are [key value] tuples."),
]
Steps = Annotated[
    int | None, typer.Option("--steps", min=0, help="Give up after so many search steps.")
]
Seconds = Annotated[
    float | None, typer.Option("--timeout", min=0, help="Give up after so many seconds a file.")
]
Megabytes = Annotated[
    int | None, typer.Option("--memory", min=1, help="Give up when so many MB are in use.")
]


Seed = Annotated[
    int | None, typer.Option("--seed", min=0, help="What decides all chance; default: a new one.")
]


@app.callback()
def zabtest() -> None:
    """Break a replicated service on purpose, and prove whether it stayed correct."""


@app.command()
def run(
    workload: Annotated[
        str,
        typer.Option("--workload", "-w", help="What clients ask for; `zabtest list workloads`."),
    ] = "register",
    nemesis: Annotated[
        list[str] | None,
        typer.Option(
            "--nemesis", "-n", help="What goes wrong, with commas, or none; `zabtest list nemeses`."
        ),
    ] = None,
    time: Annotated[
        float,
        typer.Option(
            "--time", "-t", min=1, max=LONGEST_S, help="Seconds until all faults are lifted."
        ),
    ] = 60.0,
    on: Annotated[
        str | None,
        typer.Option(
            "--on", help="Where: local (default), lab, sim, or ssh (default if hosts are named)."
        ),
    ] = None,
    hosts: OrHosts = None,
    ssh_config: SshConfig = None,
    accept_new: AcceptNew = False,  # noqa: FBT002
    sudo: Sudo = False,  # noqa: FBT002
    target: Annotated[
        str, typer.Option("--target", help="Which software; `zabtest list targets`.")
    ] = "zab",
    package: Annotated[
        Path | None,
        typer.Option("--package", help="A release of ZooKeeper (…-bin.tar.gz) for hosts."),
    ] = None,
    nodes: Annotated[int, typer.Option("--nodes", min=1, help="How many servers.")] = 5,
    concurrency: Annotated[
        int, typer.Option("--concurrency", "-c", min=1, help="How many clients at once.")
    ] = 10,
    rate: Annotated[
        float | None,
        typer.Option(
            "--rate",
            min=0,
            help="Calls a second of all clients; 0 (default, but for sim: 50): no limit.",
        ),
    ] = None,
    seed: Seed = None,
    bug: Annotated[
        str | None, typer.Option("--bug", help="Plant this bug in the target's nodes.")
    ] = None,
    plugin: Plugin = None,
    store: Annotated[Path, typer.Option("--store", help="Where runs are stored.")] = Path("store"),
    json: Json = False,  # noqa: FBT002
    keep_on_invalid: Annotated[  # noqa: FBT002
        bool,
        typer.Option("--keep-on-invalid", help="Leave the ensemble up after an invalid run."),
    ] = False,
) -> None:
    """Break a service on purpose while clients use it, and judge what they saw.

    Everything is stored below `store`, the newest run at `store/latest`. Ctrl-C heals what was
    broken and judges what there is. Exit status as of `check`.

    Examples: `zabtest run` · `zabtest run -n partition,kill -t 120` · `zabtest run -w lock
    --nodes 3 --seed 7 --json` · `zabtest run --hosts a,b,c -n partition` · `zabtest run --on sim
    --rate 50 --seed 7`
    """
    from harness.running import Request, new_seed, plan_of
    from harness.running import run as run_it
    from harness.worlds import Wanted
    from nemesis.registry import names_in

    place = place_of(on, hosts, ssh_config, accept_new=accept_new, sudo=sudo)
    plan = plan_of(
        workload=workload,
        nemeses=names_in(",".join(nemesis or ())),
        time_s=time,
        concurrency=concurrency,
        rate=SIM_RATE if rate is None and place == "sim" else rate,
        seed=new_seed() if seed is None else seed,
    )
    request = Request(
        plan=plan,
        wanted=Wanted(
            on=place,
            target=target,
            plugins=full_paths(plugin),
            nodes=nodes,
            bug=bug,
            hosts=hosts or "",
            ssh_config="" if ssh_config is None else str(ssh_config),
            accept_new=accept_new,
            sudo=sudo,
            package="" if package is None else str(package.resolve()),
        ),
        store=store,
        json=json,
        keep_on_invalid=keep_on_invalid,
    )
    raise typer.Exit(run_it(request))


@app.command()
def check(
    paths: Annotated[
        list[Path], typer.Argument(help="History files, or run folders with a history.jsonl.")
    ],
    model: ModelName = None,
    format: Format = None,
    failed: FailedMeans = None,
    keyed: Keyed = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Draw the judged history into this page.")
    ] = None,
    json: Json = False,  # noqa: FBT002
    verify: Annotated[  # noqa: FBT002
        bool, typer.Option("--verify", help="Have a legal order checked independently.")
    ] = False,
    steps: Steps = None,
    timeout: Seconds = None,
    memory: Megabytes = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="Processes for many keys; default: cores.")
    ] = None,
    plugin: Plugin = None,
) -> None:
    """Judge histories: was there one legal order of all calls?

    A folder that a run left is judged by all judges of its workload, unless options say how to
    read it. Exit status: 0 valid, 1 invalid, 2 wrong usage, 3 inconclusive. With several files
    the worst counts.

    Examples: `zabtest check history.jsonl` · `zabtest check jepsen.edn --model cas-register
    --html why.html` · `zabtest check store/latest --json`
    """
    from harness.checking import Request, check_files
    from harness.store import StoredRun, is_run

    load_them(plugin)
    plain = not (model or format or failed or html or verify or keyed is not None)
    if plain and all(is_run(path) for path in paths):
        from harness.running import tell

        raise typer.Exit(tell([StoredRun(path) for path in paths], json=json))
    request = Request(
        model=model,
        format=format,
        failed=failed,
        keyed=keyed,
        html=html,
        json=json,
        verify=verify,
        steps=steps,
        seconds=timeout,
        memory_mb=memory,
        jobs=jobs,
    )
    raise typer.Exit(check_files(paths, request))


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="Folders that runs left.")],
) -> None:
    """Draw what a run looked like into its `report.html` again, and say where that is.

    One page that opens anywhere: the verdict and why, calls, faults, leaders and nodes over time.
    Nothing is judged that was judged before; `check` does that. Example: `zabtest report
    store/latest`
    """
    from harness.report.command import report as draw

    raise typer.Exit(draw(runs))


@app.command()
def shrink(
    path: Annotated[
        Path, typer.Argument(help="A simulated run that failed, or a history that is not legal.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Where to write it; default: beside what it was."),
    ] = None,
    budget: Annotated[
        float, typer.Option("--budget", min=1, help="Search a run for so many seconds at most.")
    ] = 120.0,
    model: ModelName = None,
    format: Format = None,
    failed: FailedMeans = None,
    keyed: Keyed = None,
    json: Json = False,  # noqa: FBT002
) -> None:
    """Find the least of a simulated run, or of a history, that fails all the same.

    Of a simulated run: fewer faults, clients, calls, nodes and less time and chance, played again
    and again. What is left is a run of its own in the store, told as a story, step by step.

    Of a history: the fewest calls that are illegal by themselves, which proves that the whole is:
    a call is left out only if no other that is kept could have seen it. Exit status as of `check`.
    """
    from harness.sim.stored import is_simulated

    if is_simulated(path):
        from harness.sim.shrinking import shrink_run

        raise typer.Exit(shrink_run(path, budget_s=budget, root=out, json=json))
    from harness.checking import Request, shrink_file

    request = Request(model=model, format=format, failed=failed, keyed=keyed, json=json)
    raise typer.Exit(shrink_file(path, out, request))


@app.command()
def up(
    nodes: Annotated[int, typer.Option("--nodes", min=1, max=9, help="How many servers.")] = 3,
    directory: Annotated[
        Path | None,
        typer.Option("--dir", help="Where logs and data stay; default: nowhere, once it ends."),
    ] = None,
    bug: Annotated[
        str | None, typer.Option("--bug", help="Plant this bug; `zabtest list bugs`.")
    ] = None,
    json: Json = False,  # noqa: FBT002
) -> None:
    """Start an ensemble on this machine, say how to connect to it, and stay until Ctrl-C.

    Any client of ZooKeeper can be used with it. Example: `zabtest up --nodes 3`
    """
    from harness.upping import up as stay_up

    raise typer.Exit(stay_up(nodes, directory=directory, bug=bug, json=json))


@app.command("list")
def list_(
    what: Annotated[
        Literal["models", "formats", "workloads", "nemeses", "targets", "bugs"],
        typer.Argument(help="What to list."),
    ],
    plugin: Plugin = None,
) -> None:
    """List what can be named on the command line, a line each."""
    from harness.listing import lines_of

    load_them(plugin)
    for line in lines_of(what):
        typer.echo(line)


add_to(app)
app.command()(hunt)
app.command()(power)
app.command()(doctor)
app.add_typer(lab, name="lab")


def main() -> None:
    """Run the command. What goes wrong in here is told in a line, and is nobody's verdict."""
    try:
        app()
    except Exception as error:
        from harness.store import FULL

        if isinstance(error, OSError) and error.errno in FULL:
            why = f"{error.strerror}{f': {error.filename}' if error.filename else ''}"
            sys.stderr.write(
                f"zabtest: the disk is full ({why}); make room, or name another with --store\n"
            )
            sys.exit(HARNESS_FAILED)
        if os.environ.get("ZABTEST_TRACEBACK"):
            raise
        from harness.cluster import CannotDeploy

        if isinstance(error, CannotDeploy):
            sys.stderr.writelines(f"zabtest: {line}\n" for line in str(error).splitlines())
            sys.exit(HARNESS_FAILED)
        sys.stderr.write(
            f"zabtest: the harness itself failed: {type(error).__name__}: {error} "
            "(ZABTEST_TRACEBACK=1 shows where)\n"
        )
        sys.exit(HARNESS_FAILED)


if __name__ == "__main__":
    main()
