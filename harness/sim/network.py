"""How do bytes get from one host to another?

Rules of this file:
1. A cut link delivers nothing: what is on its way stalls, and dials over it hang. What passes one
   way may stall the other way.
2. A host without power neither sends nor takes; one whose process has died refuses.
3. Cuts, refusals and paces are told as a whole, and replace what was told before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from harness.chance import Chance, Draw
from harness.sim.connection import End, Host, Link, Taker
from harness.sim.loop import MS, SECOND, SimLoop
from harness.sim.streams import Reader, Writer, connect
from harness.sim.timely import by_the_second

CLIENTS: Final = "clients"
CLIENT_PORT: Final = 2181
_RESEND_NS: Final = 200 * MS  # what was lost on the way is sent again after that

Accept: TypeAlias = Callable[[End], Taker]
Made: TypeAlias = Callable[[End], Taker]
Failed: TypeAlias = Callable[[OSError], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """How long bytes take over a link. `loss` is the share that has to be sent again."""

    delay_ms: float = 0.2
    jitter_ms: float = 0.3
    loss: float = 0.0
    bytes_per_s: int = 0  # 0: as many as may be


@dataclass(frozen=True, slots=True)
class Temper:
    """How connections fare. One in `split` pieces comes in two, 0 for none.

    Of connections that stall one in `patience` is given up by its sender, within so many seconds.
    """

    split: int = 16
    patience: int = 2
    patience_s: int = 20


class Network:
    """All hosts, and what is between them."""

    def __init__(
        self,
        loop: SimLoop,
        chance: Chance,
        *,
        pace: Pace | None = None,
        temper: Temper | None = None,
    ) -> None:
        self.loop = loop
        self._chance = chance
        self._draws: dict[Link, Draw] = {}
        self.pace = pace or Pace()
        self.temper = temper or Temper()
        self._paces: dict[Link, Pace] = {}
        self._cuts: dict[Link, None] = {}
        self._refused: dict[Link, None] = {}
        self._off: dict[Host, None] = {}
        self._listening: dict[tuple[Host, int], Accept] = {}
        self._ends: dict[Host, dict[End, None]] = {}
        self._dialling: dict[Host, dict[Dialling, None]] = {}
        self._stalled: dict[End, None] = {}

    # What a host does.

    def listen(self, host: Host, port: int, accept: Accept) -> None:
        """Take connections in from now on."""
        self._listening[host, port] = accept

    def dial(
        self, here: Host, there: Host, port: int, made: Made, failed: Failed, *, patience_ns: int
    ) -> Dialling:
        """Exactly one of the two is called, unless it is cancelled before."""
        dialling = Dialling(self, here, there, port, made, failed)
        self._dialling.setdefault(here, {})[dialling] = None
        self.loop.after(patience_ns, dialling.give_up)
        dialling.send()
        return dialling

    async def connect(
        self, host: Host, port: int = CLIENT_PORT, *, here: Host = CLIENTS
    ) -> tuple[Reader, Writer]:
        """As `asyncio.open_connection`."""
        return await connect(self, here, host, port)

    # What happens to hosts and links.

    def cut(self, links: Iterable[Link]) -> None:
        """Nothing passes over these links, and over all others everything."""
        self._cuts = dict.fromkeys(links)
        self._let_flow()

    def refuse(self, links: Iterable[Link]) -> None:
        """Dials over these links are refused, and connections that were are reset."""
        self._refused = dict.fromkeys(links)
        for ends in list(self._ends.values()):
            for end in list(ends):
                if (end.here, end.there) in self._refused:
                    end.abort()

    def slow(self, paces: Mapping[Link, Pace]) -> None:
        """These links have a pace of their own."""
        self._paces = dict(paces)

    def kill(self, host: Host) -> None:
        """Its process is gone; the system says so to the others, in one way or the other."""
        for end in self._abandoned(host):
            if self.draw_of((end.here, end.there))(2):
                end.abort()
            else:
                end.finish_for_the_dead()
            end.vanish(silently=True)

    def power_off(self, host: Host) -> None:
        """It says nothing any more."""
        self._off[host] = None
        for end in self._abandoned(host):
            end.lose_some()
            end.vanish(silently=True)

    def power_on(self, host: Host) -> None:
        """It hears again what comes, and knows nothing of it."""
        self._off.pop(host, None)
        self._let_flow()

    def _abandoned(self, host: Host) -> list[End]:
        for listening in [at for at in self._listening if at[0] == host]:
            del self._listening[listening]
        for dialling in list(self._dialling.pop(host, ())):
            dialling.over = True
        ends = list(self._ends.get(host, ()))
        for end in ends:
            end.taker = None
        return ends

    def _let_flow(self) -> None:
        for end in list(self._stalled):
            if self.passes(end.here, end.there):
                del self._stalled[end]
                end.flow_again()

    # What connections and dials ask.

    def passes(self, here: Host, there: Host) -> bool:
        """Whether anything sent from here now arrives there."""
        return (here, there) not in self._cuts and there not in self._off and here not in self._off

    def draw_of(self, link: Link) -> Draw:
        """What chance does to what passes over this link."""
        draw = self._draws.get(link)
        if draw is None:
            here, there = link
            draw = by_the_second(self.loop, self._chance, f"net/{here}>{there}")
            self._draws[link] = draw
        return draw

    def pace_of(self, link: Link) -> Pace:
        """How long it takes over this link."""
        return self._paces.get(link, self.pace)

    def listens(self, here: Host, there: Host, port: int) -> bool:
        """Whether one who dials from here is let in."""
        return (there, port) in self._listening and (here, there) not in self._refused

    def arrival_ns(self, end: End, size: int, last_ns: int) -> int:
        """When a piece of this size arrives that is sent now behind one that arrives then."""
        link = end.here, end.there
        pace = self._paces.get(link, self.pace)
        at_ns = max(self.loop.now_ns + self.delay_ns(link), last_ns)
        return at_ns + size * SECOND // pace.bytes_per_s if pace.bytes_per_s else at_ns

    def late_ns(self, end: End) -> int:
        """How long a piece takes that is sent now."""
        return self.delay_ns((end.here, end.there))

    def delay_ns(self, link: Link) -> int:
        """How long something takes over this link that has no size."""
        pace, draw = self._paces.get(link, self.pace), self.draw_of(link)
        delay_ns = int(pace.delay_ms * MS) + draw(int(pace.jitter_ms * MS) + 1)
        if pace.loss and draw(1000) < pace.loss * 1000:
            delay_ns += _RESEND_NS
        return delay_ns

    def cut_piece(self, end: End, size: int) -> int:
        """Where this piece is torn in two, or 0."""
        split, draw = self.temper.split, self.draw_of((end.here, end.there))
        return 1 + draw(size - 1) if split and draw(split) == split - 1 else 0

    def stalls(self, end: End) -> int | None:
        """How long it bears that before it gives up; None for as long as it takes."""
        self._stalled[end] = None
        patience, draw = self.temper.patience, self.draw_of((end.here, end.there))
        if patience and draw(patience) == patience - 1:
            return SECOND + draw(self.temper.patience_s * SECOND)
        return None

    def accept(self, end: End) -> None:
        """A connection has come to this end."""
        listener = self._listening.get((end.here, end.port))
        if listener is None:
            end.abort()
        else:
            end.taker = listener(end)

    def forget(self, end: End) -> None:
        """It is gone; what it sent before may still be on its way."""
        self._ends[end.here].pop(end, None)

    def connected(self, dialling: Dialling) -> None:
        """Make both ends: the one that dialled knows it first."""
        here, there, port = dialling.here, dialling.there, dialling.port
        ours, theirs = End(self, here, there, port), End(self, there, here, port)
        ours.other, theirs.other = theirs, ours
        for end in (ours, theirs):
            self._ends.setdefault(end.here, {})[end] = None
        ours.open()
        self.dialled(dialling)
        ours.taker = dialling.made(ours)

    def dialled(self, dialling: Dialling) -> None:
        """It has come to an end."""
        dialling.over = True
        self._dialling.get(dialling.here, {}).pop(dialling, None)


class Dialling:
    """A connection that is not yet there."""

    __slots__ = ("_network", "_tries", "failed", "here", "made", "over", "port", "there")

    def __init__(
        self, network: Network, here: Host, there: Host, port: int, made: Made, failed: Failed
    ) -> None:
        self.here = here
        self.there = there
        self.port = port
        self.made = made
        self.failed = failed
        self.over = False
        self._network = network
        self._tries = 0

    def send(self) -> None:
        """The first word, which may get lost."""
        if not self.over:
            self._later(self.here, self.there, self._arrive)

    def cancel(self) -> None:
        """Nobody wants it any more."""
        self._network.dialled(self)

    def give_up(self) -> None:
        """It has taken too long."""
        self._fail(TimeoutError(f"{self.there}:{self.port} does not answer"))

    def _later(self, here: Host, there: Host, act: Callable[[], None]) -> None:
        network = self._network
        network.loop.after(network.delay_ns((here, there)), act)

    def _arrive(self) -> None:
        if self.over:
            return
        if self._network.passes(self.here, self.there):
            self._later(self.there, self.here, self._answer)
        else:
            self._again()

    def _answer(self) -> None:
        if self.over:
            return
        if not self._network.passes(self.there, self.here):
            self._again()
        elif self._network.listens(self.here, self.there, self.port):
            self._network.connected(self)
        else:
            self._fail(ConnectionRefusedError(f"{self.there}:{self.port} refuses"))

    def _again(self) -> None:
        self._tries += 1
        self._network.loop.after(SECOND << min(self._tries - 1, 5), self.send)

    def _fail(self, problem: OSError) -> None:
        if not self.over:
            self._network.dialled(self)
            self.failed(problem)
