#!/usr/bin/env bash
# Rehearses scripts/gpu.sh on a bare machine (docs/gpu-testing.md, "On a real GPU"). Packs programs for the
# emulated GPU, then runs the packed folder in an empty directory without git, with node, npm and xz hidden:
# everything, then single parts, then a run that is interrupted. OUT must receive only a few small files
# with simple names.
#
#   scripts/gpu_pack_rehearsal.sh [--keep]   --keep keeps the directory and prints its path
set -euo pipefail
cd "$(dirname "$0")/.."
keep=''
[ "${1:-}" != --keep ] || keep=1
pack=build/gpu-rehearsal.tar.xz
XZ_OPT='-0 -T0' scripts/gpu.sh --rehearse --pack $pack --prebuilt

place=$(mktemp -d)
if [ -n "$keep" ]; then echo "$place"; else trap 'rm -rf "$place"' EXIT; fi
folder=$place/tree out=$place/out tools=$place/tools
mkdir -p "$folder/build" "$out" "$tools"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$folder"
cp $pack "$folder/build/"
# All commands except those that a bare machine may lack.
IFS=: read -ra places <<<"$PATH"
for commands in "${places[@]}"; do
  find -L "$commands" -maxdepth 1 -type f -perm -u+x -exec ln -sf -t "$tools" {} + 2>/dev/null || true
done
rm -f "$tools"/{node,nodejs,npm,npx,xz,unxz,xzcat,cmake,nvcc,c++,g++}

cd "$folder"
problems=0
wrong() {
  echo "WRONG: $*"
  problems=$((problems + 1))
}
there=(env PATH="$tools" OUT="$out" scripts/gpu.sh --rehearse --unpack build/gpu-rehearsal.tar.xz --prebuilt --commit rehearsed)
# Exactly the report, its JSON and the logs; names of letters, digits, '.', '_' and '-'; at most 16
# MiB.
came_back() { # REPORT
  for end in md json tar.gz; do [ -s "$out/$1.$end" ] || wrong "$1.$end did not come back"; done
  [ "$(find "$out" -type f | wc -l)" = 3 ] || wrong "not three files: $(ls "$out")"
  find "$out" -mindepth 1 | grep -vE '/[A-Za-z0-9._-]+$' && wrong 'names that do not come back'
  find "$out" -size +16M | grep . && wrong 'files that are too large'
  tar -tzf "$out/$1.tar.gz" >/dev/null || wrong "$1.tar.gz can't be read"
  grep -q 'commit: rehearsed' "$out/$1.md" || wrong 'the report does not name the commit'
}
date=$(date +%Y-%m-%d)

"${there[@]}" --minutes 30 || wrong 'a part failed'
came_back "rehearsal-$date"
for part in losses-baby losses-decoder parity-bf16 products-gpt2 products-speed steps-bf16 profile-bf16 same-bits; do
  grep -q "^| passed | $part |" "$out/rehearsal-$date.md" || wrong "$part did not pass"
done
rm -f "$out"/*

echo '--- parts'
"${there[@]}" --minutes 10 --only losses-baby,parity-bf16 || wrong 'a part failed'
came_back "rehearsal-$date-only"
[ "$(cut -f 1 "gpu-results/rehearsal-$date-only/parts.tsv" | sort | xargs)" = 'losses-baby losses-baby-bf16 losses-baby-f32 parity-bf16' ] ||
  wrong 'other parts than those asked for'
rm -f "$out"/*

echo '--- no time'
"${there[@]}" --minutes 0.01 || true
came_back "rehearsal-$date"
grep -q 'skipped: no time left' "$out/rehearsal-$date.md" || wrong 'what was skipped is not in the report'
rm -f "$out"/*

echo '--- interrupted'
rm -r "gpu-results/rehearsal-$date-only"
"${there[@]}" --minutes 10 --only runtime,parity-f32 &
for _ in $(seq 3000); do
  [ ! -e "gpu-results/rehearsal-$date-only/parity-f32.log" ] || break
  sleep 0.2
done
kill $!
wait $! && wrong 'it ended as if nothing were missing'
came_back "rehearsal-$date-only"
grep -q 'parity-f32 | interrupted' "$out/rehearsal-$date-only.md" || wrong 'the report does not say what was interrupted'

echo "$problems problems"
[ $problems = 0 ]
