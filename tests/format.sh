#!/usr/bin/env bash
# Fails when a C++ file does not follow .clang-format. Correct it with: tests/format.sh --fix
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mapfile -d '' files < <(find core agent collector cli tests \( -name '*.cc' -o -name '*.h' \) -print0)
if [[ ${1:-} == --fix ]]; then
  clang-format -i "${files[@]}"
else
  clang-format --dry-run --Werror "${files[@]}"
fi
