#!/usr/bin/env bash
# Compiles the engine for 64-bit Arm and runs the case files with the NEON kernels under qemu.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/ci/cases.sh
cmake -S . -B build/neon -DNANO_GPT_ADDON=OFF -DNANO_GPT_CUDA=off -DNANO_GPT_WERROR=ON -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
  -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ -DCMAKE_EXE_LINKER_FLAGS=-static >/dev/null
cmake --build build/neon -j "$(nproc)" >/dev/null
for isa in neon portable; do
  echo "$isa"
  find "$cases" -name '*.case' -print0 | xargs -0 qemu-aarch64 build/neon/Release/nano-run --isa $isa --threads 2 | awk '/^FAIL/ { print; bad++ } END { print NR " lines"; exit bad > 0 }'
done
