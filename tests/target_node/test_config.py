from __future__ import annotations

from pathlib import Path

import pytest

from target_node.config import Config, read_config
from target_node.properties import Misconfigured
from target_node.protocol.ensemble import Address, Role
from target_node.wire.frames import CLIENT_LIMIT, FOUR_LETTER_WORDS

THREE = """\
server.1=127.0.0.1:2881:3881:participant
server.2=127.0.0.1:2882:3882
server.3=db3.example:2883:3883:observer;127.0.0.1:2183
"""
DIGEST = "super:D/InIHSb7yEEbrWz8b9l71RjZJU="


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the node would be started: relative paths are from here."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    return tmp_path


def read(text: str, myid: str | None = None) -> Config:
    Path("zoo.cfg").write_text(f"dataDir=data\nclientPort=2181\n{text}", encoding="utf-8")
    if myid is not None:
        Path("data/myid").write_text(myid)
    return read_config(Path("zoo.cfg"))


def refused(text: str, myid: str | None = None) -> str:
    with pytest.raises(Misconfigured) as refusal:
        read(text, myid)
    (line,) = str(refusal.value).splitlines()
    return line


pytestmark = pytest.mark.usefixtures("here")


def test_a_server_alone() -> None:
    config = read("")
    settings = config.settings
    assert settings.alone
    assert settings.sid == 1
    assert [server.sid for server in settings.ensemble.servers] == [1]
    assert settings.ensemble.is_quorum([1])
    assert config.data_dir == Path("data")
    assert config.client_listen == Address("0.0.0.0", 2181)
    assert config.warnings == ()


def test_zookeepers_defaults() -> None:
    settings = read("").settings
    assert (settings.tick_ms, settings.init_limit, settings.sync_limit) == (3000, 10, 5)
    assert (settings.least_timeout_ms, settings.most_timeout_ms) == (6000, 60_000)
    assert (settings.most_connections, settings.most_packet) == (60, CLIENT_LIMIT)
    assert (settings.snap_count, settings.keep_snapshots, settings.purges) == (100_000, 3, False)
    assert (settings.read_only, settings.reconfigurable, settings.checks_acl) == (
        False, False, True,
    )  # fmt: skip
    assert settings.super_digest == ""
    assert settings.words == FOUR_LETTER_WORDS
    assert not settings.traces


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("tickTime=2000", "tick_ms", 2000),
        ("tickTime = 0x10", "tick_ms", 16),
        ("tickTime=500", "most_timeout_ms", 10_000),
        ("initLimit=4", "init_limit", 4),
        ("syncLimit=2", "sync_limit", 2),
        ("minSessionTimeout=100", "least_timeout_ms", 100),
        ("maxSessionTimeout=9000", "most_timeout_ms", 9000),
        ("maxSessionTimeout=-1", "most_timeout_ms", 60_000),
        ("maxClientCnxns=0", "most_connections", 0),
        ("jute.maxbuffer=0x3fffff", "most_packet", 0x3FFFFF),
        ("znode.container.checkIntervalMs=100", "container_check_ms", 100),
        ("snapCount=50", "snap_count", 50),
        ("commitLogCount=7", "keep_txns", 7),
        ("zookeeper.snapCount=51", "snap_count", 51),
        ("autopurge.snapRetainCount=5", "keep_snapshots", 5),
        ("autopurge.purgeInterval=1", "purges", True),
        ("readonlymode.enabled=true", "read_only", True),
        ("reconfigEnabled=TRUE", "reconfigurable", True),
        ("skipACL=yes", "checks_acl", False),
        (f"DigestAuthenticationProvider.superDigest={DIGEST}", "super_digest", DIGEST),
        (f"zookeeper.DigestAuthenticationProvider.superDigest={DIGEST}", "super_digest", DIGEST),
        ("4lw.commands.whitelist=*", "words", FOUR_LETTER_WORDS),
        ("4lw.commands.whitelist=ruok, srvr", "words", {b"ruok", b"srvr"}),
    ],
)
def test_what_a_key_means(line: str, field: str, value: object) -> None:
    config = read(f"# a comment\n! another\n\n  {line}  \n")
    assert getattr(config.settings, field) == value
    assert config.warnings == ()


def test_a_member_of_three() -> None:
    config = read(THREE + "weight.2=3\nclientPortAddress=127.0.0.1\npeerType=participant\n", "2\n")
    settings = config.settings
    assert not settings.alone
    assert settings.sid == 2
    first, second, third = settings.ensemble.servers
    assert first.quorum == Address("127.0.0.1", 2881)
    assert second.election == Address("127.0.0.1", 3882)
    assert second.weight == 3
    assert (third.role, third.client) == (Role.OBSERVER, Address("127.0.0.1", 2183))
    assert settings.ensemble.version == 0
    assert config.client_listen == Address("127.0.0.1", 2181)
    assert config.warnings == ()


def test_the_servers_own_line_may_say_where_clients_connect() -> None:
    Path("zoo.cfg").write_text(f"dataDir=data\n{THREE}")
    Path("data/myid").write_text("3")
    assert read_config(Path("zoo.cfg")).client_listen == Address("127.0.0.1", 2183)
    assert "is not where server.3 says" in refused(THREE, "3")


def test_one_server_line_is_a_server_alone_unless_it_shall_not() -> None:
    one = "server.7=127.0.0.1:2881:3881\n"
    assert read(one).settings.alone
    assert read(one).settings.sid == 7
    assert not read(f"{one}standaloneEnabled=false\n", "7").settings.alone


def test_the_members_may_be_in_a_file_of_their_own() -> None:
    Path("zoo.cfg.dynamic").write_text(THREE.replace("288", "388"))
    config = read(f"{THREE}dynamicConfigFile=zoo.cfg.dynamic\n", "1")
    first = config.settings.ensemble.server(1)
    assert first is not None
    assert first.quorum == Address("127.0.0.1", 3881)
    assert config.settings.ensemble.version == 0
    (warned,) = config.warnings
    assert warned.startswith("zoo.cfg:3: server.… is ignored: zoo.cfg.dynamic says")


def test_the_version_is_in_the_name_or_in_the_file() -> None:
    Path("zoo.cfg.dynamic.10000001f").write_text(THREE)
    config = read("dynamicConfigFile=zoo.cfg.dynamic.10000001f\n", "1")
    assert config.settings.ensemble.version == 0x10000001F
    Path("members").write_text(f"{THREE}version=a0\n")
    assert read("dynamicConfigFile=members\n", "1").settings.ensemble.version == 0xA0


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("tickTime=2s", "zoo.cfg:3: tickTime=2s is no number: write one from 1 to 2147483647"),
        ("tickTime=0", "zoo.cfg:3: tickTime=0 is out of bounds"),
        ("initLimit=-1", "out of bounds"),
        ("snapCount=1", "out of bounds"),
        ("maxClientCnxns=many", "is no number"),
        ("clientPort=65536", "out of bounds: write a number from 0 to 65535"),
        ("readonlymode.enabled=1", "is neither true nor false"),
        ("just words", "zoo.cfg:3: 'just words' is not key=value"),
        ("=5", "is not key=value"),
        ("dataLogDir=logs", "is another directory than dataDir=data: leave it out"),
        ("minSessionTimeout=70000", "leaves no timeout"),
        ("maxSessionTimeout=1000", "leaves no timeout"),
        ("DigestAuthenticationProvider.superDigest=super:secret", "is not user:digest"),
        ("server.1=127.0.0.1:2888", "zoo.cfg:3: server.1=127.0.0.1:2888 is not host:quorumPort"),
        ("server.1=127.0.0.1:2888:x", "is not host:quorumPort"),
        ("server.1=127.0.0.1:2888:70000", "with ports from 1 to 65535"),
        ("server.1=:2888:3888", "is not host:quorumPort"),
        ("server.1=h:2888:3888:king", "is not host:quorumPort"),
        ("server.1=h:2888:3888;x", "is not host:quorumPort"),
        ("server.1=h:1:1:observer\nserver.256=i:1:1", "zoo.cfg:4: server.256=i:1:1 is for no"),
        ("server.one=h:2888:3888", "is for no server: write server.N"),
        ("weight.1=2", "zoo.cfg:3: weight.1=2 is for a server that is not there"),
        ("server.1=h:1:2\nweight.1=-1", "zoo.cfg:4: weight.1=-1 is out of bounds"),
        ("server.1=h:1:2\nweight.1=0", "nobody may lead"),
        ("server.1=h:1:2:observer", "there are observers only"),
        ("server.1=h:1:2\nserver.2=h:1:2:observer", "observers need two participants"),
        ("standaloneEnabled=false", "needs server.N lines"),
        ("dynamicConfigFile=nowhere", "nowhere: No such file"),
        ("dynamicConfigFile=zoo.cfg", "zoo.cfg: no server.N line"),
        (f"{THREE}group.1=1:2:3\ngroup.2=4", "zoo.cfg:7: group.2=4 is a second group"),
        (f"{THREE}group.1=1:2", "zoo.cfg:6: group.1=1:2 lacks server 3"),
        (f"{THREE}peerType=king", "is neither participant nor observer"),
    ],
)
def test_a_refusal_says_where_and_how_to_mend_it(line: str, told: str) -> None:
    assert told in refused(line, "1")


def test_a_member_must_know_its_number() -> None:
    told = refused(THREE)
    assert told.startswith("data/myid: No such file or directory: write this server's number")
    assert (
        refused(THREE, "4") == "data/myid:1: there is no server.4 in zoo.cfg: correct one of them"
    )
    assert refused(THREE, "one").startswith("data/myid:1: 'one' is no server's number")


def test_what_must_not_be_missing() -> None:
    Path("zoo.cfg").write_text("clientPort=2181\n")
    with pytest.raises(Misconfigured, match=r"^zoo.cfg: dataDir is missing: add a line such as"):
        read_config(Path("zoo.cfg"))
    with pytest.raises(Misconfigured, match=r"^gone.cfg: No such file or directory"):
        read_config(Path("gone.cfg"))
    Path("zoo.cfg").write_bytes(b"dataDir=\xff\n")
    with pytest.raises(Misconfigured, match="write it in UTF-8"):
        read_config(Path("zoo.cfg"))


def test_an_address_without_a_port() -> None:
    Path("zoo.cfg").write_text("dataDir=data\nclientPortAddress=127.0.0.1\n")
    with pytest.raises(Misconfigured, match="has no port: add clientPort"):
        read_config(Path("zoo.cfg"))
    Path("zoo.cfg").write_text("dataDir=data\n")
    config = read_config(Path("zoo.cfg"))
    assert config.client_listen is None
    assert config.warnings == ("zoo.cfg: there is no clientPort: no client can connect",)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("tickTme=2000", "zoo.cfg:3: tickTme is unknown, and ignored"),
        ("admin.enableServer=true", "admin.enableServer is not followed: there is no admin server"),
        ("secureClientPort=2281", "is not followed: there is no TLS"),
        ("ssl.keyStore.location=/k", "is not followed: there is no TLS"),
        ("authProvider.1=org.SASL", "is not followed: clients can authenticate with digest"),
        ("forceSync=no", "is not followed: the log is always synced"),
        ("localSessionsEnabled=true", "is not followed: every session is a global one"),
        ("quorumListenOnAllIPs=true", "is not followed: we listen where the server's line says"),
        ("metricsProvider.className=x", "is not followed: there are no metrics"),
        ("clientPort=2181", "zoo.cfg:3: clientPort stood in line 2 too"),
        ("autopurge.snapRetainCount=1", "is taken for 3, the least"),
        ("4lw.commands.whitelist=ruok,what", "there is no four-letter word 'what'"),
    ],
)
def test_one_line_of_warning(line: str, told: str) -> None:
    (warned,) = read(line).warnings
    assert told in warned


@pytest.mark.parametrize(
    "line",
    ["admin.enableServer=false", "admin.serverPort=8080", "preAllocSize=65536", "forceSync=yes",
     "localSessionsEnabled=false", "quorumListenOnAllIPs=false", "sslQuorum=false",
     "globalOutstandingLimit=1000", "secureClientPortAddress=127.0.0.1", "electionAlg=3"],
)  # fmt: skip
def test_no_warning_where_nothing_is_lacking(line: str) -> None:
    assert read(line).warnings == ()


def test_a_role_that_is_contradicted() -> None:
    config = read(f"{THREE}peerType=observer\n", "1")
    assert config.warnings == ("zoo.cfg:6: peerType is ignored: server.1 is a participant",)
    assert read(f"{THREE.replace(';127.0.0.1:2183', '')}peerType=observer\n", "3").warnings == ()


def test_traces_are_asked_for_by_the_caller() -> None:
    read("")
    assert read_config(Path("zoo.cfg"), traces=True).settings.traces
