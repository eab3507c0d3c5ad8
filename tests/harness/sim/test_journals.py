"""Who ended by itself, and who was right to?"""

from __future__ import annotations

from pathlib import Path

from harness.sim.journals import Journals


def test_only_a_halt_of_a_node_whose_disk_fails_is_excused(tmp_path: Path) -> None:
    journals = Journals()
    journals.open(tmp_path, ["n1", "n2", "n3"])
    journals.excused |= {"n1", "n2"}
    for node, event in ((1, "halt"), (2, "halt"), (2, "broken"), (3, "halt")):
        journals.note({"node": node, "event": event, "why": "of the disk"})
    journals.close()
    assert journals.ended == {
        "n2": "exit status 70: of the disk",
        "n3": "exit status 1: of the disk",
    }
