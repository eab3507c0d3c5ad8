from tests.harness.labs import fresh_lab, lab

__all__ = ["fresh_lab", "lab"]
