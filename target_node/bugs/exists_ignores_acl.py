"""Whoever asks whether a node exists is shown its stat, whether or not it may read it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.state import reads
from target_node.state.acl import SUPER
from target_node.state.reads import Reader
from target_node.state.tree import Tree
from target_node.state.watches import Watches
from target_node.wire.replies import ExistsResponse
from target_node.wire.requests import ExistsRequest

_exists: Final = reads._exists


def _exists_for_all(
    tree: Tree, watches: Watches, request: ExistsRequest, reader: Reader
) -> ExistsResponse:
    return _exists(tree, watches, request, replace(reader, ids=(SUPER,)))


BUG: Final = Bug(
    "exists-ignores-acl",
    "who may not read a node learns nothing of it but that it is there",
    "ZOOKEEPER-2590",
    ("answers",),
    (Override(reads, "_exists", _exists_for_all),),
)
