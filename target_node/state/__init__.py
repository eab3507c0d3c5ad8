"""What does a server hold, and how does a request change it?

Nothing here does I/O, asks a clock or takes a draw: times are arguments, and every order is the
order of insertion, never that of a set.

refusal      why a request is refused           paths        which paths there can be
lifetime     what a node's owner number says    acl          who may do what
znode        one node                           changes      what applying a txn did
tree         all nodes and sessions             registers    which nodes end, which ACLs are used
image        the tree in a snapshot             digest       what replicas compare
outstanding  what is proposed, not yet applied  writes       which txn a write becomes
prep         the leader turns requests into txns
sessions     who is alive, and where            session_ids  a session's number and password
admission    who may begin a session, or go on with one
watches      who is told of a change            catch_up     watches of a client that came back
reads        answers from the tree              reply        answers to what was applied
"""
