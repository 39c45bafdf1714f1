#!/bin/sh
# The main job on real servers of this machine: installs what is missing, then runs "vs demo" with this script's arguments.
set -eu
cd "$(dirname -- "$(readlink -f -- "$0")")"
. scripts/requirements.sh
vs_require_host demo ""
. scripts/setup.sh
exec ./vs demo "$@"
