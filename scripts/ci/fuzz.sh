#!/usr/bin/env bash
# Fuzzes decoding, checking, planning and running of Programs with libFuzzer, starting from the
# Programs of real models. SECONDS_TO_FUZZ sets the duration (default: 45).
set -euo pipefail
cd "$(dirname "$0")/../.."
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
node scripts/ci/seed_programs.js "$corpus"
CXX=clang++ cmake -S . -B build/fuzz -DNANO_GPT_ADDON=OFF -DNANO_GPT_CUDA=off -DNANO_GPT_FUZZ=ON -DNANO_GPT_SANITIZE='address;undefined' \
  -DNANO_GPT_INSTRUCTION_SETS=portable -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-O1" >/dev/null
cmake --build build/fuzz -j "$(nproc)" --target nano-fuzz-program >/dev/null
fuzzer=$(find build/fuzz -name nano-fuzz-program -type f)
"$fuzzer" "$corpus" -max_total_time="${SECONDS_TO_FUZZ:-45}" -max_len=65536 -timeout=20 -rss_limit_mb=4096 -artifact_prefix=build/fuzz/ -print_final_stats=1
