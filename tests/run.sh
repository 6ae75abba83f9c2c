#!/usr/bin/env bash
# Installs what is missing, builds what has changed, runs the named tiers (all of them when none is named; of other
# presets than dev all but those under emulation) and closes with one line `N passed, N failed`. A tier that cannot
# run fails.
#
#   tests/run.sh [--preset dev|release|asan|tsan]
#                [unit|kernel|lab|storm|image|quickstart|fuzz|vm|instructions ...]
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
export PATH="$PATH:/usr/sbin:/sbin"
all_tiers=(unit kernel lab storm image quickstart fuzz)
emulated=(vm instructions)
preset=dev
tiers=()

usage() {
  echo "usage: tests/run.sh [--preset dev|release|asan|tsan] [${all_tiers[*]} ${emulated[*]}]..." >&2
  exit 2
}

while (($#)); do
  case "$1" in
    --preset) [[ $# -ge 2 ]] || usage; preset=$2; shift ;;
    unit | kernel | lab | storm | image | quickstart | fuzz | vm | instructions) tiers+=("$1") ;;
    *) usage ;;
  esac
  shift
done
if ((${#tiers[@]} == 0)); then
  tiers=("${all_tiers[@]}")
  [[ $preset != dev ]] || tiers+=("${emulated[@]}")
fi

# What the sanitizers may not judge, and why, is said in these files.
export LSAN_OPTIONS="suppressions=$root/tests/lsan.supp:print_suppressions=0"
export TSAN_OPTIONS="suppressions=$root/tests/tsan.supp"

build=$root/build/$preset
logs=$build/test-logs
rm -rf "$logs"
mkdir -p "$logs"
passed=0
failed=0

# check NAME COMMAND...: one test that passes or fails as a whole; its output is kept when it fails.
check() {
  local name=$1 log=$logs/$1.log
  shift
  if "$@" >"$log" 2>&1; then
    passed=$((passed + 1))
    rm -f "$log"
  else
    failed=$((failed + 1))
    echo "FAILED $name, its last lines (all of it: ${log#"$root"/}):"
    tail -n 40 "$log"
  fi
}

# same_system_calls: whether the page says what the program does.
same_system_calls() {
  "$build/bin/hoptrail-agent" --print-system-calls | diff -u docs/system-calls.txt -
}

# tally LOG: adds the counts of a runner that closes with `N passed, N failed`.
tally() {
  local line
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$1" | tail -n 1)
  if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=$((passed + BASH_REMATCH[1]))
    failed=$((failed + BASH_REMATCH[2]))
  else
    failed=$((failed + 1))
    echo "FAILED ${1##*/}: it ended without a result"
  fi
}

# gtest_tier LABEL: every GoogleTest program of that label, counted test by test.
gtest_tier() {
  local label=$1 log=$logs/$1.log
  mkdir -p "$logs/$label"
  GTEST_OUTPUT="xml:$logs/$label/" ctest --test-dir "$build" -L "^$label\$" --no-tests=error \
    --output-on-failure -j 1 >"$log" 2>&1
  local status=$?
  /usr/bin/python3 tests/tally.py "$logs/$label" $status >"$logs/$label.count"
  ((status == 0)) || { echo "the last lines of ${log#"$root"/}:" && tail -n 20 "$log"; }
  cat "$logs/$label.count"
  tally "$logs/$label.count"
}

# script_tier NAME COMMAND...: a runner of its own that closes with `N passed, N failed`.
script_tier() {
  local name=$1
  shift
  "$@" 2>&1 | tee "$logs/$name.log"
  tally "$logs/$name.log"
}

# fuzz_tier: targets of a preset of their own; FUZZ_SECONDS of fuzzing for each of them.
fuzz_tier() {
  if ! { cmake --preset fuzz && cmake --build --preset fuzz; } >"$logs/fuzz-build.log" 2>&1; then
    grep -E 'error:|FAILED|Error' "$logs/fuzz-build.log" | head -n 40
    echo "FAILED fuzz: the build failed: ${logs#"$root"/}/fuzz-build.log"
    failed=$((failed + 1))
    return
  fi
  script_tier fuzz tests/fuzz/run.py --programs build/fuzz/fuzz --logs "$logs/fuzz" \
    --seconds "${FUZZ_SECONDS:-4}"
}

finish() {
  echo "$passed passed, $failed failed"
  ((failed == 0 && passed > 0))
  exit
}

deploy/install-dependencies.sh build run test >"$logs/install.log" 2>&1 || {
  tail -n 20 "$logs/install.log"
  echo "installing dependencies failed; this needs Debian 12, root and its package mirror" >&2
  failed=$((failed + 1))
  finish
}

# The fuzz tier builds for itself.
if [[ ${tiers[*]} != fuzz ]] &&
  ! { cmake --preset "$preset" && cmake --build --preset "$preset"; } >"$logs/build.log" 2>&1; then
  grep -E 'error:|FAILED|Error' "$logs/build.log" | head -n 40
  tail -n 20 "$logs/build.log"
  echo "the build failed: ${logs#"$root"/}/build.log" >&2
  failed=$((failed + 1))
  finish
fi

for tier in "${tiers[@]}"; do
  echo "== $tier"
  case $tier in
    unit)
      check layers tests/layers/layers.py
      check clocks tests/layers/clocks.py
      check format tests/format.sh
      check coverage-table tests/vm/coverage_table.py --check
      check bench tests/bench/checks_test.py
      check performance-page tests/bench/performance_page.py --check
      # The sanitizers' builds may call more.
      [[ $preset == asan || $preset == tsan ]] || check system-calls same_system_calls
      gtest_tier unit
      ;;
    kernel) gtest_tier kernel ;;
    vm)
      script_tier vm tests/vm/run.py --build "$build"
      script_tier vm-clock tests/vm/clock.py --build "$build" --logs "$logs/vm-clock"
      ;;
    instructions) script_tier instructions tests/bench/instructions.py --build "$build" --check ;;
    lab) script_tier lab tests/lab/run.py --binaries "$build/bin" --logs "$logs/lab" ;;
    storm)
      gtest_tier storm
      script_tier storm-lab tests/storm/run.py --binaries "$build/bin" --logs "$logs/storm-lab"
      ;;
    quickstart)
      script_tier quickstart tests/quickstart/run.py --preset "$preset" --logs "$logs/quickstart"
      ;;
    fuzz) fuzz_tier ;;
    image) script_tier image tests/image/run.py --binaries "$build/bin" --logs "$logs/image" ;;
  esac
done
finish
