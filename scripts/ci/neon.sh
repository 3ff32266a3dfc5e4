#!/usr/bin/env bash
# Compiles the engine for 64-bit Arm and runs the case files under qemu: all with the NEON kernels, and
# a share with the portable ones, which npm test runs on this processor.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/ci/cases.sh
. scripts/ci/arm64.sh
build_arm64
run_cases neon 1 qemu-aarch64 "$PWD/build/neon/Release/nano-run" --threads 2
run_cases portable 4 qemu-aarch64 "$PWD/build/neon/Release/nano-run" --threads 2
