// Does ZooKeeper's own Java client find its watches, its session and its nodes again, at whatever
// server it comes to? Speaks line by line with the test that runs it: says where it is connected and
// waits for a word, so that the test can kill that server.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.Watcher.WatcherType;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

public class Rearm {
    static final BlockingQueue<String> events = new LinkedBlockingQueue<>();
    static final BlockingQueue<KeeperState> states = new LinkedBlockingQueue<>();
    static final BufferedReader in = new BufferedReader(new InputStreamReader(System.in));

    /** Shows at which server it is. */
    static class Client extends ZooKeeper {
        Client(String hosts) throws Exception {
            super(hosts, 30000, Rearm::state);
        }

        int port() {
            return ((java.net.InetSocketAddress) testableRemoteSocketAddress()).getPort();
        }
    }

    static void state(WatchedEvent event) {
        if (event.getType() == EventType.None) {
            states.add(event.getState());
        } else {
            watched(event);
        }
    }

    static void watched(WatchedEvent event) {
        if (event.getType() != EventType.None) {
            events.add(event.getType() + " " + event.getPath());
        }
    }

    static void expect(Object wanted, Object got) {
        if (!wanted.equals(got)) {
            throw new AssertionError("wanted " + wanted + ", got " + got);
        }
    }

    static void awaitState(KeeperState wanted) throws Exception {
        for (;;) {
            KeeperState state = states.poll(60, TimeUnit.SECONDS);
            if (state == null || state == KeeperState.Expired) {
                throw new AssertionError("wanted " + wanted + ", got " + state);
            }
            if (state == wanted) {
                return;
            }
        }
    }

    /** These events, in any order, and no others before them. */
    static void expectEvents(String... wanted) throws Exception {
        List<String> left = new ArrayList<>(Arrays.asList(wanted));
        while (!left.isEmpty()) {
            String event = events.poll(60, TimeUnit.SECONDS);
            if (event == null || !left.remove(event)) {
                throw new AssertionError("wanted " + left + ", got " + event);
            }
        }
    }

    static ZooKeeper connect(String hosts) throws Exception {
        ZooKeeper client = new ZooKeeper(hosts, 30000, event -> { });
        while (client.getState() != ZooKeeper.States.CONNECTED) {
            Thread.sleep(10);
        }
        return client;
    }

    static Code refused(java.util.concurrent.Callable<?> call) throws Exception {
        try {
            call.call();
        } catch (KeeperException refusal) {
            return refusal.code();
        }
        return Code.OK;
    }

    static void create(ZooKeeper client, String path, CreateMode mode) throws Exception {
        client.create(path, new byte[0], Ids.OPEN_ACL_UNSAFE, mode);
    }

    public static void main(String[] hosts) throws Exception {
        Client client = new Client(hosts[0]);
        awaitState(KeeperState.SyncConnected);
        for (String path : new String[] {"/r", "/r/data", "/r/gone", "/r/parent", "/tree"}) {
            create(client, path, CreateMode.PERSISTENT);
        }
        create(client, "/r/mine", CreateMode.EPHEMERAL);
        multis(client);
        removal(client);

        client.getData("/r/data", Rearm::watched, null);
        client.getData("/r/gone", Rearm::watched, null);
        client.exists("/r/absent", Rearm::watched);
        client.exists("/r/never", Rearm::watched);
        client.getChildren("/r/parent", Rearm::watched);
        client.addWatch("/tree", Rearm::watched, AddWatchMode.PERSISTENT_RECURSIVE);
        long session = client.getSessionId();

        // Its server is killed, and its watches are then at another.
        System.out.println("at " + client.port());
        states.clear();
        expect("killed", in.readLine());
        awaitState(KeeperState.SyncConnected);
        expect(session, client.getSessionId());
        expect(session, client.exists("/r/mine", false).getEphemeralOwner());

        ZooKeeper other = connect(hosts[0]);
        other.sync("/", null, null);
        other.setData("/r/data", "1".getBytes(), -1);
        other.delete("/r/gone", -1);
        create(other, "/r/absent", CreateMode.PERSISTENT);
        create(other, "/r/parent/child", CreateMode.PERSISTENT);
        create(other, "/tree/a", CreateMode.PERSISTENT);
        create(other, "/tree/a/b", CreateMode.PERSISTENT);
        expectEvents(
            "NodeDataChanged /r/data", "NodeDeleted /r/gone", "NodeCreated /r/absent",
            "NodeChildrenChanged /r/parent", "NodeCreated /tree/a", "NodeCreated /tree/a/b");

        // Once more, and this time there may be a change before it has set its watches again.
        client.getData("/r/data", Rearm::watched, null);
        client.getChildren("/r/parent", Rearm::watched);
        System.out.println("at " + client.port());
        states.clear();
        expect("stopped", in.readLine());
        for (;;) {
            try {
                other.setData("/r/data", "2".getBytes(), -1);
                break;
            } catch (KeeperException.ConnectionLossException again) {
                Thread.sleep(10);
            }
        }
        awaitState(KeeperState.SyncConnected);
        expectEvents("NodeDataChanged /r/data");
        client.sync("/", null, null);
        expect("2", new String(client.getData("/r/data", false, null)));
        expect(session, client.getSessionId());
        while (refused(() -> other.setData("/tree/a", null, -1)) != Code.OK) {
            Thread.sleep(10);
        }
        expectEvents("NodeDataChanged /tree/a");

        client.close();
        while (refused(() -> other.exists("/r/mine", false)) != Code.OK) {
            Thread.sleep(10);
        }
        other.sync("/", null, null);
        expect(true, other.exists("/r/mine", false) == null);
        other.close();
        System.out.println("fine");
    }

    static void multis(ZooKeeper client) throws Exception {
        Stat stat = new Stat();
        List<OpResult> results = client.multi(Arrays.asList(
            Op.create("/r/m-", "x".getBytes(), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL),
            Op.create("/r/c", new byte[0], Ids.OPEN_ACL_UNSAFE, CreateMode.CONTAINER),
            Op.create("/r/t", new byte[0], Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, 90000),
            Op.setData("/r/data", "multi".getBytes(), 0),
            Op.check("/r/data", 1),
            Op.delete("/r/c", -1)));
        String path = ((OpResult.CreateResult) results.get(0)).getPath();
        expect(true, path.startsWith("/r/m-00000000"));
        expect(1, ((OpResult.SetDataResult) results.get(3)).getStat().getVersion());
        expect("multi", new String(client.getData("/r/data", false, stat)));

        // What a transaction reads, and how it is refused as a whole.
        List<OpResult> reads =
            client.multi(Arrays.asList(Op.getData("/r/data"), Op.getChildren("/tree"), Op.getData("/no")));
        expect("multi", new String(((OpResult.GetDataResult) reads.get(0)).getData()));
        expect(Collections.emptyList(), ((OpResult.GetChildrenResult) reads.get(1)).getChildren());
        expect(Code.NONODE.intValue(), ((OpResult.ErrorResult) reads.get(2)).getErr());
        try {
            client.multi(Arrays.asList(
                Op.delete(path, -1), Op.check("/r/data", 7), Op.delete("/r/data", -1)));
            throw new AssertionError("it was to be refused");
        } catch (KeeperException refusal) {
            expect(Code.BADVERSION, refusal.code());
            List<Integer> codes = new ArrayList<>();
            for (OpResult result : refusal.getResults()) {
                codes.add(((OpResult.ErrorResult) result).getErr());
            }
            expect(Arrays.asList(0, Code.BADVERSION.intValue(),
                Code.RUNTIMEINCONSISTENCY.intValue()), codes);
        }
        client.delete(path, 0);

        Stat made = new Stat();
        client.create("/r/two", "xy".getBytes(), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, made);
        expect(2, made.getDataLength());
        expect(1, client.getEphemerals().size());
        expect(Code.NOTEMPTY, refused(() -> { client.delete("/r", -1); return null; }));
    }

    static void removal(ZooKeeper client) throws Exception {
        client.getData("/r/data", Rearm::watched, null);
        client.removeAllWatches("/r/data", WatcherType.Data, false);
        expectEvents("DataWatchRemoved /r/data");
        expect(Code.NOWATCHER, refused(() -> {
            client.removeAllWatches("/r/data", WatcherType.Data, false);
            return null;
        }));
        client.addWatch("/r/data", Rearm::watched, AddWatchMode.PERSISTENT);
        client.setData("/r/data", null, -1);
        client.setData("/r/data", null, -1);
        expectEvents("NodeDataChanged /r/data", "NodeDataChanged /r/data");
        client.removeAllWatches("/r/data", WatcherType.Any, false);
        expectEvents("PersistentWatchRemoved /r/data");
        client.setData("/r/data", null, -1);
        client.sync("/", null, null);
        expect(true, events.isEmpty());
    }
}
