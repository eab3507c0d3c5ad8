"""`zabtest doctor`: can the hosts do what a run needs, and if not, what is to be done?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.deploy.examine import Step
    from harness.hosts.login import Login

WRONG_USAGE: Final = 2
ILL: Final = 1

Hosts = Annotated[
    str,
    typer.Option("--hosts", help="a,b,c, a TOML file that tells more, or a Vagrantfile's folder."),
]
OrHosts = Annotated[
    str | None,
    typer.Option("--hosts", help="a,b,c, a TOML file that tells more, or a Vagrantfile's folder."),
]
SshConfig = Annotated[
    Path | None, typer.Option("--ssh-config", help="OpenSSH's configuration; default: the user's.")
]
AcceptNew = Annotated[
    bool,
    typer.Option(
        "--accept-new-host-keys",
        "--accept-new",
        help="Take host keys that are not known, and keep them.",
    ),
]
Sudo = Annotated[bool, typer.Option("--sudo", help="Become root by sudo.")]


def place_of(
    on: str | None, hosts: str | None, ssh_config: Path | None, *, accept_new: bool, sudo: bool
) -> str:
    """Where a run takes place: what is said of hosts belongs to runs on hosts."""
    if hosts is not None and not hosts.strip():
        raise typer.BadParameter("no host is named: --hosts a,b,c, or a file of them")
    place = on or ("local" if hosts is None else "ssh")
    said = {
        "--hosts": hosts is not None,
        "--ssh-config": ssh_config is not None,
        "--accept-new-host-keys": accept_new,
        "--sudo": sudo,
    }
    for option, given in said.items():
        if given and place != "ssh":
            mend = "say --on ssh, or leave out one of them" if on else "name them with --hosts"
            raise typer.BadParameter(f"{option} is of hosts, and --on is {place}: {mend}")
    return place


def doctor(
    hosts: Hosts,
    ssh_config: SshConfig = None,
    accept_new: AcceptNew = False,  # noqa: FBT002
    sudo: Sudo = False,  # noqa: FBT002
    target: Annotated[str, typer.Option("--target", help="What is to run there.")] = "zab",
    json: Annotated[  # noqa: FBT002
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
) -> None:
    """Look at each host, step by step, and say what is missing and how to mend it.

    Nothing is changed on them, but for an empty /var/lib/zabtest. Exit status: 0 all is well, 1
    something that a run needs is missing, 2 wrong usage.

    Examples: `zabtest doctor --hosts a,b,c` · `zabtest doctor --hosts hosts.toml --json`
    """
    from harness.deploy.places import SOFTWARE
    from harness.hosts.inventory import BadInventory, logins

    if target not in SOFTWARE:
        typer.echo(f"zabtest: no target is called {target}: {', '.join(SOFTWARE)}", err=True)
        raise typer.Exit(WRONG_USAGE)
    try:
        found = logins(hosts, ssh_config=ssh_config, accept_new=accept_new, sudo=sudo)
    except BadInventory as bad:
        typer.echo(f"zabtest: {bad}", err=True)
        raise typer.Exit(WRONG_USAGE) from None
    steps = examined(found, target)
    tell(steps, json=json)
    raise typer.Exit(ILL if any(one.needed and not one.well for one in steps) else 0)


def examined(found: Sequence[Login], target: str) -> Sequence[Step]:
    """All steps of all hosts, each host's together."""
    import asyncio

    from harness.deploy.examine import examine
    from harness.deploy.places import SOFTWARE, reached

    software = SOFTWARE[target]()

    async def look() -> list[Step]:
        async with reached(found) as hosts:
            told = await asyncio.gather(
                *(
                    examine(host, software, [one for one in hosts if one is not host])
                    for host in hosts
                )
            )
            return [step for steps in told for step in steps]

    return asyncio.run(look())


def tell(steps: Sequence[Step], *, json: bool) -> None:
    """A line each, or one JSON object."""
    from dataclasses import asdict

    from harness.telling import print_json

    if json:
        print_json({"steps": [asdict(one) for one in steps]})
        return
    width = max((len(one.host) for one in steps), default=0)
    for one in steps:
        mark = "ok     " if one.well else "MISSING" if one.needed else "without"
        typer.echo(f"{one.host:{width}}  {mark}  {one.about:8}  {one.words}")
