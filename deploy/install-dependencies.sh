#!/bin/bash
# Installs the Debian 12 packages that Hoptrail is built from, runs with and is tested with.
#
# Uses the network only for missing packages, starts no service, and does not touch a running one.
set -euo pipefail

readonly BUILD=(
  build-essential cmake ninja-build pkg-config ca-certificates openssl
  clang llvm bpftool libbpf-dev libelf-dev zlib1g-dev libseccomp-dev
  libabsl-dev libprotobuf-dev protobuf-compiler libgrpc++-dev protobuf-compiler-grpc
  libsqlite3-dev libyaml-cpp-dev libcurl4-openssl-dev libssl-dev nlohmann-json3-dev
  libgtest-dev libgmock-dev
)
readonly RUN_COMMON=(
  libabsl20220623 libprotobuf32 libgrpc++1.51 libsqlite3-0 libyaml-cpp0.7 libssl3
)
readonly RUN_AGENT=("${RUN_COMMON[@]}" libbpf1 libelf1 libseccomp2 zlib1g)
readonly RUN_COLLECTOR=("${RUN_COMMON[@]}" libcurl4 ca-certificates)
readonly RUN=("${RUN_AGENT[@]}" "${RUN_COLLECTOR[@]}" openssl)
readonly DEMO=(
  openssh-server openssh-client sshpass iproute2 nftables procps util-linux
  python3 python3-grpcio python3-protobuf python3-yaml protobuf-compiler
)
readonly TEST_RUNNER=(python3)
readonly TEST=("${DEMO[@]}" jq clang-format clang-tidy libclang-rt-dev shellcheck buildah debootstrap runc
  cron dropbear-bin tinysshd tmux gdb qemu-system-x86 busybox-static cpio linux-perf socat haproxy
  python3-asyncssh)

usage() {
  cat <<'TEXT'
Usage: install-dependencies.sh SET...

Sets: build          compilers, generators, headers
      run            libraries of all programs, and openssl for certificates
      run-agent      libraries of hoptrail-agent alone
      run-collector  libraries of hoptrail-collector and hoptrail alone
      demo           programs for the demonstration: ssh, network namespaces, Python
      test-runner    Python for tests/run.sh
      test           the demo's packages and the tests' tools: containers, linters
TEXT
}

fail() {
  printf 'install-dependencies.sh: %s\n' "$1" >&2
  exit 1
}

readonly POLICY=/usr/sbin/policy-rc.d
readonly POLICY_KEPT=/usr/sbin/policy-rc.d.kept-by-hoptrail
readonly POLICY_MARK='# hoptrail: nothing is started while its dependencies are installed'

# Debian starts a service when it is installed, unless this program forbids it (invoke-rc.d(8)).
forbid_starting() {
  restore_policy # An earlier run that was killed may have left its own.
  if [[ -e $POLICY || -L $POLICY ]]; then mv -T "$POLICY" "$POLICY_KEPT"; fi
  printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_MARK" >"$POLICY"
  chmod 0755 "$POLICY"
}

restore_policy() {
  if [[ -f $POLICY ]] && grep -qxF "$POLICY_MARK" "$POLICY"; then rm -f "$POLICY"; fi
  if [[ -e $POLICY_KEPT || -L $POLICY_KEPT ]]; then mv -T "$POLICY_KEPT" "$POLICY"; fi
}

is_installed() {
  [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

[[ $# -gt 0 ]] || {
  usage >&2
  exit 2
}
wanted=()
for set in "$@"; do
  case $set in
    build) wanted+=("${BUILD[@]}") ;;
    run) wanted+=("${RUN[@]}") ;;
    run-agent) wanted+=("${RUN_AGENT[@]}") ;;
    run-collector) wanted+=("${RUN_COLLECTOR[@]}") ;;
    demo) wanted+=("${DEMO[@]}") ;;
    test-runner) wanted+=("${TEST_RUNNER[@]}") ;;
    test) wanted+=("${TEST[@]}") ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      printf "install-dependencies.sh: unknown set '%s'\n\n" "$set" >&2
      usage >&2
      exit 2
      ;;
  esac
done

command -v dpkg-query >/dev/null || fail "dpkg-query is missing; this script needs Debian 12"
missing=()
for package in "${wanted[@]}"; do
  is_installed "$package" || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

[[ $EUID -eq 0 ]] || fail "root is needed to install: ${missing[*]}"
printf 'Installing: %s\n' "${missing[*]}"
had_ssh_server=yes
is_installed openssh-server || had_ssh_server=no
had_tinysshd=yes
is_installed tinysshd || had_tinysshd=no

export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
readonly APT=(apt-get -q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3)
trap restore_policy EXIT
trap 'exit 130' INT TERM
forbid_starting
"${APT[@]}" update || fail "apt-get update failed; are the package sources reachable?"
"${APT[@]}" install -y --no-install-recommends "${missing[@]}" ||
  fail "apt-get install failed; Debian 12 (bookworm) has all of these packages"

# A server that was installed as a test dependency must not listen after the next boot either. The packages are
# installed all the same where that fails, so the person who runs this has to know.
disable_at_boot() {
  command -v "$1" >/dev/null || return 0
  "$@" || printf 'WARNING: %s failed: the server may listen after the next boot\n' "$*" >&2
}
if [[ $had_ssh_server == no ]] && is_installed openssh-server; then
  disable_at_boot systemctl --quiet disable ssh.service
  disable_at_boot update-rc.d ssh disable
fi
if [[ $had_tinysshd == no ]] && is_installed tinysshd; then
  disable_at_boot systemctl --quiet disable tinysshd.socket
fi
