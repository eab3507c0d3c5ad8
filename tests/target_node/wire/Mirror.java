// What do Apache's own classes make of our bytes, and which bytes do they write?
//
// Every line of the input is a question; every line of the output answers one. A record is told as
// {field=value,...} in the order of the wire: numbers and truths as such, strings and buffers as
// s:hex and b:hex, vectors in brackets.

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.apache.jute.BinaryInputArchive;
import org.apache.jute.BinaryOutputArchive;
import org.apache.jute.Record;
import org.apache.zookeeper.MultiOperationRecord;
import org.apache.zookeeper.MultiResponse;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.server.TxnLogEntry;
import org.apache.zookeeper.server.persistence.Util;
import org.apache.zookeeper.server.quorum.QuorumCnxManager;
import org.apache.zookeeper.server.util.SerializeUtils;

public class Mirror {
    private static final HexFormat HEX = HexFormat.of();

    public static void main(String[] arguments) throws Exception {
        BufferedReader questions = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream answers = new PrintStream(System.out, true, "UTF-8");
        for (String line = questions.readLine(); line != null; line = questions.readLine()) {
            String answer;
            try {
                answer = answer(line.split(" ", -1));
            } catch (Exception | StackOverflowError | OutOfMemoryError e) {
                answer = "refused " + e.toString().replace('\n', ' ');
            }
            answers.println(answer);
        }
    }

    private static String answer(String[] words) throws Exception {
        switch (words[0]) {
            case "read": {
                Record record = (Record) Class.forName(words[1]).getDeclaredConstructor().newInstance();
                return reread(record, HEX.parseHex(words[2])) + " " + tell(record);
            }
            case "make": {
                Class<?> cls = Class.forName(words[1]);
                Record record = (Record) make(cls, new Random(Long.parseLong(words[2])));
                return HEX.formatHex(write(record)) + " " + tell(record);
            }
            case "multi": {
                MultiOperationRecord record = new MultiOperationRecord();
                String again = reread(record, HEX.parseHex(words[1]));
                List<String> parts = new ArrayList<>();
                for (Op op : record) {
                    parts.add(op.getType() + tell(op.toRequestRecord()));
                }
                return again + " " + parts.toString().replace(", ", ",");
            }
            case "results": {
                MultiResponse record = new MultiResponse();
                String again = reread(record, HEX.parseHex(words[1]));
                List<String> parts = new ArrayList<>();
                for (OpResult result : record) {
                    parts.add(Integer.toString(result.getType()));
                }
                return again + " " + parts.toString().replace(", ", ",");
            }
            case "txn": {
                TxnLogEntry entry = SerializeUtils.deserializeTxn(HEX.parseHex(words[1]));
                byte[] again = Util.marshallTxnEntry(
                    entry.getHeader(), entry.getTxn(), entry.getDigest());
                return HEX.formatHex(again) + " " + tell(entry.getHeader()) + " "
                    + tell(entry.getTxn()) + " " + tell(entry.getDigest());
            }
            case "vote": {
                Method build = Class.forName("org.apache.zookeeper.server.quorum.FastLeaderElection")
                    .getDeclaredMethod("buildMsg", int.class, long.class, long.class, long.class,
                        long.class, byte[].class);
                build.setAccessible(true);
                ByteBuffer vote = (ByteBuffer) build.invoke(null, Integer.parseInt(words[1]),
                    Long.parseLong(words[2]), Long.parseLong(words[3]), Long.parseLong(words[4]),
                    Long.parseLong(words[5]), HEX.parseHex(words[6]));
                return HEX.formatHex(vote.array());
            }
            case "initial": {
                DataInputStream in = new DataInputStream(
                    new ByteArrayInputStream(HEX.parseHex(words[1])));
                QuorumCnxManager.InitialMessage message =
                    QuorumCnxManager.InitialMessage.parse(in.readLong(), in);
                StringBuilder told = new StringBuilder(message.sid.toString());
                for (InetSocketAddress address : message.electionAddr) {
                    told.append(" ").append(address.getHostString()).append(":")
                        .append(address.getPort());
                }
                return told.toString();
            }
            default:
                throw new IllegalArgumentException(words[0]);
        }
    }

    /** Reads the bytes into the record; what it writes then, and how many bytes it left unread. */
    private static String reread(Record record, byte[] bytes) throws Exception {
        ByteArrayInputStream in = new ByteArrayInputStream(bytes);
        record.deserialize(BinaryInputArchive.getArchive(in), "it");
        return HEX.formatHex(write(record)) + " " + in.available();
    }

    private static byte[] write(Record record) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        record.serialize(BinaryOutputArchive.getArchive(out), "it");
        return out.toByteArray();
    }

    private static String tell(Object value) throws Exception {
        if (value == null) {
            return "null";
        } else if (value instanceof String) {
            return "s:" + HEX.formatHex(((String) value).getBytes(StandardCharsets.UTF_8));
        } else if (value instanceof byte[]) {
            return "b:" + HEX.formatHex((byte[]) value);
        } else if (value instanceof List) {
            List<String> parts = new ArrayList<>();
            for (Object part : (List<?>) value) {
                parts.add(tell(part));
            }
            return "[" + String.join(",", parts) + "]";
        } else if (value instanceof Record) {
            List<String> parts = new ArrayList<>();
            for (Field field : fields(value.getClass())) {
                parts.add(field.getName().toLowerCase() + "=" + tell(field.get(value)));
            }
            return "{" + String.join(",", parts) + "}";
        }
        return value.toString();
    }

    private static List<Field> fields(Class<?> cls) {
        List<Field> fields = new ArrayList<>();
        for (Field field : cls.getDeclaredFields()) {
            if (!Modifier.isStatic(field.getModifiers())) {
                field.setAccessible(true);
                fields.add(field);
            }
        }
        return fields;
    }

    private static Object make(Type type, Random random) throws Exception {
        if (type == int.class) {
            return random.nextInt();
        } else if (type == long.class) {
            return random.nextLong();
        } else if (type == boolean.class) {
            return random.nextBoolean();
        } else if (type == byte[].class) {
            if (random.nextInt(5) == 0) {
                return null;
            }
            byte[] bytes = new byte[random.nextInt(20)];
            random.nextBytes(bytes);
            return bytes;
        } else if (type == String.class) {
            StringBuilder text = new StringBuilder();
            for (int i = random.nextInt(12); i > 0; i--) {
                text.append((char) random.nextInt(random.nextBoolean() ? 0x80 : 0xD800));
            }
            return text.toString();
        } else if (type instanceof ParameterizedType) {
            List<Object> list = new ArrayList<>();
            for (int i = random.nextInt(4); i > 0; i--) {
                list.add(make(((ParameterizedType) type).getActualTypeArguments()[0], random));
            }
            return list;
        }
        Class<?> cls = (Class<?>) type;
        Object record = cls.getDeclaredConstructor().newInstance();
        for (Field field : fields(cls)) {
            field.set(record, make(field.getGenericType(), random));
        }
        return record;
    }
}
