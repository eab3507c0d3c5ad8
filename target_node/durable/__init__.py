"""Which of a server's promises outlive it: the log, the snapshots and the epochs on its disk."""
