#!/usr/bin/env bash
# Fuzzes every function of the addon, guided by coverage and under AddressSanitizer and
# UndefinedBehaviorSanitizer, and the readers of files: see hostile/main.js, which gets the arguments.
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts/ci/build_fuzzers.sh
# A library that Node loads doesn't bring the sanitizers' runtime, which must be loaded first.
SANITIZERS=$(clang++ -print-file-name="libclang_rt.asan-$(uname -m).so")
export SANITIZERS
# Node ends without freeing everything. Where there is no memory, the engine's error is expected.
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1
exec node scripts/ci/hostile/main.js "$@"
