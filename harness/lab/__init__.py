"""How do five hosts stand on one machine?

As namespaces: each has its own address, file tree, processes and sshd, and is reached by SSH only.
All of them are inside one outer namespace, so that nothing of it outlives the process that holds
it, no packet leaves it, and several labs may have the same addresses.

addresses who has which?
inside    the process that is the first in the lab: builds it, reaps, hands out sockets
tree      how is the file tree of a bare Debian had?
switch    what can be slow between hosts
node      what is done to be a host
lab       the lab, as whoever uses it sees it
"""
