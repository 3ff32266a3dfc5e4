#!/usr/bin/env bash
# Runs the case files with the instruction set blas. Accelerate exists only on macOS; here OpenBLAS,
# which has the same function, replaces it.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/ci/cases.sh
library=$(find /usr/lib -name libopenblas.so -print -quit)
if [ -z "$library" ]; then
  echo "no BLAS here: install libopenblas-dev"
  exit 1
fi
cmake -S . -B build/blas -DNANO_GPT_ADDON=OFF -DNANO_GPT_CUDA=off -DNANO_GPT_WERROR=ON -DNANO_GPT_INSTRUCTION_SETS=blas -DNANO_GPT_BLAS="$library" \
  -DCMAKE_CXX_FLAGS_RELEASE=-O1 >/dev/null
cmake --build build/blas -j "$(nproc)" >/dev/null
run_cases blas 1 "$PWD/build/blas/Release/nano-run" --threads 2
