"""How does an ensemble live on hosts?

target    which software, and what does it need?
zab, apache  ours, and Apache's
scripts   what is a host told to do with its node, in words of sh?
packets   which packets does a host drop?
clocks    whose clock goes wrong, the host's or a process's?
clock_agent  what does a host do with its own?
lease     who undoes all faults when the controller is gone?
hosted    one node on one host: its files, its process, its faults
evidence  has a fault the effect that it should have?
audit     is a host as it was before?
cluster   all of it, as the harness sees a cluster
"""
