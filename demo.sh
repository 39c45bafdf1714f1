#!/bin/sh
# The main job on real servers of this machine: installs what is missing, then runs "vs demo" with this script's arguments.
set -eu
cd "$(dirname -- "$(readlink -f -- "$0")")"
if [ "$(id -u)" -ne 0 ]; then
  echo "demo: recording and enforcing need root: run it with sudo" >&2
  exit 5
fi
if [ ! -e /sys/kernel/btf/vmlinux ]; then
  echo "demo: this kernel has no BTF (/sys/kernel/btf/vmlinux is missing): boot a kernel built with CONFIG_DEBUG_INFO_BTF=y, such as Debian's own" >&2
  exit 4
fi
. scripts/setup.sh
exec ./vs demo "$@"
