#!/bin/bash
# Hoptrail on this host, from nothing: installs, builds, makes certificates, starts a collector and
# an agent, follows the detections, and stops both again.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: quickstart.sh [--state DIR] [--port N] [--preset NAME] [--build-only | --demo]

  --state DIR    directory for everything that is not built (default /var/lib/hoptrail-quickstart)
  --port N       the collector's port on 127.0.0.1, chosen when DIR is made (default 7443)
  --preset NAME  how to build: release (default), dev, asan or tsan
  --build-only   only install and build
  --demo         an intruder crosses four hosts made of namespaces, and Hoptrail shows the path

Needs Debian 12 and root. May be run again at any time. Ctrl-C ends it and all that it started.
TEXT
}

say() { printf '%s\n' "$*"; }

fail() {
  printf 'quickstart.sh: %s\n' "$1" >&2
  exit 1
}

usage_error() {
  printf 'quickstart.sh: %s\n\n' "$1" >&2
  usage >&2
  exit 2
}

# --- arguments -----------------------------------------------------------------------------------

source_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
state=/var/lib/hoptrail-quickstart
port=
preset=release
mode=run
while [[ $# -gt 0 ]]; do
  case $1 in
    --state | --port | --preset)
      [[ $# -ge 2 && -n $2 ]] || usage_error "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"
      shift
      ;;
    --build-only) mode=build ;;
    --demo) mode=demo ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) usage_error "unknown argument '$1'" ;;
  esac
  shift
done
[[ $preset =~ ^(release|dev|asan|tsan)$ ]] || usage_error "no preset is named '$preset'"
if [[ ! ${port:-1} =~ ^[1-9][0-9]{0,4}$ || ${port:-1} -gt 65535 ]]; then
  usage_error "'$port' is not a port; use 1 to 65535"
fi
state=$(realpath -m -- "$state")
[[ $state =~ ^/[A-Za-z0-9/_.,@+\ -]+$ ]] || usage_error "'$state' has characters that are not allowed"
# A UNIX socket's path is at most 107 bytes long.
[[ ${#state} -le 80 ]] || usage_error "'$state' is longer than 80 characters"
[[ $EUID -eq 0 ]] ||
  fail "run it as root: it installs packages and loads programs into the kernel"

readonly bin=$source_root/build/$preset/bin
readonly pki=$state/pki config=$state/config logs=$state/logs
readonly socket=$state/run/collector.sock

# --- processes -----------------------------------------------------------------------------------

build_pid='' collector_pid='' agent_pid='' watch_pid='' demo_pid='' stopping=

# stop PID SECONDS: asks the process to end, and kills it after SECONDS. Only for pids started below.
stop() {
  local pid=$1 tenths=$(($2 * 10))
  [[ -n $pid ]] && kill -TERM "$pid" 2>/dev/null || return 0
  while kill -0 "$pid" 2>/dev/null && ((tenths-- > 0)); do sleep 0.1; done
  if kill -KILL "$pid" 2>/dev/null; then say "Process $pid did not end in $2 s and was killed."; fi
  wait "$pid" 2>/dev/null || true
}

stop_all() {
  [[ -z $build_pid$collector_pid$agent_pid$watch_pid$demo_pid ]] || say "Stopping …"
  stop "$build_pid" 20
  stop "$demo_pid" 60
  stop "$watch_pid" 5
  stop "$agent_pid" 20 # Before the collector, so that its last records arrive.
  stop "$collector_pid" 20
  build_pid='' collector_pid='' agent_pid='' watch_pid='' demo_pid=''
}

interrupted() {
  trap '' INT TERM HUP # A second signal must not disturb the stopping.
  stopping=yes
  exit 0
}

trap stop_all EXIT
trap interrupted INT TERM HUP

fail_with_log() { # MESSAGE LOG
  printf 'quickstart.sh: %s\nIts log, %s, ends with:\n' "$1" "$2" >&2
  tail -n 25 "$2" >&2
  exit 1
}

# --- build ---------------------------------------------------------------------------------------

build() {
  say "Installing what is missing …"
  local sets=(build run)
  if [[ $mode == demo ]]; then sets+=(demo); fi
  "$source_root/deploy/install-dependencies.sh" "${sets[@]}" || fail "dependencies are missing"
  say "Building in $source_root/build/$preset (the first time takes minutes) …"
  local log=$source_root/build/quickstart-build.log
  mkdir -p "$source_root/build"
  cmake -S "$source_root" --preset "$preset" >"$log" 2>&1 ||
    fail_with_log "configuring the build failed" "$log"
  # In the background, because bash handles a signal only after a foreground program has ended.
  local compile=(ninja -C "$source_root/build/$preset" hoptrail-agent hoptrail-collector hoptrail)
  if [[ -t 1 ]]; then
    "${compile[@]}" &
  else
    "${compile[@]}" >>"$log" 2>&1 &
  fi
  build_pid=$!
  local status=0
  wait "$build_pid" || status=$?
  build_pid=
  [[ $status -eq 0 ]] || fail "the build failed$([[ -t 1 ]] || echo "; see $log")"
}

# --- state directory -----------------------------------------------------------------------------

# ensure_pair NAME COMMAND…: makes the pair unless it exists and is valid for another day.
ensure_pair() {
  local base=$pki/$1
  shift
  if [[ -s $base.crt && -s $base.key ]] &&
    openssl x509 -noout -checkend 86400 -in "$base.crt" >/dev/null 2>&1 &&
    openssl verify -CAfile "$pki/ca.crt" "$base.crt" >/dev/null 2>&1; then
    return
  fi
  rm -f "$base.crt" "$base.key"
  "$source_root/deploy/certificates.sh" "$@" >/dev/null
}

prepare_state() {
  umask 077
  mkdir -p "$state" "$pki" "$config" "$logs" "$state/run"
  chmod 0700 "$state"
  exec 9>"$state/lock"
  flock -n 9 || fail "a quickstart with --state $state is running already"

  machine_id=$(tr -d '\n-' </etc/machine-id 2>/dev/null || true)
  machine_id_file=/etc/machine-id
  if [[ ! $machine_id =~ ^[0-9a-f]{32}$ ]]; then
    machine_id_file=$state/machine-id
    [[ -s $machine_id_file ]] || tr -d - </proc/sys/kernel/random/uuid >"$machine_id_file"
    machine_id=$(<"$machine_id_file")
  fi

  if [[ ! -s $pki/ca.crt || ! -s $pki/ca.key ]]; then
    rm -f "$pki/ca.crt" "$pki/ca.key"
    "$source_root/deploy/certificates.sh" init "$pki" >/dev/null
  fi
  ensure_pair collector collector "$pki" quickstart localhost IP:127.0.0.1 IP:::1
  ensure_pair "agent-$machine_id" agent "$pki" "$machine_id"
  ensure_pair reader-quickstart reader "$pki" quickstart
  ensure_pair operator-quickstart operator "$pki" quickstart
  write_configuration
}

# Existing files may have been edited, and are kept.
write_configuration() {
  local have_configuration=
  if [[ -s $config/collector.yaml && -s $config/agent.yaml ]]; then have_configuration=yes; fi
  if [[ -n $have_configuration && -n $port ]]; then
    fail "$config exists already; change the port in both of its files, or use another --state"
  fi
  [[ -z $have_configuration ]] || return 0
  port=${port:-7443}
  cat >"$config/collector.yaml" <<TEXT
# Schema: proto/hoptrail/v1/config.proto, CollectorConfig.
listen:
  - address: "127.0.0.1:$port"
    tls:
      ca_file: "$pki/ca.crt"
      certificate_file: "$pki/collector.crt"
      key_file: "$pki/collector.key"
  - address: "unix:$socket"
store:
  path: "$state/collector/hoptrail.db"
TEXT
  cat >"$config/agent.yaml" <<TEXT
# Schema: proto/hoptrail/v1/config.proto, AgentConfig.
host:
  machine_id_file: "$machine_id_file"
state_directory: "$state/agent"
collector:
  address: "127.0.0.1:$port"
  tls:
    ca_file: "$pki/ca.crt"
    certificate_file: "$pki/agent-$machine_id.crt"
    key_file: "$pki/agent-$machine_id.key"
TEXT
}

# --- run -----------------------------------------------------------------------------------------

ask() { "$bin/hoptrail" --collector "unix:$socket" "$@"; }

# The agent is connected, and its coverage report has arrived.
connected() { ask hosts 2>/dev/null | grep ' CONNECTED ' | grep -qv 'not reported'; }
collector_answers() { ask hosts --limit 1 >/dev/null 2>&1; }

# wait_for CONDITION SECONDS PID WHAT LOG
wait_for() {
  local end=$((SECONDS + $2))
  until "$1"; do
    kill -0 "$3" 2>/dev/null || fail_with_log "$4: the program has ended" "$5"
    ((SECONDS < end)) || fail_with_log "$4: not within $2 s" "$5"
    sleep 0.2
  done
}

# setsid gives each program a session of its own, so that Ctrl-C reaches only this script, which
# stops them in order.
start_collector() {
  setsid "$bin/hoptrail-collector" --config "$config/collector.yaml" \
    </dev/null >>"$logs/collector.log" 2>&1 9>&- &
  collector_pid=$!
  wait_for collector_answers 30 "$collector_pid" "the collector does not answer" "$logs/collector.log"
}

start_agent() {
  setsid "$bin/hoptrail-agent" --config "$config/agent.yaml" \
    </dev/null >>"$logs/agent.log" 2>&1 9>&- &
  agent_pid=$!
  wait_for connected 60 "$agent_pid" "the agent does not connect" "$logs/agent.log"
}

print_locations() {
  local address
  address=$(sed -n 's/^ *- address: "\(127[^"]*\)"$/\1/p' "$config/collector.yaml" | head -n 1)
  cat <<TEXT

Configuration  $config/collector.yaml, agent.yaml
Certificates   $pki
Store          $state/collector
Logs           $logs/collector.log, agent.log

Query it, from another terminal:
  $bin/hoptrail --collector unix:$socket sessions
or over mutual TLS, as from another host (hosts, sessions, detections, incidents, path, ack,
resolve; help shows more):
  $bin/hoptrail --collector ${address:-127.0.0.1:7443} --ca $pki/ca.crt \\
    --certificate $pki/operator-quickstart.crt --key $pki/operator-quickstart.key incidents

TEXT
}

run() {
  prepare_state
  say "Starting the collector and the agent …"
  start_collector
  start_agent
  ask hosts --coverage
  print_locations
  say "Following detections; Ctrl-C stops everything."
  setsid "$bin/hoptrail" --collector "unix:$socket" detections --watch </dev/null 9>&- &
  watch_pid=$!
  wait -n "$collector_pid" "$agent_pid" "$watch_pid" || true
  [[ -z $stopping ]] || return 0
  kill -0 "$collector_pid" 2>/dev/null || fail_with_log "the collector has ended" "$logs/collector.log"
  kill -0 "$agent_pid" 2>/dev/null || fail_with_log "the agent has ended" "$logs/agent.log"
  fail "the watch has ended"
}

# The demonstration begins anew each time; the files of the last one are removed.
demo() {
  mkdir -p "$state" # Not with umask 077: users of the hosts read files in it.
  chmod 0700 "$state"
  exec 9>"$state/lock"
  flock -n 9 || fail "a quickstart with --state $state is running already"
  rm -rf --one-file-system "$state/demo"
  mkdir "$state/demo"
  setsid /usr/bin/python3 "$source_root/tests/lab/demo.py" --binaries "$bin" \
    --state "$state/demo" </dev/null 9>&- &
  demo_pid=$!
  local status=0
  wait "$demo_pid" || status=$?
  demo_pid=
  return "$status"
}

build
case $mode in
  build) say "Built: $bin" ;;
  run) run ;;
  demo) demo ;;
esac
