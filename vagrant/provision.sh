#!/bin/sh
# What does a bare Debian need to be a host?
# As root; may run again. Its arguments are more packages: `default-jre-headless libzookeeper-java`
# for Apache's ZooKeeper.
set -eu
export DEBIAN_FRONTEND=noninteractive

# An SSH server and how to become root; what our node runs on; addresses, delays and packet filters;
# and kmod, with which the kernel finds its own modules for them.
missing=
for package in openssh-server sudo python3 iproute2 iptables kmod "$@"; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=none
  [ "$state" = installed ] || missing="$missing $package"
done
install() {
  # shellcheck disable=SC2086 # several words
  apt-get install -y -q --no-install-recommends $missing
}
# The lists of packages may be missing, or so old that what they name is gone.
[ -z "$missing" ] || install || { apt-get update -q && install; }

# A clock that is bent on purpose must not be set right by anybody else.
if command -v systemctl >/dev/null && [ -d /run/systemd/system ]; then
  for service in systemd-timesyncd chrony ntpsec vboxadd-service virtualbox-guest-utils; do
    systemctl disable --now "$service" 2>/dev/null || :
  done
fi

# Without it links are not slow, and all else works.
modprobe sch_netem 2>/dev/null || :
