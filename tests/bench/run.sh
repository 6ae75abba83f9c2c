#!/usr/bin/env bash
# Measures the cost of the sensor.
#
#   tests/bench/run.sh host [--json FILE] [--pairs N] [--only NAME,...]      on this machine, as root
#   tests/bench/run.sh instructions [--json FILE] [--kernel SERIES]... [--check]   counts instructions, in guests
#
# Both take --preset NAME as their first argument (default release) and build what they need.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PATH="$PATH:/usr/sbin:/sbin"

preset=release
if [[ ${1:-} == --preset && $# -ge 2 ]]; then
  preset=$2
  shift 2
fi
what=${1:-}
case $what in
  host | instructions) shift ;;
  *)
    sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
deploy/install-dependencies.sh build run test
cmake --preset "$preset" >&2
cmake --build --preset "$preset" --target hoptrail-agent hoptrail-collector storm-hop bench_load bench-floor >&2
exec /usr/bin/python3 "tests/bench/$what.py" --build "build/$preset" "$@"
