#!/bin/bash
# Makes a certificate authority and the certificates of Hoptrail's programs, with openssl alone.
#
# Meant for tests, for the quickstart and for small fleets. The authority's key is stored
# unencrypted in DIR: keep DIR on a machine that is trusted as much as the whole fleet, and copy
# from it to each host only ca.crt and that host's own pair.
set -euo pipefail

readonly AUTHORITY_DAYS=3650
readonly LEAF_DAYS=825

usage() {
  cat <<'TEXT'
Usage:
  certificates.sh init DIR                                  a new authority: ca.crt, ca.key
  certificates.sh collector DIR NAME [DNS:x | IP:y | x ...] collector.crt, collector.key
  certificates.sh agent DIR MACHINE_ID [HOST_NAME]          agent-MACHINE_ID.crt, .key
  certificates.sh reader DIR NAME                           reader-NAME.crt, .key
  certificates.sh operator DIR NAME                         operator-NAME.crt, .key

init makes DIR (mode 0700). No existing file is overwritten. A collector's certificate is valid for
NAME and for every further name or address. MACHINE_ID is the 32 hexadecimal digits of that host's
/etc/machine-id. With HOST_NAME the collector shows the host under this name, whatever its agent says.
A certificate names its owner in a URI: spiffe://hoptrail/ROLE/NAME.
TEXT
}

fail() {
  printf 'certificates.sh: %s\n' "$1" >&2
  exit 1
}

usage_error() {
  printf 'certificates.sh: %s\n\n' "$1" >&2
  usage >&2
  exit 2
}

# Runs openssl; shows its output only when it fails.
run_openssl() {
  local output
  output=$(openssl "$@" 2>&1 >/dev/null) || fail "openssl $1 failed: $output"
}

check_name() {
  [[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$ ]] ||
    usage_error "'$1' is not a valid name; use 1 to 63 characters of A-Z a-z 0-9 . _ -"
}

# new_pair BASE COMMON_NAME DAYS EXTENSIONS [AUTHORITY_DIR]: makes BASE.key and BASE.crt,
# self-signed if no authority is given. The pair appears under its name only when complete.
new_pair() {
  local base=$1 common_name=$2 days=$3 extensions=$4 authority=${5:-}
  local file
  for file in "$base.crt" "$base.key"; do
    [[ ! -e $file && ! -L $file ]] || fail "$file exists; it is not overwritten"
  done

  scratch=$(mktemp -d "$(dirname "$base")/.new.XXXXXXXX")
  printf '%s\n' "$extensions" >"$scratch/extensions"
  cat >"$scratch/request" <<TEXT
[req]
prompt = no
distinguished_name = name
[name]
O = hoptrail
CN = $common_name
TEXT
  run_openssl req -new -config "$scratch/request" -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
    -pkeyopt ec_param_enc:named_curve -nodes -sha256 -keyout "$scratch/key" -out "$scratch/csr"
  local signer=(-signkey "$scratch/key")
  [[ -z $authority ]] || signer=(-CA "$authority/ca.crt" -CAkey "$authority/ca.key")
  # A serial of 127 random bits: positive, and never the same for two certificates.
  local serial
  serial=$(openssl rand -hex 16)
  run_openssl x509 -req -in "$scratch/csr" "${signer[@]}" -sha256 -days "$days" \
    -set_serial "0x7${serial:1}" -extfile "$scratch/extensions" -out "$scratch/crt"
  chmod 0600 "$scratch/key"
  chmod 0644 "$scratch/crt"
  # ln does not replace a file that was created meanwhile, as mv would.
  ln "$scratch/key" "$base.key" || fail "cannot write $base.key"
  ln "$scratch/crt" "$base.crt" || {
    rm -f "$base.key"
    fail "cannot write $base.crt"
  }
  rm -rf "$scratch"
  scratch=
  printf '%s.crt\n%s.key\n' "$base" "$base"
}

leaf_extensions() {  # USAGE ALTERNATIVE_NAMES
  cat <<TEXT
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = $1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = $2
TEXT
}

require_authority() {
  [[ -r $1/ca.crt && -r $1/ca.key ]] ||
    fail "there is no authority in $1; make one: certificates.sh init $1"
}

command_init() {
  [[ $# -eq 1 ]] || usage_error "init takes DIR"
  mkdir -p -- "$1"
  chmod 0700 -- "$1"
  new_pair "$1/ca" "hoptrail authority" "$AUTHORITY_DAYS" \
    "basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash"
}

command_collector() {
  [[ $# -ge 2 ]] || usage_error "collector takes DIR NAME [DNS:x | IP:y | x ...]"
  local dir=$1 name=$2
  shift
  check_name "$name"
  require_authority "$dir"
  local names="URI:spiffe://hoptrail/collector/$name" extra
  for extra in "$@"; do
    case $extra in
      DNS:* | IP:*) ;;
      *:* | [0-9]*.[0-9]*.[0-9]*.[0-9]*) extra=IP:$extra ;;
      *) extra=DNS:$extra ;;
    esac
    [[ $extra =~ ^DNS:[A-Za-z0-9*][A-Za-z0-9._*-]*$ || $extra =~ ^IP:[0-9A-Fa-f:.]+$ ]] ||
      usage_error "'$extra' is neither a DNS name nor an IP address"
    names+=", $extra"
  done
  new_pair "$dir/collector" "$name" "$LEAF_DAYS" "$(leaf_extensions serverAuth "$names")" "$dir"
}

command_agent() {
  [[ $# -eq 2 || $# -eq 3 ]] || usage_error "agent takes DIR MACHINE_ID [HOST_NAME]"
  local dir=$1 machine_id=${2,,}
  machine_id=${machine_id//-/}
  [[ $machine_id =~ ^[0-9a-f]{32}$ ]] ||
    usage_error "'$2' is not a machine id; use 32 hexadecimal digits"
  local names="URI:spiffe://hoptrail/agent/$machine_id"
  if [[ $# -eq 3 ]]; then
    check_name "$3"
    names+=", URI:spiffe://hoptrail/host-name/$3"
  fi
  require_authority "$dir"
  new_pair "$dir/agent-$machine_id" "$machine_id" "$LEAF_DAYS" \
    "$(leaf_extensions clientAuth "$names")" "$dir"
}

command_person() {  # ROLE DIR NAME
  [[ $# -eq 3 ]] || usage_error "$1 takes DIR NAME"
  check_name "$3"
  require_authority "$2"
  new_pair "$2/$1-$3" "$3" "$LEAF_DAYS" \
    "$(leaf_extensions clientAuth "URI:spiffe://hoptrail/$1/$3")" "$2"
}

scratch=
trap '[[ -z $scratch ]] || rm -rf "$scratch"' EXIT
umask 077
[[ $# -gt 0 ]] || usage_error "a command is missing"
command=$1
shift
case $command in
  -h | --help | help)
    usage
    exit 0
    ;;
  init | collector | agent | reader | operator) ;;
  *) usage_error "unknown command '$command'" ;;
esac
command -v openssl >/dev/null || fail "openssl is missing; apt-get install openssl"
case $command in
  reader | operator) command_person "$command" "$@" ;;
  *) "command_$command" "$@" ;;
esac
