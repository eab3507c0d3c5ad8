"""How do we talk to a ZooKeeper-like service as a client?"""
