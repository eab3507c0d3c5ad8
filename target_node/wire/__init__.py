"""Which bytes does a ZooKeeper say, to clients and to its peers, and what do they mean?

Nothing here does I/O, asks a clock or takes a draw. A value goes in and bytes come out, or bytes go
in and a value or `Malformed` comes out.

jute        the primitives, `Reader`, `Writer`, `Malformed`
record      a record is a class whose fields are declared in the order of the wire
codes       what the numbers mean
data        the records that others contain: Stat, ACL, Id
connect     the first packet of a client's connection, and its answer
requests    what clients ask for              replies   what they are answered
multi       several requests as one           frames    packets cut out of a stream
txn         what is proposed and logged       election  votes
quorum      the packets between a leader and its learners       payloads  what these carry
"""
