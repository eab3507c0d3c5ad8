"""One server, as bytes reach it: all others, its disk and its clock are the script.

`server 2 of 1 2 3 log=1.1,1.2` begins it; each txn of the log makes a znode of that name. Then

    link 1                      the election link to server 1 is up
    vote 1 LOOKING 3 1.2 round=1 epoch=1
    connected 3, refused 3      what became of our dial to leader 3
    dials 1                     server 1 dials our quorum port
    from 1 PROPOSAL 2.1 …       a packet over the quorum link with 1; `tree` is one behind a SNAP
    gone 1                      that link has ended
    client a connects           a connection named a; `resumes=b seen=1.2` for b's session
    client a create /x          a request; `client a gone` ends it; several at once joined by `then`
    disk                        the disk does all that it was asked for; `disk 1` only the oldest
    at 5000                     time passes, and we are woken when we wanted to be
    follows 3, leads with 1     all of that, up to where it serves, without a word
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.sim.disk import SimDisk
from target_node.durable.operations import Append, perform
from target_node.durable.store import open_store
from target_node.protocol.ensemble import Address
from target_node.protocol.events import Woken
from target_node.server.arrivals import announcement
from target_node.server.events import (
    Connected,
    Data,
    Done,
    Port,
    Start,
)
from target_node.server.links import SIGNATURE
from target_node.server.server import Server
from target_node.server.settings import Settings
from target_node.state.image import write_image
from target_node.state.session_ids import NO_PASSWORD, password_of
from target_node.state.tree import Tree
from target_node.wire.client import OPS, encode_request
from target_node.wire.codes import ServerState, Xid
from target_node.wire.connect import (
    ConnectRequest,
    encode_connect_request,
)
from target_node.wire.election import Notification, encode_notification
from target_node.wire.frames import frame
from target_node.wire.record import encode
from target_node.wire.requests import PingRequest, SetWatchesRequest
from target_node.wire.txn import decode_txn
from tests.target_node.protocol.members import ensemble
from tests.target_node.protocol.script import options, shown, zxid
from tests.target_node.server import spoken
from tests.target_node.server.overheard import BEGINNING, Overheard

XIDS = {PingRequest: Xid.PING, SetWatchesRequest: Xid.SET_WATCHES}


class Correspondence(Overheard):
    def do(self, command: str, words: Sequence[str]) -> list[str]:
        self.lines = []
        getattr(self, f"do_{command}")(*words)
        return self.lines

    def play(self, text: str) -> list[str]:
        """The commands, a line each; what came of the last one."""
        came: list[str] = []
        for line in text.strip().splitlines():
            command, *words = line.split()
            came = self.do(command, words)
        return came

    # The server, its disk and its clock.

    def do_server(self, sid: str, _of: str, *words: str) -> None:
        given = options(words)
        members = ensemble(*[word for word in words if "=" not in word])
        log = [zxid(text) for text in given.get("log", "").split(",") if text]
        epoch = int(given.get("epoch", log[-1] >> 32 if log else 0))
        store, _ = open_store(SimDisk())
        store.set_accepted_epoch(int(given.get("accepted", epoch)))
        store.set_current_epoch(epoch)
        made = [spoken.txn_of(one, ["create", f"/{shown(one)}"], {}) for one in log]
        perform(store, [Append(tuple(made))] if made else [])
        self.store, recovered = open_store(store.disk)
        settings = Settings(
            int(sid), members, tick_ms=1000, read_only="read_only" in given, traces=True
        )
        Overheard.__init__(self)
        self.server = Server(settings, recovered, None, lambda below: below - 1)
        self.step(Start())

    def do_disk(self, number: str = "1000") -> None:
        for _ in range(int(number)):
            if not self.operations:
                return
            (completion,) = perform(self.store, [self.operations.popleft()])
            self.step(Done(completion))

    def do_at(self, time: str) -> None:
        while self.wake_ms is not None and self.wake_ms <= int(time):
            self.now_ms, self.wake_ms = max(self.now_ms, self.wake_ms), None
            self.step(Woken())
        self.now_ms = int(time)

    # What many conversations begin with.

    def do_follows(self, leader: str) -> None:
        """In epoch 2, with the history that it has."""
        assert self.server is not None
        self.votes(leader, leader)
        self.do_connected(leader)
        self.do_from(leader, "LEADERINFO", "2.0")
        self.do_disk()
        self.do_from(leader, "DIFF", shown(self.server.place.history.last_zxid))
        self.do_from(leader, "NEWLEADER", "2.0")
        self.do_disk()
        self.do_from(leader, "UPTODATE", "2.0")
        self.lines = []

    def do_leads(self, _with: str, *followers: str) -> None:
        """In the next epoch; the others have the same history."""
        assert self.server is not None
        last = shown(self.server.place.history.last_zxid)
        current = str(self.server.place.current_epoch)
        for sid in followers:
            self.votes(sid, str(self.server.place.me))
        for sid in followers:
            self.do_dials(sid)
            self.do_from(sid, "FOLLOWERINFO", f"{current}.0")
        self.do_disk()
        for sid in followers:
            self.do_from(sid, "ACKEPOCH", last, f"current={current}")
        self.do_disk()
        for sid in followers:
            self.do_from(sid, "ACK", f"{int(current) + 1}.0")
        self.lines = []

    def votes(self, sid: str, leader: str) -> None:
        assert self.server is not None
        last = shown(self.server.place.history.last_zxid)
        epoch = self.server.place.current_epoch
        self.do_link(sid)
        self.do_vote(sid, "LOOKING", leader, last, "round=1", f"epoch={epoch}")
        self.do_at(str(self.now_ms + 400))

    # Other servers.

    def do_link(self, sid: str) -> None:
        assert self.server is not None
        if (dialled := self.dialled.get((Port.ELECTION, sid))) in self.others:
            assert dialled is not None
            self.step(Connected(dialled))
        if int(sid) > self.server.place.me:
            address = Address(f"n{sid}", 3888)
            connection = self.accept(sid, Port.ELECTION)
            self.step(Data(connection, announcement(int(sid), address)))

    def do_vote(self, sid: str, state: str, leader: str, last: str, *words: str) -> None:
        given = options(words)
        vote = Notification(
            ServerState[state], int(leader), zxid(last), int(given["round"]), int(given["epoch"])
        )
        self.step(Data(self.end(sid, Port.ELECTION), frame(encode_notification(vote))))

    def do_connected(self, sid: str) -> None:
        self.step(Connected(self.dialled[Port.QUORUM, sid]))

    def do_refused(self, sid: str) -> None:
        self.over(self.dialled[Port.QUORUM, sid])

    def do_dials(self, sid: str) -> None:
        self.accept(sid, Port.QUORUM)

    def do_gone(self, sid: str) -> None:
        self.over(self.end(sid, Port.QUORUM))

    def do_from(self, sid: str, *words: str) -> None:
        if words[0] == "tree":
            data = tree_of(words[1:])
        else:
            data = encode(spoken.packet_of(int(sid), words, self.sessions))
        self.step(Data(self.end(sid, Port.QUORUM), data))

    # Clients.

    def do_client(self, name: str, *words: str) -> None:
        given = options(words)
        if words[0] == "connects":
            connection = self.accept(name, Port.CLIENT)
            session = self.sessions[given["resumes"]] if "resumes" in given else 0
            password = password_of(session) if session else NO_PASSWORD
            seen = zxid(given.get("seen", "0.0"))
            only_reads = "read_only" in words
            greeting = ConnectRequest(seen, 4000, session, password, only_reads)
            self.step(Data(connection, frame(encode_connect_request(greeting))))
            if name not in self.sessions and not session:
                self.name_session(name, connection)
            self.lines = [line.replace(BEGINNING, name) for line in self.lines]
        elif words[0] == "gone":
            self.over(self.end(name, Port.CLIENT))
        else:
            connection = self.end(name, Port.CLIENT)
            other, data = self.others[connection], b""
            for one in " ".join(words).split(" then "):
                request = spoken.request_of(one.split())
                xid = XIDS.get(type(request)) or next(other.xids)
                other.asked[xid] = OPS[type(request)]
                data += frame(encode_request(xid, request))
            self.step(Data(connection, data))

    def name_session(self, name: str, connection: int) -> None:
        assert self.server is not None
        client = self.server.clients.by_connection.get(connection)
        if client is not None and client.session:
            self.sessions[name] = client.session


def tree_of(zxids: Sequence[str]) -> bytes:
    """A tree in which each of these txns has made a znode of that name, and what ends it."""
    tree = Tree()
    for one in zxids:
        payload = spoken.txn_of(zxid(one), ["create", f"/{one}"], {})
        header, body, _ = decode_txn(payload)
        tree.apply(header, body, payload)
    return b"".join(write_image(tree)) + SIGNATURE
