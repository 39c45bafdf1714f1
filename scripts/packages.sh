# Sourced by setup.sh: which packages are missing, and how they are installed. Only functions; all they say goes to stderr.
# vs_for=tests adds what only the tests start.

vs_has_library() {
  # The loader's cache may be unreadable in a minimal PATH: look for the tool where Debian keeps it.
  { ldconfig -p 2>/dev/null || /sbin/ldconfig -p; } | grep -q "$1"
}

vs_has_postgres() {
  for bin in /usr/lib/postgresql/*/bin; do
    [ -x "$bin/initdb" ] && [ -x "$bin/pgbench" ] && [ -x "$bin/psql" ] && return 0
  done
  return 1
}

# Prints "package reason" for each package that is missing.
vs_missing() {
  command -v clang >/dev/null || echo "clang compiles the programs that run in the kernel"
  command -v llvm-strip >/dev/null || echo "llvm takes debug information off them"
  [ -e /usr/include/bpf/bpf_helpers.h ] || echo "libbpf-dev has the headers they are written with"
  vs_has_library 'libbpf\.so\.1' || echo "libbpf1 loads them"
  vs_has_library 'libpcap\.so' || echo "libpcap0.8 captures packets"
  [ -e /usr/include/linux/bpf.h ] || echo "linux-libc-dev has the kernel's headers"
  vs_has_postgres || echo "postgresql is the shared service of the demo and the tests (no cluster is made or started)"
  command -v tc >/dev/null || [ -x /sbin/tc ] || echo "iproute2 shapes network shares"
  command -v setpriv >/dev/null || echo "util-linux runs servers as an unprivileged user"
  [ "${vs_for:-}" = tests ] || return 0
  command -v redis-server >/dev/null || echo "redis-server is a shared event loop in the tests"
  command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || echo "nginx-light is a shared front end in the tests"
  command -v php-cgi >/dev/null || echo "php-cgi is a shared server that serves one connection at a time in the tests"
  command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ] || echo "pgbouncer is a shared pool of database connections in the tests"
  ls /usr/sbin/php-fpm* >/dev/null 2>&1 || echo "php-fpm is an application server of each tenant in the tests"
  ls /usr/lib/php/*/pgsql.so >/dev/null 2>&1 || echo "php-pgsql connects it to PostgreSQL in the tests"
  command -v tcpdump >/dev/null || [ -x /usr/sbin/tcpdump ] || echo "tcpdump reads recorded packets in the tests"
  # perl-base, which every Debian has, lacks the module.
  perl -MTime::HiRes -e1 2>/dev/null || echo "perl runs the small servers and clients of the tests"
}

vs_apt() { DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Options::=--force-confold -qq "$@" >&2; }

vs_install() {
  missing=$(vs_missing)
  [ -n "$missing" ] || return 0
  if ! vs_root; then
    echo "$missing" | sed 's/^\([^ ]*\) /missing: \1, which /' >&2
    vs_fail 5 "This is missing and only root can install it: sudo apt-get install $(echo "$missing" | cut -d' ' -f1 | tr '\n' ' ')"
  fi
  command -v apt-get >/dev/null || vs_fail 4 "This is missing, and there is no apt-get here to install it: $(echo "$missing" | cut -d' ' -f1 | tr '\n' ' ')"
  echo "$missing" | sed 's/^\([^ ]*\) /installing \1, which /' >&2
  vs_apt update || vs_fail 4 "apt-get update failed: see above"

  vs_apt_install "$(echo "$missing" | cut -d' ' -f1 | tr '\n' ' ')" || vs_fail 4 "apt-get could not install what is missing: see above"
}

# Debian starts what it installs, and makes a database cluster when PostgreSQL is installed. Demo and tests start their own: keep the host as it is.
# A subshell, so that what says so to Debian goes away however this ends: left behind, it would keep every later package from starting its service.
vs_apt_install() (
  policy=/usr/sbin/policy-rc.d
  drop_in=/etc/postgresql-common/createcluster.d/virtual-services.conf
  [ -e "$policy" ] && policy=
  trap 'rm -f "$drop_in" ${policy:+"$policy"}' EXIT
  trap 'exit 130' INT TERM HUP
  if [ -n "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  case $1 in
    *postgresql*)
      vs_apt install --no-install-recommends postgresql-common || exit
      mkdir -p "$(dirname "$drop_in")"
      echo "create_main_cluster = false" >"$drop_in"
      ;;
  esac
  # shellcheck disable=SC2086 # one word per package
  vs_apt install --no-install-recommends $1 || exit

  # Nor at the next boot. Only what was installed here just now: where a server was there before, its package was not missing.
  if command -v systemctl >/dev/null; then
    for service in redis-server nginx pgbouncer; do
      case $1 in *"$service"*) systemctl --quiet disable "$service.service" >&2 || true ;; esac
    done
    case $1 in *php-fpm*) for service in /usr/sbin/php-fpm*; do systemctl --quiet disable "php${service#/usr/sbin/php-fpm}-fpm.service" >&2 || true; done ;; esac
  fi
)
