#!/usr/bin/env bash
# Fails when a C++ file does not follow .clang-format. Correct it with: tests/format.sh --fix
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mapfile -d '' files < <(find core agent collector cli tests \( -name '*.cc' -o -name '*.h' \) -print0)
if [[ ${1:-} == --fix ]]; then
  # Only the files that need it: a rewritten file is built again.
  mapfile -t wrong < <(clang-format --dry-run "${files[@]}" 2>&1 | grep -oE '^[^ :]+:[0-9]+:' | cut -d: -f1 | sort -u)
  ((${#wrong[@]} == 0)) || clang-format -i "${wrong[@]}"
else
  clang-format --dry-run --Werror "${files[@]}"
fi
