#!/usr/bin/env bash
# Builds build/fuzz with Clang, sanitizers and counters of the edges taken: the Program fuzzer and
# the addon. fuzz.sh and hostile/hostile.sh share it, and may run at the same time.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p build/fuzz
exec 9>build/fuzz/lock
flock 9
CXX=clang++ cmake -S . -B build/fuzz/build -DNANO_GPT_CUDA=off -DNANO_GPT_FUZZ=ON -DNANO_GPT_SANITIZE='address;undefined' \
  -DNANO_GPT_INSTRUCTION_SETS=portable -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-O1" >/dev/null
cmake --build build/fuzz/build -j "$(nproc)" --target nano-fuzz-program nano_gpt >/dev/null
