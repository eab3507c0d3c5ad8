"""Do the checker's inner loops run as compiled code, or as plain Python?

Both give the same verdicts; only the time differs. `make compiled` says how to get the former.
"""

from checker.search import run


def is_compiled() -> bool:
    """Whether the search that this process imported is an extension module."""
    return not (run.__file__ or "").endswith(".py")


if __name__ == "__main__":
    print("compiled" if is_compiled() else "plain Python")  # noqa: T201
