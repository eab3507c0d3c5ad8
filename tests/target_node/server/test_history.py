"""What does a server keep when its history is replaced?"""

from __future__ import annotations

from target_node.durable.recovery import Recovered
from target_node.server.history import History
from target_node.state.paths import CONFIG
from target_node.state.tree import Tree

NOTHING = Recovered(None, (), 0, 0, 0, ())


def test_another_tree_does_not_change_who_is_a_member() -> None:
    """A snapshot or a truncation does not know them, as long as there was no reconfiguration."""
    history = History(NOTHING, None)
    history.tree.set_config(b"server.1=...", 0)
    history.load(NOTHING, None)
    assert history.tree.nodes[CONFIG].data == b"server.1=..."


def test_another_tree_may_know_newer_members() -> None:
    history = History(NOTHING, None)
    history.tree.set_config(b"server.1=...", 0)
    newer = Tree()
    newer.set_config(b"server.2=...", 0x1_0000_0007)
    history.replace(newer)
    assert history.tree.nodes[CONFIG].data == b"server.2=..."


def test_a_tree_without_members_is_told() -> None:
    """ZooKeeper's from before 3.5 have no such node."""
    history = History(NOTHING, None)
    history.tree.set_config(b"server.1=...", 0)
    older = Tree()
    del older.nodes[CONFIG]
    history.replace(older)
    assert history.tree.nodes[CONFIG].data == b"server.1=..."
