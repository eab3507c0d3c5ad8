"""How does a file of the user's own take part, as if it were installed?

Whatever others add (targets, workloads, adapters, nemeses) is found by its entry point. A file that
is named with `--plugin` declares the same entry points in itself:

    ENTRY_POINTS = {
        "zabtest.targets": {"redis": "REDIS"},
        "zabtest.adapters": {"register:redis": "RegistersOnRedis"},
    }

From then on it counts as a distribution that is installed: nobody who looks up an entry point knows
the difference.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from importlib.machinery import ModuleSpec
from importlib.metadata import Distribution, DistributionFinder
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Final

NAME: Final = "ENTRY_POINTS"
GROUPS: Final = ("zabtest.targets", "zabtest.workloads", "zabtest.adapters", "zabtest.nemeses")


class CannotLoad(ValueError):
    """A file is no plugin; the message is for the user."""


class _Plugin(Distribution):
    """One file, as importlib knows what is installed."""

    def __init__(self, module: ModuleType, points: Mapping[str, Mapping[str, str]]) -> None:
        self._files = {
            "METADATA": f"Metadata-Version: 2.1\nName: {module.__name__}\nVersion: 0\n",
            "entry_points.txt": "".join(
                f"[{group}]\n"
                + "".join(f"{name} = {module.__name__}:{what}\n" for name, what in of_group.items())
                for group, of_group in points.items()
            ),
        }

    def read_text(self, filename: str) -> str | None:
        return self._files.get(filename)

    def locate_file(self, path: Any) -> Any:
        return Path(path)


class _Loaded(DistributionFinder):
    """All files that were loaded."""

    def __init__(self) -> None:
        self.plugins: dict[Path, _Plugin] = {}

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        return None

    def find_distributions(self, context: Any = None) -> Iterable[Distribution]:
        return list(self.plugins.values())


_LOADED: Final = _Loaded()


def load(paths: Iterable[str | Path]) -> tuple[str, ...]:
    """Let these files take part; their full paths."""
    if _LOADED not in sys.meta_path:
        sys.meta_path.append(_LOADED)
    found = []
    for path in paths:
        file = Path(path).resolve()
        if file not in _LOADED.plugins:
            module = _imported(file)
            _LOADED.plugins[file] = _Plugin(module, _declared(file, module))
        found.append(str(file))
    return tuple(found)


def _imported(file: Path) -> ModuleType:
    name = f"zabtest_plugin_{len(_LOADED.plugins)}_{file.stem}"
    spec = spec_from_file_location(name, file)
    if not file.is_file() or spec is None or spec.loader is None:
        raise CannotLoad(f"--plugin {file}: there is no such Python file")
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as failure:
        del sys.modules[name]
        why = f"{type(failure).__name__}: {failure}"
        raise CannotLoad(f"--plugin {file}: cannot be imported ({why})") from failure
    return module


def _declared(file: Path, module: ModuleType) -> Mapping[str, Mapping[str, str]]:
    points = getattr(module, NAME, None)
    if not isinstance(points, dict) or not points:
        raise CannotLoad(
            f'--plugin {file}: it declares nothing; add {NAME} = {{"{GROUPS[0]}": {{…}}}}'
        )
    for group, of_group in points.items():
        if group not in GROUPS:
            raise CannotLoad(f"--plugin {file}: no group {group!r}; there are {', '.join(GROUPS)}")
        for name, what in of_group.items():
            if not hasattr(module, what):
                raise CannotLoad(f"--plugin {file}: {group} {name!r} names {what}, which it lacks")
    return points
