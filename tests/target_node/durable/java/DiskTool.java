// Apache's own persistence classes, driven from the command line.

import java.io.File;
import java.util.HashMap;
import java.util.Map;
import java.util.zip.CRC32;
import org.apache.jute.Record;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.data.Stat;
import org.apache.zookeeper.server.DataTree;
import org.apache.zookeeper.server.persistence.FileSnap;
import org.apache.zookeeper.server.persistence.FileTxnLog;
import org.apache.zookeeper.server.persistence.TxnLog;
import org.apache.zookeeper.txn.CreateTxn;
import org.apache.zookeeper.txn.SetDataTxn;
import org.apache.zookeeper.txn.TxnHeader;

public class DiskTool {
    public static void main(String[] arguments) throws Exception {
        File directory = new File(arguments[1]);
        switch (arguments[0]) {
            case "log": // first zxid, last zxid, zxid after which to roll, bytes allocated ahead
                log(directory, Long.parseLong(arguments[2]), Long.parseLong(arguments[3]),
                    Long.parseLong(arguments[4]), Long.parseLong(arguments[5]));
                break;
            case "read": // from this zxid
                read(directory, Long.parseLong(arguments[2]));
                break;
            case "truncate": // behind this zxid
                try (FileTxnLog log = new FileTxnLog(directory)) {
                    System.out.println(log.truncate(Long.parseLong(arguments[2])));
                }
                break;
            case "snapshot": // zxid, how many nodes
                snapshot(directory, Long.parseLong(arguments[2]), Integer.parseInt(arguments[3]));
                break;
            case "restore":
                DataTree tree = new DataTree();
                Map<Long, Integer> sessions = new HashMap<>();
                long zxid = new FileSnap(directory).deserialize(tree, sessions);
                System.out.println(zxid + " " + tree.getNodeCount() + " " + sessions
                    + " " + new String(tree.getData("/n0", new Stat(), null)));
                break;
            default:
                throw new IllegalArgumentException(arguments[0]);
        }
    }

    static void log(File directory, long first, long last, long roll, long ahead) throws Exception {
        FileTxnLog.setPreallocSize(ahead);
        FileTxnLog log = new FileTxnLog(directory);
        for (long zxid = first; zxid <= last; zxid++) {
            Record txn = zxid % 2 == 0
                ? new SetDataTxn("/n", new byte[(int) (zxid % 100) * 9], (int) zxid)
                : new CreateTxn("/n" + zxid, "data".getBytes(), ZooDefs.Ids.OPEN_ACL_UNSAFE, false, 1);
            int type = zxid % 2 == 0 ? ZooDefs.OpCode.setData : ZooDefs.OpCode.create;
            log.append(new TxnHeader(0x1234567890L, (int) zxid, zxid, 1700000000000L, type), txn);
            log.commit();
            if (zxid == roll) {
                log.rollLog();
            }
        }
        log.close();
    }

    static void read(File directory, long from) throws Exception {
        FileTxnLog log = new FileTxnLog(directory);
        try (TxnLog.TxnIterator txns = log.read(from)) {
            while (txns.getHeader() != null) {
                TxnHeader header = txns.getHeader();
                String text = header.toString() + txns.getTxn();
                CRC32 sum = new CRC32();
                sum.update(text.getBytes());
                System.out.println(header.getZxid() + " " + header.getType() + " " + sum.getValue());
                if (!txns.next()) {
                    break;
                }
            }
        }
        System.out.println("last " + log.getLastLoggedZxid());
    }

    static void snapshot(File directory, long zxid, int nodes) throws Exception {
        DataTree tree = new DataTree();
        for (int n = 0; n < nodes; n++) {
            tree.createNode("/n" + n, ("data of " + n).getBytes(), ZooDefs.Ids.OPEN_ACL_UNSAFE,
                0, 1, zxid, 1700000000000L);
        }
        tree.lastProcessedZxid = zxid;
        Map<Long, Integer> sessions = new HashMap<>();
        sessions.put(0x77L, 4000);
        new FileSnap(directory).serialize(tree, sessions,
            new File(directory, "snapshot." + Long.toHexString(zxid)), true);
    }
}
