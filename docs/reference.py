"""Which pages of the docs are made from the code, and what do they say now?

`make docs` writes them; a test fails when they are out of date.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

from harness.__main__ import app
from harness.listing import lines_of
from harness.power.checks import checks
from target_node.bugs.bug import Bug, find, names

HERE = Path(__file__).parent
HEADER = "<!-- Made from the code by `make docs`; edit the code instead. -->\n"


def pages() -> dict[Path, str]:
    """Every page that is made from the code, with its text."""
    made = {"command.md": command_page(), "bugs.md": bugs_page()}
    return {HERE / name: HEADER + "\n".join(lines) + "\n" for name, lines in made.items()}


def command_page() -> Iterator[str]:
    """The reference of the command."""
    yield "# The command"
    yield ""
    yield "Exit status everywhere: 0 valid, 1 invalid, 2 wrong usage, 3 inconclusive, 4 the harness"
    yield "itself failed."
    for name, command in _commands():
        yield ""
        yield f"## zabtest {name}"
        yield inspect.cleandoc(command.__doc__ or "")
        yield ""
        yield "| option | meaning |"
        yield "|---|---|"
        for parameter, hint in get_type_hints(command, include_extras=True).items():
            if parameter != "return":
                kind, told = get_args(hint)
                # In an annotation the first spelling stands where a default otherwise would.
                given = [told.default, *(getattr(told, "param_decls", None) or ())]
                names = [name for name in given if isinstance(name, str) and name[:1] == "-"]
                spelled = ", ".join(names) or parameter.upper()
                yield f"| `{spelled}{_takes(kind)}` | {told.help} |"
    for what in ("models", "formats", "workloads", "nemeses", "targets"):
        yield ""
        yield f"## {what.capitalize()}"
        yield ""
        yield "| name | what it is |"
        yield "|---|---|"
        for line in lines_of(what):
            name, _, told = line.partition(" ")
            yield f"| `{name}` | {told.strip()} |"


def _commands() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Those of groups behind all others."""
    groups = [(f"{one.name} ", one.typer_instance) for one in app.registered_groups]
    for before, group in [("", app), *groups]:
        assert group is not None
        for one in group.registered_commands:
            assert one.callback is not None
            yield f"{before}{one.name or one.callback.__name__}", one.callback


def bugs_page() -> Iterator[str]:
    """Those that can be planted in the node."""
    yield "# The bugs"
    yield ""
    yield "Mistakes that can be made on purpose, to see whether they are found. Each is a small"
    yield "override in `target_node/bugs/`; in `tests/target_node/bugs/` each has a scenario in"
    yield "which the correct node keeps the promise that the bug breaks. To notice it in a run may"
    yield "take the right fault, the right load, or many seeds; many need one of the more cunning"
    yield "nemeses. `zabtest hunt --bug NAME` tries them all in turn, and says with which faults it"
    yield "came out; `zabtest power` does so for one bug after the other: [power.md](power.md) says"
    yield "which of them were caught, how soon, and how small the scenario became. A node with a"
    yield "bug is started so:"
    yield ""
    yield "```"
    yield "python -m target_node.bugs NAME zoo.cfg"
    yield "```"
    yield ""
    yield "Some of these need not be planted in Apache's release 3.8.0: a second or two of the"
    yield "workloads `multi`, `watch` and `conformance` show ZOOKEEPER-4026, ZOOKEEPER-4466 and"
    yield "ZOOKEEPER-2590 there; and at the first check outside a multi (ZOOKEEPER-2623) a server"
    yield "breaks the connection, with a log from which it cannot start again."
    yield ""
    yield "| name | what goes wrong | the promise that it breaks | known as | who watches that |"
    yield "|---|---|---|---|---|"
    for name in names():
        bug = find(name)
        told = inspect.getdoc(import_module(f"target_node.bugs.{name.replace('-', '_')}"))
        yield f"| `{name}` | {told} | {bug.breaks} | {bug.known_as} | {_watched(bug)} |"


def _watched(bug: Bug) -> str:
    """The checks, each with its workloads; or why there is none."""
    if not bug.watched:
        return f"not covered yet: {bug.unwatched}"
    known = checks()
    told = [(f"`{one}`", ", ".join(known[one])) for one in bug.watched]
    return ", ".join(f"{name} ({of})" if of else name for name, of in told)


def _takes(kind: Any) -> str:
    """What an option is followed by, if it is no switch."""
    names: list[str] = []
    for one in _leaves(kind):
        if isinstance(one, str):
            names.append(one)
        elif one not in (bool, type(None)):
            names.append(one.__name__.upper())
    choices = "\\|".join(names)
    return f" {choices}" if names else ""


def _leaves(kind: Any) -> Iterator[Any]:
    """The types and literals that a type is made of."""
    parts = get_args(kind)
    if not parts:
        yield kind
    for part in parts:
        yield from _leaves(part)


def main() -> None:
    """Write the pages."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
