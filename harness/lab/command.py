"""`zabtest lab`: hosts on this machine, to play with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import typer

WRONG_USAGE: Final = 2
FOLDER: Final = Path("/run/zabtest/lab")
"""Root's. Others have theirs where they may write: see `_usual`."""

app = typer.Typer(
    help="Hosts on this machine, in namespaces, each with its own address, files and sshd.",
    no_args_is_help=True,
)
Folder = Annotated[
    Path | None,
    typer.Option(
        "--folder",
        help=f"Where its keys and its inventory are; default: {FOLDER}, without root zabtest/lab "
        "in $XDG_RUNTIME_DIR or ~/.cache.",
    ),
]


@app.command()
def up(
    nodes: Annotated[int, typer.Option("--nodes", min=1, max=200, help="How many hosts.")] = 5,
    folder: Folder = None,
    tree: Annotated[
        Path | None,
        typer.Option(
            "--tree",
            help="The hosts have this file tree, a bare Debian's, which is made there if there is "
            "none; default: this machine's.",
        ),
    ] = None,
) -> None:
    """Make hosts that stay until `zabtest lab down`. Needs Linux, and root or the user's own
    subordinate ids.

    Examples: `zabtest lab up --nodes 3` · `ssh -F /run/zabtest/lab/ssh_config n1` ·
    `zabtest lab up --tree build/tree`
    """
    from harness.lab.lab import NoLab
    from harness.lab.lab import up as make
    from harness.lab.stay import let_go, write_pid

    folder = folder or _usual()
    if folder.exists() and not let_go(folder, only_dead=True):
        typer.echo(
            f"zabtest: a lab is up in {folder}, or it is no lab's folder: `zabtest lab down`",
            err=True,
        )
        raise typer.Exit(WRONG_USAGE)
    try:
        lab = make(nodes, folder=folder, kept=True, tree=tree)
    except NoLab as why:
        typer.echo(f"zabtest: {why}", err=True)
        raise typer.Exit(WRONG_USAGE) from None
    write_pid(folder, lab.pid)
    lab.leave()
    typer.echo(f"{nodes} hosts are up: --hosts {lab.inventory}")
    typer.echo(f"log in: ssh -F {lab.ssh_config} n1")


@app.command()
def down(folder: Folder = None) -> None:
    """End the hosts of `zabtest lab up`, and all that is on them."""
    from harness.lab.stay import let_go

    folder = folder or _usual()
    if not folder.exists():
        typer.echo(f"zabtest: there is no lab in {folder}", err=True)
        raise typer.Exit(WRONG_USAGE)
    if not let_go(folder):
        typer.echo(f"zabtest: {folder} is no lab's folder: it stays as it is", err=True)
        raise typer.Exit(WRONG_USAGE)
    typer.echo("ended")


def _usual() -> Path:
    if os.geteuid() == 0:
        return FOLDER
    own = os.environ.get("XDG_RUNTIME_DIR") or os.path.expanduser("~/.cache")
    return Path(own) / "zabtest" / "lab"
