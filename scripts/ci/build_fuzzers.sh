#!/usr/bin/env bash
# Builds the Program fuzzer and the addon with Clang, sanitizers and counters of the edges taken. fuzz.sh
# and hostile.sh share the build, and may run at the same time. The addon is looked for in a folder
# named build/Release, so the build is in build/fuzz/build.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p build/fuzz
exec 9>build/fuzz/lock
flock 9
CXX=clang++ cmake -S . -B build/fuzz/build -DNANO_GPT_CUDA=off -DNANO_GPT_FUZZ=ON -DNANO_GPT_SANITIZE='address;undefined' \
  -DNANO_GPT_INSTRUCTION_SETS=portable -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-O1" >/dev/null
cmake --build build/fuzz/build -j "$(nproc)" --target nano-fuzz-program nano_gpt >/dev/null
