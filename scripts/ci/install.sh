#!/usr/bin/env bash
# Installs the packed package in all ways that users do, each in an empty folder: with a prebuilt
# binary and without one, with and without install scripts and tools, with binaries that don't load.
# Each project then trains on the device that it must have. Requires build/Release/nano_gpt.node,
# which serves as the prebuilt binary. READY=1: nothing is compiled, which takes most of the time.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. scripts/ci/steps.sh
root=$PWD
chmod 755 "${work:?}"
unset CI NANO_GPT_REQUIRE_NATIVE
export npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false
npm12=12.2.2

# Commands of a machine without CMake, and of one that has CMake but no compiler.
mkdir "$work/bin" "$work/cmake-only"
for tool in node npm npx sh bash env tar gzip mkdir rm cat ls uname; do ln -s "$(command -v $tool)" "$work/bin/$tool"; done
cp -a "$work/bin/." "$work/cmake-only"
for tool in cmake ninja make; do [ -z "$(command -v $tool)" ] || ln -s "$(command -v $tool)" "$work/cmake-only/$tool"; done

# pack: makes $bare, the package as `npm pack` makes it without prebuilt binaries, and $full, the
# same with the one for this machine.
platform=$(node -p 'process.platform + "-" + process.arch')
binary=prebuilds/$platform/nano-gpt.glibc.node
pack() {
  mkdir "$work/staged" "$work/tarballs" &&
    npm pack --silent --ignore-scripts --pack-destination "$work" >/dev/null &&
    tar -xzf "$work"/nano-gpt-*.tgz -C "$work/staged" &&
    rm -rf "$work/staged/package/prebuilds" "$work"/nano-gpt-*.tgz &&
    tar -czf "$work/tarballs/bare.tgz" -C "$work/staged" package &&
    mkdir -p "$work/staged/package/prebuilds/$platform" &&
    strip --strip-unneeded -o "$work/staged/package/$binary" build/Release/nano_gpt.node &&
    tar -czf "$work/tarballs/full.tgz" -C "$work/staged" package
}
bare=$work/tarballs/bare.tgz
full=$work/tarballs/full.tgz

# user NAME: creates an empty project in $work/NAME and enters it.
user() {
  mkdir -p "$work/$1" && cd "$work/$1" && echo '{ "private": true }' >package.json
}

# expect DEVICE [TEXT]: trains and generates in the project. `device: 'auto'` must select DEVICE, and
# a warning must contain TEXT. Without TEXT, there must be none.
expect() {
  local said
  said=$(node -e '
    const { train } = require("nano-gpt")
    const run = train({ data: { text: "to be or not to be, that is the question. ".repeat(50) }, preset: "bigram", steps: 20, evalBatches: 2 })
    run.then(async (model) => {
      if (model.device !== process.argv[1]) throw new Error(`trained on ${model.device}, not ${process.argv[1]}`)
      const text = await model.generate({ maxTokens: 10, seed: 1 })
      if (text.length !== 10) throw new Error(`generated ${JSON.stringify(text)}`)
    })' "$1" 2>&1) || { echo "$said"; return 1; }
  if [ -n "${2:-}" ]; then
    case $said in *"$2"*) ;; *) echo "no warning says \"$2\", but: $said"; return 1 ;; esac
  elif [ -n "$said" ]; then
    echo "unexpected: $said"
    return 1
  fi
  echo "trained on $1${said:+: $said}"
}
slow='using plain TypeScript, which is much slower: '
remedy='`npx nano-gpt build` compiles the native engine'

# limits: what a user's project may contain.
limits() {
  local size packages
  size=$(du -sm node_modules | cut -f1)
  packages=$(find node_modules -name package.json | grep -cE 'node_modules/(@[^/]+/)?[^/]+/package.json$')
  echo "$packages packages, $size MB"
  [ "$size" -le 25 ] && [ "$packages" -le 45 ]
}

prebuilt() { # No tool is necessary, and the script has nothing to do.
  user prebuilt && PATH=$work/bin npm install --foreground-scripts "$full" >log.txt || { cat log.txt; return 1; }
  grep "the native engine is ready ($binary)" log.txt || { cat log.txt; return 1; }
  PATH=$work/bin expect cpu && limits &&
    node --input-type=module -e 'import { train, load, generate, devices } from "nano-gpt"; if (!train || !load || !generate || devices().length < 2) process.exit(1)'
}
ignored_scripts() {
  user ignored-scripts && npm install --silent --ignore-scripts "$full" && expect cpu
}
# What users type first, as the README has it.
readme() {
  local line
  line=$(grep -E '^npm install nano-gpt && npx nano-gpt demo' "$root/README.md" | sed "s| nano-gpt | $full |; s|demo.*|demo --seconds 5|")
  [ -n "$line" ] || { echo 'the README has no "npm install nano-gpt && npx nano-gpt demo"'; return 1; }
  user readme && bash -c "$line" >log.txt 2>&1 && grep 'What to try next' log.txt || { cat log.txt; return 1; }
}
npm_12() { # It runs no install scripts of dependencies.
  user npm-12 && npm install --silent --ignore-scripts "npm@$npm12" && npx npm --version | grep "^$npm12$" &&
    npx npm install --silent "$full" && expect cpu
}
# Neither runs install scripts of dependencies unless told to.
pnpm() {
  user pnpm && npx --yes --silent pnpm@10.34.9 add --silent "$full" && expect cpu
}
yarn() {
  user yarn && npx --yes --silent yarn@1.22.22 add --silent --ignore-scripts "$full" && expect cpu
}
difficult_path() {
  user 'my projects/größe 文字 🙂' && npm install --silent "$full" && expect cpu && npx nano-gpt info | grep -A1 'Native engine'
}
offline() { # With a warm cache.
  user offline && npm install --silent --offline "$full" && expect cpu
}
no_home() {
  user no-home && npm install --silent "$full" && env -u HOME -u NANO_GPT_CACHE node -e 'require("nano-gpt").devices()' &&
    HOME=/nonexistent expect cpu
}
# Neither the package nor the working directory can be written, and there is no home directory. Root
# can write anything, so this runs as another user.
as_nobody() {
  if [ "$(id -u)" = 0 ]; then setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; else "$@"; fi
}
read_only() {
  user read-only && npm install --silent --ignore-scripts "$full" && chmod -R a-w . || return 1
  export -f expect
  HOME=/nonexistent as_nobody bash -c 'expect cpu; result=$?; touch x 2>/dev/null && { echo "the folder can be written"; exit 1; }; exit $result'
  local result=$?
  chmod -R u+w .
  return $result
}

# without_binary NAME TOOLS TEXT: the script says TEXT, and the first use warns.
without_binary() {
  user "$1" && PATH=$2 npm install --foreground-scripts "$bare" >log.txt 2>&1 || { cat log.txt; return 1; }
  grep "$3" log.txt && grep 'run `npx nano-gpt build`' log.txt || { cat log.txt; return 1; }
  PATH=$2 expect js "$slow" && PATH=$2 expect js "$remedy"
}
no_cmake() { without_binary no-cmake "$work/bin" 'CMake was not found'; }
no_compiler() { without_binary no-compiler "$work/cmake-only" 'the native engine could not be compiled'; }

# Scripts are blocked, so the first use says what to do, and that works.
builds_on_demand() {
  user on-demand && npm install --silent --ignore-scripts "$bare" && expect js "$remedy" || return 1
  [ -n "${READY:-}" ] && return
  CCACHE_BASEDIR=$PWD npx nano-gpt build && expect cpu && limits
}

# broken NAME TEXT: the binary $work/NAME.node doesn't load. The script and the first use both print
# TEXT and continue without the binary.
broken() {
  user "broken-$1" && npm install --silent --ignore-scripts "$full" && cp "$work/$1.node" "node_modules/nano-gpt/$binary" || return 1
  PATH=$work/bin expect js "$2" || return 1
  (cd node_modules/nano-gpt && PATH=$work/bin node scripts/install.js) | grep "$2" &&
    # Built here, but damaged since: the prebuilt binary replaces it.
    mkdir -p node_modules/nano-gpt/build/Release && mv "node_modules/nano-gpt/$binary" node_modules/nano-gpt/build/Release/nano_gpt.node &&
    cp "$work/staged/package/$binary" "node_modules/nano-gpt/$binary" && expect cpu "$2"
}
damaged() { echo 'not a binary' >"$work/damaged.node" && broken damaged "can't be used"; }
crashes() {
  echo '#include <stdlib.h>
    __attribute__((constructor)) static void crash(void) { abort(); }' | cc -shared -fPIC -x c - -o "$work/crashes.node" &&
    broken crashes 'loading it ended with SIGABRT'
}
lacks_symbols() { # As with another libc.
  echo 'void missing_function(void);
    void napi_register_module_v1(void) { missing_function(); }' | cc -shared -fPIC -Wl,-z,now -x c - -o "$work/lacks.node" &&
    broken lacks 'undefined symbol: missing_function'
}

[ -f build/Release/nano_gpt.node ] || npm run --silent build:native || exit 1
step pack pack || exit 1
step contents node scripts/ci/pack.js

# several STEP...: each is named as its function, with - for _.
several() {
  local each
  for each in "$@"; do step "$each" "${each//-/_}"; done
}
# npm uses one core, so two of these run at a time.
(
  several prebuilt npm-12 pnpm yarn difficult-path offline no-home no-compiler
  exit $bad
) >"$work/first.txt" 2>&1 &
several ignored-scripts readme read-only no-cmake damaged crashes lacks-symbols
wait $! || bad=1
cat "$work/first.txt"
several builds-on-demand
finish 'installation'
