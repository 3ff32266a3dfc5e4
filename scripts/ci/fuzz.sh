#!/usr/bin/env bash
# Fuzzes decoding, checking, planning and running of Programs with libFuzzer, starting from the
# Programs of real models and from the inputs that earlier runs found to reach other code.
# SECONDS_TO_FUZZ sets the duration (default: 45). FUZZ_CORPUS=FOLDER keeps the inputs that reach new
# code, for the next time. After an hour or so they can replace the committed ones:
#   tar -C FOLDER -cJf test/fixtures/programs.tar.xz .
set -euo pipefail
cd "$(dirname "$0")/../.."
seeds=$(mktemp -d)
smallest=$(mktemp -d)
trap 'rm -rf "$seeds" "$smallest"' EXIT
node scripts/ci/seed_programs.js "$seeds"
tar -C "$seeds" -xJf test/fixtures/programs.tar.xz
scripts/ci/build_fuzzers.sh
fuzzer=$(find build/fuzz/build -name nano-fuzz-program -type f)
limits=(-max_len=65536 -timeout=20 -rss_limit_mb=4096 -artifact_prefix=build/fuzz/)
corpus=$seeds
if [ -n "${FUZZ_CORPUS:-}" ]; then
  # Drops inputs that reach no code which another one doesn't reach.
  mkdir -p "$FUZZ_CORPUS"
  "$fuzzer" -merge=1 "$smallest" "$seeds" "$FUZZ_CORPUS" "${limits[@]}"
  rm -rf "$FUZZ_CORPUS" && cp -r "$smallest" "$FUZZ_CORPUS"
  corpus=$FUZZ_CORPUS
fi
# New inputs are written to the corpus.
"$fuzzer" "$corpus" "${limits[@]}" -max_total_time="${SECONDS_TO_FUZZ:-45}" -print_final_stats=1
