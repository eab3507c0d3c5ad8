"""The world `local`: an ensemble of processes on this machine, and nothing needed but Python.

All that passes between the nodes, and between them and their clients, goes through one process that
can cut, delay and lose it. All that is started is the child of a guardian, which ends everything
when whoever started it is gone.

flow      how bytes go one way over one link
door      connections that come, and those that are made for them
proxy     the process with all doors, and what it can be told
guardian  the process whose children the nodes are
lines     talking with such a process
ports     ports that nobody else has
words     what a node says when it is asked for a four-letter word
member    one node: its files, its processes, its clock
orders    what the proxy is told
evidence  whether a fault has its effect
cluster   all of it, as the harness sees a cluster
"""
