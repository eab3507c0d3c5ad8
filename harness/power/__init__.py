"""How much of what can go wrong does a hunt find? Known bugs are planted, and counted.

checks       what can notice anything at all, and in which workloads
hunting      the hunt for one bug, and the least of what it caught
campaign     what is known by now, on the disk
measuring    one bug after the other
summing, telling, page, command   what is said of it
"""
