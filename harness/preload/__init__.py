"""A library of ours, preloaded into the process of a node, that bends its clock and its disk."""
