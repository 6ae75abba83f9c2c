#!/usr/bin/env bash
# Runs clang-tidy on the files that differ from main, committed or not, on everything with --all, or
# on the named files. Every file is one test; the last line is `N passed, N failed`. TIDY_JOBS in the
# environment sets how many run at a time.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
build=build/release
directories=(agent cli collector core tests)

usage() {
  echo "usage: tests/tidy.sh [--all | FILE...]" >&2
  exit 2
}

# Maps the files on standard input to those that clang-tidy can check: a header is checked with its
# source file, or else with its test.
sources() {
  local file stem
  while read -r file; do
    stem=${file%.*}
    case $file in
      tests/fuzz/*) ;; # Not compiled by the preset release.
      *.cc) [[ -e $file ]] && echo "$file" ;;
      *.h) for file in "$stem.cc" "${stem}_test.cc"; do
        [[ -e $file ]] && echo "$file" && break
      done ;;
    esac
  done | sort -u
}

changed() {
  local base
  base=$(git merge-base HEAD main 2>/dev/null || git merge-base HEAD origin/main 2>/dev/null) ||
    base=HEAD
  git diff --name-only "$base" -- "${directories[@]}"
  git ls-files --others --exclude-standard -- "${directories[@]}"
}

case ${1-} in
  --all) mapfile -t files < <(git ls-files -- "${directories[@]}" | sources) ;;
  -*) usage ;;
  "") mapfile -t files < <(changed | sources) ;;
  *) files=("$@") ;;
esac
if ((${#files[@]} == 0)); then
  echo "no file differs from main"
  exit 0
fi

# The sources include generated headers.
if ! { cmake --preset release && cmake --build --preset release --target proto bpf_skeleton; } >/dev/null; then
  echo "clang-tidy needs the preset release, which does not build" >&2
  exit 1
fi

check() {
  local out
  if out=$(clang-tidy -p "$1" --quiet "$2" 2>&1); then
    echo "passed $2"
  else
    # Findings in a header may appear for several sources.
    grep -v -E '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -header-filter' <<<"$out"
    echo "FAILED $2"
  fi
}
export -f check
log=$(mktemp)
trap 'rm -f "$log"' EXIT
printf '%s\0' "${files[@]}" |
  xargs -0 -P "${TIDY_JOBS:-$(nproc)}" -I{} bash -c 'check "$@"' _ "$build" {} | tee "$log"
passed=$(grep -c '^passed ' "$log")
failed=$((${#files[@]} - passed))
echo "$passed passed, $failed failed"
((failed == 0))
