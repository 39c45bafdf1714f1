# Sourced by demo.sh, test.sh and setup.sh: what this checkout needs and cannot install. Only functions; all they say goes to stderr.

vs_fail() {
  code=$1
  shift
  echo "$*" >&2
  exit "$code"
}

vs_root() { [ "$(id -u)" -eq 0 ]; }

vs_has_btf() { [ -e /sys/kernel/btf/vmlinux ]; }

# $1 names the command in its messages, $2 another way out, which may be empty.
vs_require_host() {
  vs_root || vs_fail 5 "$1: recording and enforcing need root: run it with sudo$2"
  vs_has_btf || vs_fail 4 "$1: this kernel has no BTF (/sys/kernel/btf/vmlinux is missing): boot a kernel built with CONFIG_DEBUG_INFO_BTF=y, such as Debian's own$2"
}

# Minimal environments, such as those of units, have no HOME.
vs_check_dotnet() {
  own=${HOME:-/root}/.dotnet
  command -v dotnet >/dev/null || [ ! -x "$own/dotnet" ] || PATH=$own:$PATH
  command -v dotnet >/dev/null && dotnet --list-sdks | grep -q '^10\.' && return 0
  vs_fail 4 "The .NET 10 SDK is missing: install it from https://dotnet.microsoft.com/download so that 'dotnet' is in PATH"
}
