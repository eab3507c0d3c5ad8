"""How do the servers agree on a leader, an epoch and one order of txns?

Nothing here does I/O, asks a clock or takes a draw: every machine is `step(now_ms, event)`, which
gives the effects to perform, in their order. What must wait for the disk leaves in the step that
the disk's completion causes, never before.

ensemble    who belongs to it, and what a quorum is
events      what happens to the machines, and what they want done
election    whom to follow: fast leader election
discovery   which epoch begins: promises, and the quorum that establishes a leader
promise     may I follow this leader, in its epoch: the learner's side of it
plan        what a learner lacks of the leader's history, and what it has too much
broadcast   proposals, acks, commits and confirmed syncs of an established leader
"""
