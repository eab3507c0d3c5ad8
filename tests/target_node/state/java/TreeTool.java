import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.jute.BinaryInputArchive;
import org.apache.jute.BinaryOutputArchive;
import org.apache.zookeeper.common.PathUtils;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.StatPersisted;
import org.apache.zookeeper.server.DataNode;
import org.apache.zookeeper.server.DataTree;
import org.apache.zookeeper.server.TxnLogEntry;
import org.apache.zookeeper.server.util.SerializeUtils;

/** What Apache ZooKeeper makes of an image, of txns, of a seed and of paths. */
public final class TreeTool {
    private static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);

    public static void main(String[] arguments) throws Exception {
        Path from = Path.of(arguments[1]);
        switch (arguments[0]) {
            case "restore" -> restore(from, Path.of(arguments[2]));
            case "apply" -> apply(from);
            case "password" -> password(from);
            case "paths" -> paths(from);
            default -> throw new IllegalArgumentException(arguments[0]);
        }
        OUT.flush();
    }

    private static void restore(Path from, Path to) throws Exception {
        DataTree tree = new DataTree();
        TreeMap<Long, Integer> sessions = new TreeMap<>();
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(Files.readAllBytes(from)));
        SerializeUtils.deserializeSnapshot(tree, BinaryInputArchive.getArchive(in), sessions);
        sessions.forEach((session, timeout) -> OUT.println("session " + session + " " + timeout));
        show(tree);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        SerializeUtils.serializeSnapshot(
            tree, BinaryOutputArchive.getArchive(new DataOutputStream(out)), sessions);
        Files.write(to, out.toByteArray());
    }

    private static void apply(Path from) throws Exception {
        DataTree tree = new DataTree();
        tree.addConfigNode();
        for (byte[] txn : pieces(from)) {
            TxnLogEntry entry = SerializeUtils.deserializeTxn(txn);
            tree.processTxn(entry.getHeader(), entry.getTxn());
        }
        show(tree);
    }

    private static void password(Path from) throws Exception {
        for (String line : Files.readAllLines(from)) {
            byte[] password = new byte[16];
            new Random(Long.parseLong(line)).nextBytes(password);
            OUT.println(hex(password));
        }
    }

    private static void paths(Path from) throws Exception {
        for (byte[] piece : pieces(from)) {
            try {
                PathUtils.validatePath(new String(piece, StandardCharsets.UTF_8));
                OUT.println("good");
            } catch (IllegalArgumentException bad) {
                OUT.println("bad");
            }
        }
    }

    private static Iterable<byte[]> pieces(Path from) throws Exception {
        java.util.ArrayList<byte[]> found = new java.util.ArrayList<>();
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(Files.readAllBytes(from)));
        try {
            while (true) {
                byte[] piece = new byte[in.readInt()];
                in.readFully(piece);
                found.add(piece);
            }
        } catch (EOFException end) {
            return found;
        }
    }

    private static void show(DataTree tree) {
        OUT.println("digest " + Long.toUnsignedString(tree.getTreeDigest()));
        show(tree, "/");
    }

    private static void show(DataTree tree, String path) {
        DataNode node = tree.getNode(path);
        StatPersisted s = node.stat;
        StringBuilder acl = new StringBuilder();
        for (ACL entry : tree.getACL(node)) {
            acl.append(' ').append(entry.getPerms()).append(':');
            acl.append(entry.getId().getScheme()).append(':').append(entry.getId().getId());
        }
        OUT.println(path + " " + (node.getData() == null ? "null" : hex(node.getData()))
            + " " + s.getCzxid() + " " + s.getMzxid() + " " + s.getPzxid() + " " + s.getCtime()
            + " " + s.getMtime() + " " + s.getVersion() + " " + s.getCversion()
            + " " + s.getAversion() + " " + s.getEphemeralOwner() + acl);
        for (String child : new TreeSet<>(node.getChildren())) {
            show(tree, path.equals("/") ? "/" + child : path + "/" + child);
        }
    }

    private static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder("x");
        for (byte one : bytes) {
            text.append(String.format("%02x", one));
        }
        return text.toString();
    }
}
