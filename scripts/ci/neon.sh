#!/usr/bin/env bash
# Compiles the engine for 64-bit Arm and runs the case files with the NEON kernels under qemu.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/ci/cases.sh
. scripts/ci/arm64.sh
build_arm64
for isa in neon portable; do
  echo "$isa"
  find "$cases" -name '*.case' -print0 | xargs -0 qemu-aarch64 build/neon/Release/nano-run --isa $isa --threads 2 | awk '/^FAIL/ { print; bad++ } END { print NR " lines"; exit bad > 0 }'
done
