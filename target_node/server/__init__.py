"""What does one server do about everything that happens to it?

The core of the node: bytes and completions in, bytes and operations out. No clock, chance, socket
or file is in it; `events` is its whole contact with the world.

events      what happens to a server, and what it wants done
settings    what it was told before it started
server      one step: who is concerned, and when to be woken
turn        the step under way, and what it has decided so far
history     what it has applied and logged, and what it can tell others of it
role        what its three roles have in common: looking, leading, learning
reconfigurer  whether the ensemble may change as a client asks
links       the quorum links, from bytes to packets and trees
gossip      the election links, with arrivals (who has not said who it is) and peer
clients     connections, sessions and the order of answers, one client in client
service     what they need of the role; reading is that of a server without a quorum
words       four-letter words, from the facts that portrait gathers, and figures
statistics  how much was done, and how fast
"""
