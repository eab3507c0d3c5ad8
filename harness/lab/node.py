"""What is done, as root in namespaces of its own, to be a host?

Its file tree is this machine's, or a fresh Debian's, or composed of parts of this machine's, with
all that is written to it in memory: nothing that happens on it, be it `rm -rf /`, changes the
machine.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harness.lab.addresses import DEVICE, SWITCH, address, address_6, name

SSHD_CONFIG: Final = """\
Port 22
HostKey /etc/ssh/lab_host_key
AuthorizedKeysFile /etc/ssh/lab_authorized_keys
PidFile none
StrictModes no
UsePAM no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100:30:200
PrintMotd no
Subsystem sftp internal-sftp
"""

# The file tree, before it is the root: what is ours alone, over what is everybody's.
_TREE: Final = """
set -e
umask 022
read -r go
mount --make-rprivate /
mkdir -p "$tree/up" "$tree/work" "$tree/root"
layers="lowerdir=$lower,upperdir=$tree/up,workdir=$tree/work"
# Where we are not the real root, what is removed can only be noted as a user may note it.
mount -t overlay overlay -o "$layers${shared:+,userxattr}" "$tree/root"
cd "$tree/root"
if [ -z "$shared" ]; then
  mount --rbind /dev dev
else
  # Below an overlay of two, with none above, nothing can be written.
  for one in $shared; do
    mount -t overlay overlay -o "lowerdir=/$one:$lower/mnt" "$one"
  done
  mount -t tmpfs -o mode=755 tmpfs dev
  for one in null zero full random urandom tty fuse net/tun; do
    [ -c "/dev/$one" ] || continue
    mkdir -p "$(dirname "dev/$one")"; : >"dev/$one"; mount --bind "/dev/$one" "dev/$one"
  done
  mkdir dev/pts dev/shm; chmod 1777 dev/shm
  mount -t devpts -o newinstance,mode=620,ptmxmode=666,gid=5 devpts dev/pts
  ln -s pts/ptmx dev/ptmx
  ln -s /proc/self/fd dev/fd
  for one in stdin:0 stdout:1 stderr:2; do ln -s "/proc/self/fd/${one#*:}" "dev/${one%:*}"; done
fi
mount -t proc proc proc
mount -t sysfs sysfs sys
for one in run tmp root home var/log var/lib/zabtest; do
  mkdir -p "$one"; mount -t tmpfs -o mode=755 tmpfs "$one"
done
chmod 1777 tmp; chmod 700 root
mkdir run/sshd run/lock
cp "$keys/$name" etc/ssh/lab_host_key
chmod 600 etc/ssh/lab_host_key
cp "$keys/client.pub" etc/ssh/lab_authorized_keys
cp "$keys/sshd_config" etc/ssh/lab_sshd_config
cp "$keys/hosts" etc/hosts
rm -f etc/resolv.conf etc/nologin; : >etc/resolv.conf
echo 'hosts: files' >etc/nsswitch.conf
echo "$name" >etc/hostname
sed -i 's/^root:[^:]*:/root:*:/' etc/shadow
hostname "$name"
ip -batch - <<END
link set lo up
addr add $address/24 dev eth0
addr add $address_6/64 dev eth0 nodad
link set eth0 up
END
if ip link show $device >/dev/null 2>&1; then
  # What comes in by the switch need not go out by it, too: one way of two may be slow.
  for one in all eth0 $device; do echo 0 >/proc/sys/net/ipv4/conf/$one/rp_filter; done
  ip -batch - <<END
link set $device addrgenmode none up
route add $switch dev $device src $address
END
fi
mkdir .lower
pivot_root . .lower
umount -l /.lower
rmdir /.lower
cd /
exec /usr/sbin/sshd -D -e -f /etc/ssh/lab_sshd_config
"""


def becoming(number: int, folder: Path, lower: Path, shared: Sequence[str] = ()) -> list[str]:
    """The command that becomes this host, once it reads a line.

    `shared`: folders of this machine's root that it has besides, as they are.
    """
    known = {
        "name": name(number),
        "address": address(number),
        "address_6": address_6(number),
        "lower": str(lower),
        "shared": " ".join(shared),
        "tree": f"{folder}/trees/{name(number)}",
        "device": DEVICE,
        "switch": SWITCH,
        "keys": f"{folder}/keys",
    }
    settings = "".join(f"{key}={shlex.quote(value)}\n" for key, value in known.items())
    return [
        *("unshare", "--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child"),
        *("sh", "-c", settings + _TREE),
    ]
