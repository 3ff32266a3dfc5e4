#!/usr/bin/env bash
# Runs the case files under AddressSanitizer and UndefinedBehaviorSanitizer, and with several
# threads under ThreadSanitizer.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/ci/cases.sh

# One instruction set, because such builds take long; the fuzzer covers the portable one.
isa=portable
case $(uname -m) in x86_64) isa=avx2 ;; aarch64 | arm64) isa=neon ;; esac

# build FOLDER SANITIZERS
build() {
  cmake -S . -B "build/$1" -DNANO_GPT_ADDON=OFF -DNANO_GPT_CUDA=off -DNANO_GPT_SANITIZE="$2" -DNANO_GPT_INSTRUCTION_SETS=$isa \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-O1" >/dev/null
  cmake --build "build/$1" -j "$(nproc)" >/dev/null
}

build asan 'address;undefined'
build tsan thread
export ASAN_OPTIONS=abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1
echo "address and undefined behavior"
run_cases $isa 1 "$PWD/build/asan/Release/nano-run" --threads 2
echo "threads"
run_cases $isa 1 "$PWD/build/tsan/Release/nano-run" --threads 3
