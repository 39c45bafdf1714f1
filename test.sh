#!/bin/sh
# Builds everything and runs all tests. The last line says: tests: N passed, M failed, K skipped. Exit code 0 only if nothing failed.
# Needs root and a kernel with BTF. --without-kernel leaves out the layers that do; each then counts as one skipped test.
set -u
cd "$(dirname -- "$(readlink -f -- "$0")")" || exit 70
. scripts/requirements.sh
without_kernel=no
case "$#:${1:-}" in
  0:) vs_require_host test ", or leave out what needs it: ./test.sh --without-kernel" ;;
  1:--without-kernel) without_kernel=yes ;;
  *) vs_fail 2 "usage: ./test.sh [--without-kernel]" ;;
esac
vs_for=tests
. scripts/setup.sh

results=artifacts/test-results
rm -rf "$results"
mkdir -p "$results" || exit 70
passed=0 failed=0 skipped=0

finish() {
  echo "tests: $passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ]
  exit
}

# A step that fails counts as one failed test: nothing that is broken can look green.
step() {
  what=$1
  shift
  echo "== $what"
  "$@" && return 0
  echo "failed: $what" >&2
  failed=$((failed + 1))
  return 1
}

counter() { sed -n "s/.*<Counters[^>]* $2=\"\([0-9]*\)\".*/\1/p" "$1" | head -n 1; }

step "restore with the committed lock files" dotnet restore VirtualServices.sln --locked-mode -v quiet || finish
# ./vs need not build again what is built here: stamped with the time before, so that what changes meanwhile is built the next time.
mkdir -p artifacts && touch artifacts/vs.stamp.new
step "build, warnings are errors" dotnet build VirtualServices.sln --no-restore -c Release -v quiet -nodeReuse:false || finish
mv artifacts/vs.stamp.new artifacts/vs.stamp
# Beside the unit tests, in which nothing depends on time; what it says is shown when they are done.
dotnet format VirtualServices.sln --verify-no-changes --no-restore >"$results/formatting.txt" 2>&1 &
formatting=$!
formatted() { wait "$formatting" || { cat "$results/formatting.txt" >&2; return 1; }; }

run_tests() {
  project=$1
  name=$(basename "$project" .csproj)
  echo "== $name"
  dotnet test --project "$project" --no-build -c Release --no-progress --results-directory "$results/$name" --report-xunit-trx --report-xunit-trx-filename result.trx
  code=$?
  trx=$results/$name/result.trx
  if [ ! -s "$trx" ] || [ -z "$(counter "$trx" total)" ]; then
    echo "failed: $name left no results (exit code $code)" >&2
    failed=$((failed + 1))
    return
  fi
  ok=$(counter "$trx" passed) bad=$(($(counter "$trx" total) - ok)) left_out=$(grep -o 'outcome="NotExecuted"' "$trx" | wc -l)
  bad=$((bad - left_out))
  # A runner that ended badly after its last test has failed, whatever its results say.
  [ "$code" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
  passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + left_out))
}

# One project after the other: tests of the kernel and of whole servers would disturb each other.
for project in tests/*.Tests/*.csproj; do
  run_tests "$project"
done
step "formatting" formatted
for name in Kernel EndToEnd; do
  if [ $without_kernel = yes ]; then
    echo "== $name: left out, it needs root and a kernel with BTF"
    skipped=$((skipped + 1))
  else
    run_tests "tests/$name/$name.csproj"
  fi
done
finish
