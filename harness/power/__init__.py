"""How much of what can go wrong does a hunt find? Known bugs are planted, and counted.

checks       what can notice anything at all, and in which workloads
"""
