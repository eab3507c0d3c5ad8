"""What may go wrong, where and when? Faults as data, and the plans that inject them.

Nothing here knows how a link is cut or a process killed: that is the `Surface`, which every kind of
cluster offers.

fault     the faults that there are
surface   what a cluster lets one touch
"""
