#!/usr/bin/env bash
# Formats the C++ sources. With --check, lists the files that are not formatted and fails.
set -eu
cd "$(dirname "$0")/../.."
mapfile -t sources < <(git ls-files --cached --others --exclude-standard 'native/**/*.cc' 'native/**/*.h' 'native/**/*.cu' 'native/**/*.cuh' 'native/metal/*.metal' 'native/**/*.mm' 'binding/*.cc' 'binding/*.h')
if [ "${1:-}" = --check ]; then
  clang-format --dry-run --Werror "${sources[@]}"
else
  clang-format -i "${sources[@]}"
fi
