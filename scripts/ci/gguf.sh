#!/usr/bin/env bash
# Exports small models as GGUF, and compares what llama.cpp computes with them: tokens, probabilities
# and greedy text. On Linux x64.
# TOOLS=FOLDER keeps llama.cpp, half a minute of unpacking, from one run to the next.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. scripts/ci/steps.sh
tools=${TOOLS:-$work/tools}

# Optional packages would be llama.cpp for other machines, which have hundreds of megabytes.
tools() {
  mkdir -p "$tools" && cp scripts/ci/gguf/package.json scripts/ci/gguf/judge.mjs "$tools" &&
    npm install --prefix "$tools" --silent --no-save --no-audit --no-fund --ignore-scripts --prefer-offline --omit=optional
}
models() {
  { [ -d dist ] || npm run --silent build; } && { [ -f build/Release/nano_gpt.node ] || npm run --silent build:native; } &&
    node scripts/export_models.js "$work/models" gguf
}
judge() { node "$tools/judge.mjs" "$work/models"; }

step llama.cpp tools && step models models && step judge judge
finish gguf
