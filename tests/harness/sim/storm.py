"""An ensemble, some clients, and all that may go wrong, as one seed decides; and was it right?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from checker import check
from checker.contract import check_contract
from checker.history import History
from checker.models.zookeeper import LocalRead, ZooKeeperRegister
from checker.verdict import Verdict
from harness.invariants import broken, parse
from harness.sim.connection import Link
from harness.sim.disk import FULL
from harness.sim.disk_queue import DiskPace
from harness.sim.loop import SECOND, run
from harness.sim.network import Pace
from harness.sim.world import SimWorld, isolating
from target_node.protocol.ensemble import Ensemble, Role
from target_node.state.digest import tree_hash
from target_node.wire.codes import ErrorCode
from target_node.wire.requests import ReconfigRequest
from tests.harness.sim.client import Client, Lost
from tests.harness.sim.load import ANY, Asker, Memory

HEALED_S = 60.0  # within which an ensemble without faults serves again
CLIENTS = 4


@dataclass(frozen=True)
class Plan:
    seed: int
    size: int = 3
    observers: int = 0
    seconds: float = 12.0
    snap_count: int = 100_000
    purges: bool = False
    pace: Pace | None = None
    reconfigures: bool = False  # the members change, too


def plan_of(seed: int) -> Plan:
    """Sizes go round."""
    size, observers = ((3, 0), (5, 0), (3, 1), (3, 0))[seed % 4]
    return Plan(
        seed, size, observers, snap_count=(100_000, 20)[seed // 4 % 2], purges=seed // 8 % 2 == 1
    )


class Changes:
    """Who asks for other members, again and again."""

    def __init__(self, world: SimWorld) -> None:
        self.world = world
        self.draw = world.draw("members")
        self.client = Client(world.network, "operator")
        self.made = 0

    async def go_on(self, until_s: float) -> None:
        while self.world.seconds < until_s:
            await asyncio.sleep(self.draw(1500) / 1000)
            servers = self.world.ensemble.servers
            one = servers[self.draw(len(servers))]
            if self.draw(3) == 0:
                request = ReconfigRequest(None, str(one.sid), None, ANY)
            else:
                role = (Role.PARTICIPANT, Role.OBSERVER)[self.draw(3) // 2]
                request = ReconfigRequest(str(replace(one, role=role)), None, None, ANY)
            if await self.ask(request):
                self.made += 1

    async def restore(self) -> None:
        """All are members as at first; one after the other, for a quorum must be there."""
        for server in self.world.ensemble.servers:
            for _ in range(100):
                if await self.ask(ReconfigRequest(str(server), None, None, ANY)):
                    break
                await asyncio.sleep(0.5)
            else:
                raise AssertionError(f"server {server.sid} cannot be a member again")

    async def ask(self, request: ReconfigRequest) -> bool:
        names = self.world.names
        try:
            if not self.client.connected:
                await self.client.connect(names[self.draw(len(names))], patience_s=2)
            if not self.client.connected:
                return False
            return (await self.client.call(request, patience_s=3)).err == ErrorCode.OK
        except Lost:
            self.client.drop()
            return False


class Storm:
    """The faults."""

    def __init__(self, world: SimWorld) -> None:
        self.world = world
        self.draw = world.draw("nemesis")
        self.log: list[tuple[float, str]] = []
        self.gap_ms = (1, 2, 4, 8)[self.draw(4)]
        self.resting = False
        self.may_wipe = True
        self.wiped = False
        self.deeds: tuple[Callable[[str], None], ...] = (
            self.start_all, self.start_all, self.start_all, self.start_all, self.start_all,
            self.heal_network, self.heal_network, self.heal_network, self.heal_network,
            self.resume_all, self.resume_all, self.kill, self.kill_leader, self.power_off,
            self.crash_between_effects, self.crash_between_effects, self.crash_between_effects,
            self.crash_in_disk, self.crash_in_disk, self.pause, self.nap, self.nap,
            self.isolate, self.cut_one_way,
            self.split, self.depose, self.depose, self.bend_clock, self.slow_disk,
            self.slow_links, self.power_off_all,
            self.fill_disk, self.reset, self.wipe,
        )  # fmt: skip

    async def rage(self, until_s: float) -> None:
        while self.world.seconds < until_s:
            await asyncio.sleep((self.draw(20) ** 2 + 1) * self.gap_ms / 1000)
            if self.resting:
                await self.world.until(self.world.all_serve, 20)
                self.resting = False
            name = self.world.names[self.draw(len(self.world.names))]
            if self.draw(6) == 0:
                name = self.world.leader() or name
            deed = self.deeds[self.draw(len(self.deeds))]
            self.log.append((self.world.seconds, f"{deed.__name__} {name}"))
            deed(name)

    def start_all(self, _: str) -> None:
        self.world.start()

    def kill(self, name: str) -> None:
        self.world.kill(name)
        if self.draw(2):
            self.world.start(name)

    def kill_leader(self, name: str) -> None:
        self.kill(self.world.leader() or name)

    def power_off(self, name: str) -> None:
        self.world.power_off(name)

    def power_off_all(self, _: str) -> None:
        if self.draw(3) == 0:
            for name in self.world.names:
                self.world.power_off(name)

    def crash_between_effects(self, name: str) -> None:
        self.world.nodes[name].crash_after(self.draw(60), power=bool(self.draw(2)))

    def crash_in_disk(self, name: str) -> None:
        self.world.nodes[name].crash_in_disk(self.draw(20), power=bool(self.draw(2)))

    def pause(self, name: str) -> None:
        self.world.pause(name)

    def nap(self, name: str) -> None:
        """Often long enough for the others to go on without a leader that knows nothing of it."""
        name = self.world.leader() or name
        self.world.pause(name)
        self.world.loop.after(SECOND + self.draw(4 * SECOND), self.world.resume, name)

    def resume_all(self, _: str) -> None:
        for name in self.world.names:
            self.world.resume(name)

    def isolate(self, name: str) -> None:
        self.world.cut(isolating([name], self.world.names))

    def cut_one_way(self, name: str) -> None:
        links: list[Link] = [(name, other) for other in self.world.names if other != name]
        kept = [link for link in links if self.draw(2)]
        self.world.cut(kept if self.draw(2) else [(b, a) for a, b in kept])

    def depose(self, name: str) -> None:
        """A leader that is cut off, and whose time goes so slowly that it does not notice."""
        name = self.world.leader() or name
        self.world.cut(isolating([name], self.world.names))
        self.world.nodes[name].set_clock(rate=0.2)
        self.world.loop.after(5 * SECOND, self.world.nodes[name].set_clock)

    def split(self, _: str) -> None:
        some = [name for name in self.world.names if self.draw(2)]
        self.world.cut(isolating(some, [one for one in self.world.names if one not in some]))

    def heal_network(self, _: str) -> None:
        self.world.cut(())
        self.world.network.slow({})

    def bend_clock(self, name: str) -> None:
        rate = (1.0, 0.5, 2.0, 1.1, 5.0)[self.draw(5)]
        self.world.nodes[name].set_clock((self.draw(3) - 1) * 3_600_000, rate)

    def slow_disk(self, name: str) -> None:
        self.world.nodes[name].disk_pace = DiskPace(1.0, (4.0, 50.0, 600.0)[self.draw(3)])

    def slow_links(self, name: str) -> None:
        pace = Pace(1 + self.draw(60), 1 + self.draw(300), 0.1, (0, 20_000)[self.draw(2)])
        links = isolating([name], self.world.names)
        self.world.network.slow({link: pace for link in links if self.draw(2)})

    def fill_disk(self, name: str) -> None:
        disk = self.world.nodes[name].disk
        disk.fails = FULL
        self.world.loop.after(SECOND // 2, setattr, disk, "fails", None)

    def wipe(self, name: str) -> None:
        """Only where all others hold everything, and nothing else happens until it does too."""
        if self.may_wipe and self.world.all_serve() and _agree(self.world):
            self.world.lift_faults()
            self.world.wipe(name)
            self.world.start(name)
            self.wiped = True
            self.resting = True

    def reset(self, name: str) -> None:
        links = isolating([name], self.world.names)
        self.world.network.refuse(links)
        self.world.network.refuse(())


@dataclass
class Run:
    """What is left of a run, for whoever judges it."""

    world: SimWorld
    memory: Memory
    storm: Storm
    askers: list[Asker]

    @property
    def events_text(self) -> str:
        return "".join(json.dumps(event) + "\n" for event in self.world.events())

    @property
    def history_text(self) -> str:
        return "".join(f"{op}\n" for op in self.memory.ops)


async def live(plan: Plan) -> Run:
    world = SimWorld(
        plan.seed,
        plan.size,
        reconfigurable=plan.reconfigures,
        checks_acl=False,
        observers=plan.observers,
        pace=plan.pace,
        traces=True,
        tick_ms=200,
        least_timeout_ms=400,
        snap_count=plan.snap_count,
        purges=plan.purges,
        keep_snapshots=1,
    )
    memory, storm, changes = Memory(world), Storm(world), Changes(world)
    storm.may_wipe = not plan.reconfigures
    askers = [Asker(memory, number, CLIENTS) for number in range(CLIENTS)]
    done = Run(world, memory, storm, askers)
    world.start()
    assert await world.until(world.all_serve, HEALED_S), "it never came up"
    await askers[0].prepare()
    end_s = world.seconds + plan.seconds
    async with asyncio.TaskGroup() as group:
        group.create_task(storm.rage(end_s))
        if plan.reconfigures:
            group.create_task(changes.go_on(end_s))
        for asker in askers:
            group.create_task(asker.live(end_s))
    world.lift_faults()
    if plan.reconfigures:
        assert await world.until(lambda: _members_serve(world), HEALED_S), _state(world)
        await changes.restore()
    assert await world.until(lambda: _all_serve(world), HEALED_S), _state(world)
    for asker in askers:
        await asker.last_words()
    await askers[0]._write("/r/a")
    assert await world.until(lambda: _agree(world), 20), "replicas that do not catch up"
    judge(done)
    return done


def _all_serve(world: SimWorld) -> bool:
    world.start()  # who finds out only now that its disk was full
    return world.all_serve()


def _members_serve(world: SimWorld) -> bool:
    """All whom the leader takes for members."""
    world.start()
    roles, leader = world.roles(), world.leader()
    if leader is None or (server := world.nodes[leader].server) is None:
        return False
    members = server.place.ensemble
    return isinstance(members, Ensemble) and all(roles[f"n{one.sid}"] for one in members.servers)


def _state(world: SimWorld) -> str:
    members = {
        name: None if node.server is None else str(node.server.place.ensemble)
        for name, node in world.nodes.items()
    }
    return f"not healed: {world.roles()} {members}"


def _trees(world: SimWorld) -> list[tuple[int, str, str]]:
    trees = []
    for node in world.nodes.values():
        assert node.server is not None
        tree = node.server.place.history.tree
        trees.append((tree.last_zxid, tree.chain.hash.hex(), tree_hash(tree)))
    return trees


def _agree(world: SimWorld) -> bool:
    if not all(node.up for node in world.nodes.values()):
        return False
    return len({zxid for zxid, _, _ in _trees(world)}) == 1


def judge(done: Run) -> None:
    """AssertionError if anything was not as it must be."""
    world, memory = done.world, done.memory
    assert not world.failures, world.failures
    for asker in done.askers:
        assert not asker.client.broken, asker.client.broken
    assert not memory.problems, memory.problems
    trees = _trees(world)
    assert len(set(trees)) == 1, f"replicas differ: {trees}"
    _judge_events(world)
    if not done.storm.wiped:  # who was wiped has forgotten what it promised
        violations = broken(parse(done.events_text.encode().splitlines()))
        assert not violations, violations
    _judge_tree(done)
    _judge_calls(memory)


def _judge_events(world: SimWorld) -> None:
    led: dict[int, int] = {}
    chains: dict[int, str] = {}
    for event in world.events():
        match event["event"]:
            case "established":
                assert led.setdefault(event["epoch"], event["node"]) == event["node"], led
                led[event["epoch"]] = -1  # nor twice by one
            case "applied":
                chain = chains.setdefault(event["zxid"], event["chain"])
                assert chain == event["chain"], f"histories differ at {event['zxid']:x}"
            case "cannot-start" if "injected" not in event["why"]:
                raise AssertionError(event)


def _judge_tree(done: Run) -> None:
    memory = done.memory
    server = next(iter(done.world.nodes.values())).server
    assert server is not None
    tree = server.place.history.tree
    for path, zxid in {**memory.made, **memory.sequential}.items():
        node = tree.nodes.get(path)
        assert node is not None, f"{path} was made and is lost"
        assert node.czxid == zxid, f"{path} is another than was made"
    in_order = sorted(memory.sequential, key=memory.sequential.__getitem__)
    assert in_order == sorted(in_order), "numbers that were not given in order"
    alive = {asker.client.session.number for asker in done.askers if asker.client.connected}
    for path, session in memory.ephemeral.items():
        if path in tree.nodes:
            assert not session.closed, f"{path} outlived its session"
        elif session.number in alive and path not in memory.doubtful:
            raise AssertionError(f"{path} is gone while its session lives")
    for path, node in tree.nodes.items():
        assert not node.owner or node.owner in tree.sessions, f"{path} has no owner any more"
    for session in memory.sessions:
        assert session.replies == sorted(session.replies), "a session went back"


def _judge_calls(memory: Memory) -> None:
    history = History.of(memory.ops)
    contract = check_contract(history)
    assert contract.verdict is Verdict.VALID, contract
    strict = [op for op in memory.ops if not isinstance(op.call, LocalRead)]
    judgement = check(History.of(strict), ZooKeeperRegister())
    assert judgement.verdict is Verdict.VALID, judgement.worst_part


def with_reconfigs(seed: int) -> Plan:
    return replace(plan_of(seed), reconfigures=True)


def live_through(plan: Plan) -> Run:
    return run(live(plan), most_s=600)
