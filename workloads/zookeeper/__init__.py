"""How are the calls of each workload performed on a session of a ZooKeeper-like service?

Rules of these files:
1. A call of several requests has its effect with one of them. Where a request before that one
   failed, nothing has happened; where something has, the call is in doubt, whatever failed then.
2. A sync and the read behind it are one call on one connection.
"""
