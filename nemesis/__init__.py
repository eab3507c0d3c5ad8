"""What may go wrong, where and when? Faults as data, and the plans that inject them.

Nothing here knows how a link is cut or a process killed: that is the `Surface`, which every kind of
cluster offers.

fault       the faults that there are
surface     what a cluster lets one touch
union       what is so when several are active at once
written     how a fault is written down
grudge      which links a partition of a shape cuts
targets     which nodes `leader` or `minority` are at this moment
plan        steps: wait, let a fault be, hold it
schedules   the plans of the bundled nemeses
phases      plans that wait for a point of the protocol
registry    nemeses by name
ledger      which faults are active, and what was seen of them
budget      whether a disk may be lost now
conduct     plays several plans at once, and heals everything at the end
"""
