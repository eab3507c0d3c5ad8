"""Which sub-commands are built around a run, and what do they take?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from harness.doctoring import AcceptNew, Hosts, SshConfig, Sudo

WRONG_USAGE: Final = 2

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Store = Annotated[Path, typer.Option("--store", help="Where runs are stored.")]

Plugin = Annotated[
    list[Path] | None,
    typer.Option("--plugin", help="A file of your own with targets, nemeses or workloads."),
]


def full_paths(plugins: list[Path] | None) -> tuple[str, ...]:
    """Of the files that `--plugin` named."""
    return tuple(str(path.resolve()) for path in plugins or ())


def load_them(plugins: list[Path] | None) -> None:
    """Let them take part, or end the command with a line that says why not."""
    from harness.plugins import CannotLoad, load

    try:
        load(plugins or ())
    except CannotLoad as problem:
        typer.echo(f"zabtest: {problem}", err=True)
        raise typer.Exit(WRONG_USAGE) from None


def demo(store: Store = Path("store"), json: Json = False) -> None:  # noqa: FBT002
    """Find a bug that is planted for it, on this machine, within a minute.

    A leader that is cut off tells its clients that their writes are done. What they saw is judged,
    shrunk to the few calls that prove it, and told in words. Exit status 0 if the bug was found,
    else 4.
    """
    from harness.demonstrating import demo as show

    raise typer.Exit(show(store, json=json))


def replay(
    run: Annotated[Path, typer.Argument(help="A run's folder, or any saved history.")],
    times: Annotated[int, typer.Option("--times", min=1, help="How often.")] = 1,
    target: Annotated[
        str | None, typer.Option("--target", help="Other software than it was; see `run`.")
    ] = None,
    nodes: Annotated[
        int | None, typer.Option("--nodes", min=1, help="Another number of servers.")
    ] = None,
    bug: Annotated[
        str | None, typer.Option("--bug", help="Plant this bug in the target's nodes.")
    ] = None,
    plugin: Plugin = None,
    store: Annotated[
        Path | None, typer.Option("--store", help="Where to; default: beside the run.")
    ] = None,
    json: Json = False,  # noqa: FBT002
) -> None:
    """Play a run again, and say how often it failed in the same way.

    A run's folder is played with its plan, seed and tape. Of any other history, Jepsen's too, each
    client's calls are made again at their times, and the faults that its notes tell of are
    injected at theirs, or at the moment of the protocol that they waited for. Exit status as of
    `check`, the worst of all replays.

    Examples: `zabtest replay store/latest --times 10` · `zabtest replay jepsen.edn --nodes 3`
    """
    from harness.originals import Asked
    from harness.replaying import replay as play_again

    asked = Asked(
        times=times,
        store=store,
        json=json,
        target=target,
        nodes=nodes,
        bug=bug,
        plugins=full_paths(plugin),
    )
    raise typer.Exit(play_again(run, asked))


def heal(
    run: Annotated[
        Path | None, typer.Argument(help="A run's folder; default: all runs of the store.")
    ] = None,
    store: Store = Path("store"),
    hosts: Hosts = "",
    ssh_config: SshConfig = None,
    accept_new: AcceptNew = False,  # noqa: FBT002
    sudo: Sudo = False,  # noqa: FBT002
    json: Json = False,  # noqa: FBT002
) -> None:
    """Undo what dead runs left behind, and make sure that nothing of them is left.

    Processes and files on this machine, and nodes and faults on hosts that were named to the run;
    or, with `--hosts`, on these, whatever run it was. Exit status 0 if nothing is left, 2 wrong
    usage, 3 if a run is still going, 4 if something could not be undone.

    Examples: `zabtest heal` · `zabtest heal --hosts a,b,c`
    """
    if hosts:
        from harness.healing_hosts import heal_hosts

        raise typer.Exit(
            heal_hosts(hosts, ssh_config=ssh_config, accept_new=accept_new, sudo=sudo, json=json)
        )
    from harness.healing import heal as undo

    raise typer.Exit(undo(run or store, json=json))


def nightly(
    file: Annotated[Path, typer.Argument(help="What is to be run: a TOML file.")],
    check_fresh: Annotated[  # noqa: FBT002
        bool, typer.Option("--check-fresh", help="Run nothing; say whether a night ran lately.")
    ] = False,
    within: Annotated[float, typer.Option("--within", min=0, help="Hours that are lately.")] = 26.0,
    json: Json = False,  # noqa: FBT002
) -> None:
    """Go through a matrix of workloads, nemeses and seeds, within a budget of time.

    After each run all results are on the disk: a page, JUnit XML, JSON. Once more after a crash,
    and it goes on. A bug is planted every night; one in which it is not found is void. Exit status
    1 if any run failed, else 4 if any crashed or the night is void, else 3 if anything is open.

    Example: `zabtest nightly docs/examples/nightly.toml`
    """
    from harness.nightly.command import fresh
    from harness.nightly.command import nightly as go_through

    if check_fresh:
        raise typer.Exit(fresh(file, within_h=within, json=json))
    raise typer.Exit(go_through(file, json=json))


def add_to(app: typer.Typer) -> None:
    """All of them."""
    app.command()(demo)
    app.command()(replay)
    app.command()(heal)
    app.command()(nightly)
