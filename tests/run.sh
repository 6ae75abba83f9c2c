#!/usr/bin/env bash
# Installs missing packages, builds what has changed, runs the named tiers and ends with a table of the time that each
# took and one line `N passed, N failed`. A tier that cannot run fails.
#
#   tests/run.sh [--preset dev|release|asan|tsan] [--one-at-a-time] [all | TIER ...]
#
# TIER: unit kernel storm lab ways quickstart image fuzz vm instructions
#
# Without a TIER it runs all of them (with another preset than dev: without vm and instructions), in at most 40 minutes
# on two CPUs. Under emulation, each kernel runs with its best hooks and its last ones, and races run fewer times.
#
# all: runs the same tiers without these limits, which takes hours: every hook of every kernel, 30 s for each fuzz
# target, images built from the source, the quickstart's own preset, and the tiers unit and lab with each sanitizer
# (tests/README.md lists what else the default leaves out).
#
# The guests of vm and instructions and the build of the fuzz targets need only CPU time: they run in the background of
# the other tiers, with the lowest priority. --one-at-a-time runs nothing in the background, for measuring.
#
# FUZZ_SECONDS=N in the environment sets how long each fuzz target runs.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
export PATH="$PATH:/usr/sbin:/sbin"

# These files list what the sanitizers must not report, and why.
export LSAN_OPTIONS="suppressions=$root/tests/lsan.supp:print_suppressions=0"
export TSAN_OPTIONS="suppressions=$root/tests/tsan.supp"

# The build's packages are installed first; the others are installed during the build.
log=$(mktemp)
deploy/install-dependencies.sh build run test-runner >"$log" 2>&1 || {
  tail -n 20 "$log"
  rm -f "$log"
  echo "installing dependencies failed; this needs Debian 12, root and its package mirror" >&2
  echo "0 passed, 1 failed"
  exit 1
}
rm -f "$log"
exec /usr/bin/python3 tests/runner/main.py --began "$SECONDS" "$@"
