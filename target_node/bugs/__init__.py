"""Which mistakes can be made on purpose, to see whether they are found?

Each is a small override in a file of its own. The node knows nothing of them: they are planted
around it, by `python -m target_node.bugs NAME zoo.cfg`, or in a simulation by `planted`.
"""
