"""Which of ZooKeeper's keys do we know, but not follow, and does it matter?"""

from __future__ import annotations

from typing import Final

from target_node.properties import Entry

# A key, or the beginning of keys that ends in a dot; the values that ask for nothing we lack; what
# it means that we do not follow it.
_MATTERS: Final[tuple[tuple[str, frozenset[str], str], ...]] = (
    ("admin.enableServer", frozenset({"false"}), "there is no admin server"),
    ("audit.enable", frozenset({"false"}), "there is no audit log"),
    ("authProvider.", frozenset(), "clients can authenticate with digest, ip and world only"),
    ("electionAlg", frozenset({"3"}), "elections are always of kind 3"),
    ("enforce.auth.", frozenset(), "nobody is asked to authenticate"),
    ("forceSync", frozenset({"yes"}), "the log is always synced"),
    ("leaderServes", frozenset({"yes"}), "a leader serves clients too"),
    ("localSessionsEnabled", frozenset({"false"}), "every session is a global one"),
    ("metricsProvider.", frozenset(), "there are no metrics but those of mntr"),
    ("multiAddress.enabled", frozenset({"false"}), "a server has one address"),
    ("portUnification", frozenset({"false"}), "there is no TLS"),
    ("quorum.auth.", frozenset({"false"}), "servers do not authenticate each other"),
    ("quorumListenOnAllIPs", frozenset({"false"}), "we listen where the server's line says"),
    ("requireClientAuthScheme", frozenset(), "nobody is asked to authenticate"),
    ("secureClientPort", frozenset({"0"}), "there is no TLS, and nobody listens there"),
    ("serverCnxnFactory", frozenset(), "there is one way to serve connections"),
    ("sessionRequireClientSASLAuth", frozenset({"false"}), "there is no SASL"),
    ("snapshot.compression.method", frozenset({"none"}), "snapshots are not compressed"),
    ("ssl.", frozenset(), "there is no TLS"),
    ("sslQuorum", frozenset({"false"}), "there is no TLS"),
)

# How ZooKeeper tunes itself: nothing goes wrong where we do it in another way, or not at all.
_TUNING: Final = (
    "admin.", "autopurge.", "client.portUnification", "clientPortListenBacklog", "cnxTimeout",
    "commitLogCount", "commitProcessor.", "connectToLearnerMasterLimit", "digest.enabled",
    "electionPortBindRetry", "extendedTypesEnabled", "fsync.warningthresholdms",
    "globalOutstandingLimit", "jaasLoginRenew", "kerberos.", "leader.", "learner.",
    "localSessionsUpgradingEnabled", "maxBatchSize", "maxCnxns", "maxGetChildrenResponseCacheSize",
    "maxResponseCacheSize", "multiAddress.", "nio.", "observer.", "preAllocSize",
    "secureClientPortAddress", "snapSizeLimitInKb", "snapshot.", "syncEnabled",
    "txnLogSizeLimitInKb", "watchManagerName", "znode.container.",
)  # fmt: skip


def warning(entry: Entry) -> str | None:
    """What to tell about a key that we do nothing with; None if it does not matter."""
    for key, harmless, meaning in _MATTERS:
        if _is(entry.key, key):
            if entry.value.lower() in harmless:
                return None
            return f"{entry.place}: {entry.key} is not followed: {meaning}"
    if any(_is(entry.key, key) for key in _TUNING):
        return None
    return f"{entry.place}: {entry.key} is unknown, and ignored"


def _is(key: str, pattern: str) -> bool:
    return key.startswith(pattern) if pattern.endswith(".") else key == pattern
