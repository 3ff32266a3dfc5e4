#!/usr/bin/env bash
# Tests the Metal backend without a Mac (docs/gpu-testing.md): Clang checks every shader, and the
# emulated GPU runs them, with the real driver on stub versions of Apple's frameworks. Nothing is
# skipped: a step that cannot run fails. CASES=FOLDER uses existing case files.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
. scripts/ci/steps.sh
build=build/metal

build() {
  cmake -S . -B $build -DNANO_GPT_METAL=emulated -DNANO_GPT_CUDA=off -DNANO_GPT_WERROR=ON -DNANO_GPT_INSTRUCTION_SETS=avx2 \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS=-DNANO_SANITIZING -DCMAKE_CXX_FLAGS_RELEASE="-O2 -DNDEBUG" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >"$work/build.txt" 2>&1 &&
    cmake --build $build -j "$jobs" --target all nano-gemm-test >"$work/build.txt" 2>&1 || { tail -n 40 "$work/build.txt"; return 1; }
}
# APIs newer than the oldest supported macOS must be used under @available only. Clang compiles for
# that macOS with this system's C++ library, whose headers don't support macOS: hence -U and -D.
availability() {
  local clang oldest folder said options=()
  clang=$(sed -n 's/^NANO_OBJCXX_COMPILER:[^=]*=//p' $build/CMakeCache.txt)
  oldest=$(sed -nE 's/^set\(CMAKE_OSX_DEPLOYMENT_TARGET "([0-9.]+)".*/\1/p' CMakeLists.txt)
  for folder in $(c++ -E -x c++ -v /dev/null 2>&1 | sed -n '/^#include </,/^End/s/^ //p'); do
    case $folder in
      */c++/*) options+=(-isystem "$folder") ;;
      *) options+=(-idirafter "$folder") ;;
    esac
  done
  options+=(-target "x86_64-apple-macos${oldest:?}" -nostdinc++ -U__nonnull -D_GNU_SOURCE -std=c++20 -fsyntax-only -fblocks
    -fobjc-arc -Wall -Wextra -Werror -Wunguarded-availability-new -Inative -Inative/emulate/metal)
  "${clang:?}" "${options[@]}" native/metal/driver.mm || return 1
  # Proves that the check can fail.
  said=$("$clang" "${options[@]}" -x objective-c++ - 2>&1 <<<'#import <Metal/Metal.h>
    MTLLanguageVersion version() { return MTLLanguageVersion3_0; }')
  grep -q 'only available on macOS 13.0 or newer' <<<"$said" || { echo "$said"; return 1; }
}
# Makes each Metal call that can fail do so in turn, during an update of a model.
failing_calls() {
  seq "$jobs" | SIMT_QUIET=1 xargs -P "$jobs" -I '{}' \
    $build/Release/nano-gpu-test "--share={}/$jobs" "$(ls "$cases"/*-program-update-of-a-bigram.case)"
}
# Whole runs, and the messages about GPUs that can't be used.
typescript() {
  mkdir -p $build/addon/build && ln -sfn ../../Release $build/addon/build/Release &&
    NANO_GPT_TEST_DEVICE=metal NANO_GPT_PREBUILD=$build/addon npx jest --config test/gpu/jest.config.js --maxWorkers "$jobs"
}

step build build || exit 1
step availability availability
step emulator $build/Release/nano-msl-test
step write-cases . scripts/ci/cases.sh || exit 1
run="node scripts/gpu_cases.js --device metal --build $build --cases $cases --jobs $jobs"
step cases $run --work 1e6
# The product compiles without fast math, which assumes no NaN and simplifies the low halves of
# double-floats to 0. So this step leaves out cases that need either.
SIMT_FAST_MATH=1 step cases-with-fast-math $run --work 3e5 --each 100 --schedules ascending \
  --without 'NaN|[Ii]nfinit|^sample |^clip_scale norm 1.5, max 1e-3$'
step cases-in-the-arena $run --runner $build/Release/nano-run-arena --work 1e6 --each 100 --schedules shuffle:5
SIMT_RACES=1 step races $run --work 3e5 --each 60 --schedules ascending,shuffle
step products products $build/Release/nano-gemm-test f32 tf32 'bf16 to f32' 'bf16 to bf16' 'f16 to f32'
step failing-calls failing_calls
step typescript typescript
step mutants mutants metal
finish Metal
