"""How does somebody who is not root have a lab?

As root of a user namespace, which has the ids that the machine has set aside for that user. There
files of the machine's root are nobody's: they can be read, but not copied on write. So below what
the hosts write is no copy of this machine's tree, but one of a few parts of it.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

BECOME_ROOT: Final = ("--user", "--map-root-user", "--map-auto")
"""What `unshare` is told, besides."""
SHARED: Final = ("usr", "opt", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""What hosts see as it is here, and cannot change; where it is no link into another of these."""

_PATIENCE_S: Final = 20.0
_PROGRAMS: Final = ("newuidmap", "newgidmap")
_SWITCHES: Final = (
    ("user/max_user_namespaces", "0", "10000"),
    ("kernel/unprivileged_userns_clone", "0", "1"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
)
_IDS: Final = (("uid", Path("/etc/subuid")), ("gid", Path("/etc/subgid")))
_MANY: Final = "100000-165535"

# Of what is not shared, all that programs look for: a copy of /etc, as far as it may be read, with
# the users that a host needs, whose ids are sure to be there.
_COMPOSE: Final = """
set -e
umask 022
mkdir -p etc var/lib var/log var/cache var/tmp dev proc sys run tmp root home mnt srv
ln -s /run var/run
ln -s /run/lock var/lock
for one in $shared; do
  if [ -L "/$one" ]; then cp -d "/$one" "$one"; elif [ -d "/$one" ]; then mkdir "$one"; fi
done
cp -dR /etc/. etc 2>/dev/null || :
rm -f etc/passwd etc/group etc/shadow etc/gshadow etc/subuid etc/subgid
cat >etc/passwd <<END
root:x:0:0:root:/root:/bin/sh
sshd:x:100:100::/run/sshd:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
END
printf '%s\\n' root:x:0: tty:x:5: sshd:x:100: nogroup:x:65534: >etc/group
printf '%s:*:19000:0:99999:7:::\\n' root sshd nobody >etc/shadow
chmod 600 etc/shadow
chmod 1777 var/tmp
"""


def is_root() -> bool:
    """Whether none of this is needed."""
    return os.geteuid() == 0


def path() -> str:
    """Where programs are; those for root are often not on anybody else's path."""
    found = os.environ.get("PATH", os.defpath)
    return found if is_root() else f"{found}:/usr/sbin:/sbin"


def missing() -> str:
    """What keeps this user from becoming root of a user namespace, and how to mend it; or nothing.

    What counts is whether it can be done; only if not it is found out why.
    """
    said = _tried("--user") or _tried(
        *BECOME_ROOT, "--net", "--mount", "--pid", "--fork", "--mount-proc"
    )
    if not said:
        return ""
    reasons = [*_no_programs(), *_no_ids(), *_switched_off()]
    return " and ".join(reasons) or f"this machine lets nobody but root do it ({said})"


def _tried(*options: str) -> str:
    """What `unshare` says against it, if it does.

    If it can make no namespace after all, what was to map its ids waits for ever.
    """
    with subprocess.Popen(
        ["unshare", *options, "true"],
        env={**os.environ, "PATH": path()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            _, said = process.communicate(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            return "unshare does not end"
    lines = said.strip().splitlines() or [f"unshare ends with {process.returncode}"]
    return lines[-1] if process.returncode else ""


def _no_programs() -> Iterator[str]:
    lacking = [one for one in _PROGRAMS if shutil.which(one, path=path()) is None]
    if lacking:
        yield f"{' and '.join(lacking)} are needed (apt-get install uidmap)"


def _no_ids() -> Iterator[str]:
    user = _name()
    without = [(kind, file) for kind, file in _IDS if not _has_some(file, user)]
    if without:
        files = " and ".join(str(file) for _, file in without)
        options = " ".join(f"--add-sub{kind}s {_MANY}" for kind, _ in without)
        yield f"{user} has no subordinate ids in {files} (usermod {options} {user})"


def _switched_off() -> Iterator[str]:
    for switch, off, on in _SWITCHES:
        if _read(Path("/proc/sys") / switch).strip() == off:
            name = switch.replace("/", ".")
            yield f"user namespaces are off (sysctl -w {name}={on})"


def compose(folder: Path) -> Sequence[str]:
    """Make the tree of hosts in this folder, as root of the namespace; what is shared with it."""
    folder.mkdir()
    settings = f"shared='{' '.join(SHARED)}'\n"
    done = subprocess.run(
        ["sh", "-c", settings + _COMPOSE], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OSError(f"no file tree for hosts: {done.stderr.strip()}")
    return [one for one in SHARED if (folder / one).is_dir() and not (folder / one).is_symlink()]


def _name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _has_some(file: Path, user: str) -> bool:
    return any(line.split(":")[0] in (user, str(os.geteuid())) for line in _read(file).splitlines())


def _read(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""
