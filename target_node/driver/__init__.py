"""What stands between the core and the world?

The core says what it wants done; here it is done, and what happens is told to the core. All of it
runs in one thread, but for the disk's.

node          who starts, steps and ends the core?
connections   how do connections come about, and which number has which?
connection    how does one take bytes in, and let them out?
disk_thread   who performs the core's operations on the disk?
clock         what time is it for this node?
routes        where is a peer really dialled?
journal       where is it written what happened?
"""
