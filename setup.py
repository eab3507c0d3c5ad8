"""Which modules may be compiled, and how are they built?

Everything about the distribution is in pyproject.toml; this file adds what has to be worked out.
By default nothing is compiled. With ZABTEST_COMPILE=1 in the environment mypyc turns the checker's
inner loops into extension modules: for `pip install .`, and for `make compiled`.
"""

import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import Any

from setuptools import setup

HOT = [*sorted(Path("checker/search").glob("[a-z]*.py")), Path("checker/formats/pairing.py")]


def compiled() -> dict[str, Any]:
    """What to add to the distribution so that it is compiled."""
    if "egg_info" in sys.argv:
        # An installer asks what a build needs. The types must be there too, or mypyc guesses.
        return {"setup_requires": ["mypy[mypyc]>=1.15", "msgspec>=0.19"]}
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        sys.exit(
            f"There is no C compiler here ({compiler}): install one (Debian: apt install gcc "
            "python3-dev), or go without; the checker runs uncompiled too, only slower."
        )
    try:
        from mypyc.build import mypycify
    except ImportError:
        sys.exit("mypyc is not installed: pip install 'mypy[mypyc]'")
    return {
        "ext_modules": mypycify([str(path) for path in HOT], opt_level="3", group_name="zabtest")
    }


setup(**(compiled() if os.environ.get("ZABTEST_COMPILE") == "1" else {}))
