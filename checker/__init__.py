"""What happened, was it legal, and why not?"""

from checker.check import Ask, Limits, check

__all__ = ["Ask", "Limits", "check"]
