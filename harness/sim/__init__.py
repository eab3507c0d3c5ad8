"""How does a whole ensemble run in one process, with time, chance and failure in our hands?

loop        what time is it?
disk        what does a disk keep when the power fails?
connection, network, streams   how do bytes get from one host to another?
clock, ports, disk_queue, node   how does one server live?
world       which nodes are there, and what happens to them?
"""
