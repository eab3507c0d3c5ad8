"""What do clients ask for, and what should they see?

session     what a session with a ZooKeeper-like service offers, and what its errors mean
workload    what a workload is: calls, adapters, judges
roaming     what a session offers besides that moves, watches and asks ahead
register, set, lock, multi, sequence, lives, watch, conformance   the bundled ones
judges, replies, membership, tenures, wholeness, numbering, lifetimes, hearing   who judges them
zookeeper/  how each is performed on a ZooKeeper-like service
names       which workloads and adapters there are
"""
