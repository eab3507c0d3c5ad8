from tests.harness.labs import lab

__all__ = ["lab"]
