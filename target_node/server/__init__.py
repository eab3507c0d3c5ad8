"""What does one server do about everything that happens to it?

The core of the node: bytes and completions in, bytes and operations out. No clock, chance, socket
or file is in it; `events` is its whole contact with the world.

events      what happens to a server, and what it wants done
settings    what it was told before it started
server      one step: who is concerned, and when to be woken
history     what it has applied and logged, and what it can tell others of it
looking, leading, learning   its three roles
links       the quorum links, from bytes to packets
clients     connections, sessions and the order of their answers
words       four-letter words
"""
