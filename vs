#!/bin/sh
# Starts vs from this checkout: builds it on first use and when sources are newer than the build, then becomes it.
set -u

# Works from any folder and through symbolic links.
root=$(dirname -- "$(readlink -f -- "$0")")
program=$root/artifacts/bin/Cli/release/vs.dll
stamp=$root/artifacts/vs.stamp
log=$root/artifacts/vs-build.log

find_dotnet() {
	for candidate in "${DOTNET_ROOT:+$DOTNET_ROOT/dotnet}" "$(command -v dotnet)" /usr/share/dotnet/dotnet /usr/lib/dotnet/dotnet "${HOME:-/root}/.dotnet/dotnet"; do
		if [ -n "$candidate" ] && [ -x "$candidate" ]; then
			printf '%s\n' "$candidate"
			return 0
		fi
	done
	return 1
}

# Folders count, too: a deleted file makes its folder newer. Stops at the first hit.
is_stale() {
	[ -e "$program" ] && [ -e "$stamp" ] || return 0
	set -- "$root/src" "$root/global.json" "$root/Directory.Build.props" "$root/Directory.Packages.props"
	[ -d "$root/bpf" ] && set -- "$@" "$root/bpf"
	[ -n "$(find "$@" -newer "$stamp" -print -quit)" ]
}

build() {
	mkdir -p "$root/artifacts" || exit 5
	# One build at a time; whoever waited finds it done.
	# Tried first in a shell of its own: a redirection of exec that fails ends this one at once, with a code of its own.
	(: 9>"$root/artifacts/vs.lock") 2>/dev/null || {
		echo "vs: cannot write $root/artifacts/vs.lock: build as the user who owns it, or remove $root/artifacts" >&2
		exit 5
	}
	exec 9>"$root/artifacts/vs.lock"
	flock 9
	if is_stale; then
		echo "vs: building, once (about a minute after a fresh clone; log: $log)" >&2
		# Stamped with the time before the build, so that what changes meanwhile is built the next time.
		touch "$stamp.new"
		# No build servers: they would outlive the build and hold its lock. No stdin: it belongs to the command.
		if ! "$dotnet" build "$root/src/Cli/Cli.csproj" -c Release -nologo -v quiet -nodeReuse:false -p:UseSharedCompilation=false </dev/null >"$log" 2>&1 9>&-; then
			grep -E 'error|No .NET SDK' "$log" | sort -u | head -n 10 >&2
			echo "vs: the build failed; it needs the .NET 10 SDK and, the first time, access to the package source; see $log" >&2
			exit 4
		fi
		mv "$stamp.new" "$stamp"
	fi
	exec 9>&-
}

if ! dotnet=$(find_dotnet); then
	echo "vs: the .NET 10 SDK is missing: install it (https://dotnet.microsoft.com/download) so that 'dotnet' is in PATH" >&2
	exit 4
fi

if is_stale; then build; fi
exec "$dotnet" "$program" "$@"
