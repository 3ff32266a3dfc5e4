#!/usr/bin/env bash
# Runs the packed package, with a prebuilt binary, in the runtimes, with the versions of TypeScript
# and behind the bundlers that users have. On Linux x64; no step is skipped, but for Next.js, which
# takes two minutes: NEXT=1 adds it.
#   scripts/ci/runtimes.sh [CHECK…]   default: all checks
# TOOLS=FOLDER keeps the tools, half a minute of unpacking, from one run to the next.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. scripts/ci/steps.sh
export root=$PWD work
export app=$work/app tools=${TOOLS:-$work/tools}
export NO_COLOR=1 DENO_NO_UPDATE_CHECK=1 DENO_DIR=$work/deno NEXT_TELEMETRY_DISABLED=1
unset CI FORCE_COLOR NANO_GPT_REQUIRE_NATIVE NANO_GPT_NATIVE NANO_GPT_PREBUILD

# A project with the package in it, as npm installs it. The binary is added to a copy of the package,
# because build/ in the checkout is never packed.
package() {
  { [ -d dist ] || npm run --silent build; } && { [ -f build/Release/nano_gpt.node ] || npm run --silent build:native; } &&
    npm pack --silent --ignore-scripts --pack-destination "$work" >/dev/null && tar -xzf "$work"/nano-gpt-*.tgz -C "$work" && rm "$work"/*.tgz &&
    mkdir -p "$work/package/prebuilds/linux-x64" && cp build/Release/nano_gpt.node "$work/package/prebuilds/linux-x64/nano-gpt.glibc.node" &&
    (cd "$work/package" && npm pack --silent --ignore-scripts --pack-destination "$work" >/dev/null) &&
    mkdir -p "$app" && echo '{ "name": "application", "private": true, "type": "commonjs" }' >"$app/package.json" &&
    npm install --prefix "$app" --silent --no-audit --no-fund --ignore-scripts "$work"/nano-gpt-*.tgz &&
    cp scripts/ci/short_run.js scripts/ci/runtimes/*.{js,mjs,mts} "$app"
}
# `npm ci` would refuse the lock file where the registry lacks an optional package of another platform.
tools() {
  mkdir -p "$tools" && cp scripts/ci/runtimes/package*.json "$tools" &&
    npm install --prefix "$tools" --silent --no-save --no-audit --no-fund --ignore-scripts --prefer-offline
}

# Both at once, since unpacking the tools takes as long as packing the package.
package_and_tools() {
  tools &
  package && wait $!
}

node_of() { echo "$tools/node_modules/node$1/bin/node"; }
bun() { "$tools/node_modules/@oven/bun-linux-x64/bin/bun" "$@"; }
deno() { "$tools/node_modules/@deno/linux-x64-glibc/deno" run --no-prompt "$@"; }

# says TEXT COMMAND…: the command prints TEXT and nothing else, such as a warning.
says() {
  local text=$1 output
  shift
  output=$("$@" 2>&1) && [ "$output" = "$text" ] || { echo "$output"; return 1; }
}
# trains FOLDER COMMAND…: the short run.
trains() {
  local folder=$1
  shift
  says 'short run: ok on cpu, paths with /' "$@" short_run.js nano-gpt "$folder" cpu
}
# mentions TEXT COMMAND…: TEXT is in the command's output. It goes to a file: into a pipe, Node
# loses what follows a long line, as of a minified bundle.
mentions() {
  local text=$1 output=$work/output.$BASHPID end=0
  shift
  "$@" >"$output" 2>&1 || end=$?
  grep -qF -- "$text" "$output" || { echo "\"$text\" is not in this output:"; tail -n 15 "$output" | cut -c 1-300; return 1; }
  return $end
}
# fails_with TEXT COMMAND…: the same, and the command fails.
fails_with() {
  if mentions "$@"; then echo "this must fail: ${*:2}"; return 1; fi
  grep -qF -- "$1" "$work/output.$BASHPID"
}

in_runtime() {
  trains "$work/$BASHPID" "$@" && says 'threads: ok' "$@" threads.js nano-gpt &&
    says 'contexts: ok' "$@" contexts.js nano-gpt && says 'modules: ok' "$@" modules.mjs
}
in_node() {
  local node
  node=$(node_of "$1")
  in_runtime "$node" && says 'lifetimes: ok' "$node" lifetimes.js nano-gpt
}
node20() { in_node 20; }
node22() { in_node 22; }
node24() { in_node 24; }
node26() { in_node 26; }
bun14() { in_runtime bun && bun_build; }
# Behind Bun's bundler, and in an executable whose name begins with Bun's: it must not take itself for
# Bun, or it would start itself without end to try the binary.
bun_build() {
  mkdir -p built && bun build program.mjs --target=bun --external nano-gpt --outfile built/program.mjs &&
    bun build program.mjs --compile --outfile built/bundled || return 1
  says 'trained on cpu, 10 characters' bun built/program.mjs &&
    rm -f node_modules/nano-gpt/prebuilds/linux-x64/.*.loads && # It must be tried again.
    says 'trained on cpu, 10 characters' timeout 30 built/bundled
}
deno29() { in_runtime deno -A; }

# The permissions of docs/runtimes.md, and the messages without them.
permissions() {
  local node runs=$work/permissions without='docs/runtimes.md of the package lists the permissions'
  node=$(node_of 24)
  mkdir -p "$runs"
  local files=("--allow-read=.,$runs" "--allow-write=$runs")
  trains "$runs" deno "${files[@]}" --allow-ffi=node_modules/nano-gpt &&
    trains "$runs" deno "${files[@]}" --allow-ffi=node_modules/nano-gpt --allow-run --allow-env &&
    mentions 'Requires ffi access' deno "${files[@]}" program.mjs &&
    mentions "$without" deno "${files[@]}" program.mjs || return 1
  files=(--permission --allow-fs-read="$app" --allow-fs-read="$runs" --allow-fs-write="$runs")
  NODE_NO_WARNINGS=1 trains "$runs" "$node" "${files[@]}" --allow-addons &&
    mentions "$without" "$node" "${files[@]}" program.mjs
}

jest() {
  "$(node_of 24)" "$root/node_modules/jest/bin/jest.js" --rootDir "$app" --config '{ "transform": {}, "testEnvironment": "node" }' reset.test.js
}
vitest() {
  "$(node_of 22)" "$tools/node_modules/vitest/vitest.mjs" run --root "$app" --globals --pool=threads reset.test.js
}

# compile VERSION MODULE RESOLUTION
compile() {
  echo "{ \"compilerOptions\": { \"module\": \"$2\", \"moduleResolution\": \"$3\", \"target\": \"es2022\", \"lib\": [\"es2022\"], \"strict\": true,
    \"skipLibCheck\": false, \"noEmit\": true, \"types\": [\"node\"], \"typeRoots\": [\"$tools/node_modules/@types\"] }, \"files\": [\"types.mts\"] }" >"tsconfig.$1.$2.json"
  node "$tools/node_modules/typescript$1/bin/tsc" -p "tsconfig.$1.$2.json"
}
typescript5() { compile 5 node16 node16 && compile 5 esnext bundler; }
typescript7() { compile 7 node16 node16 && compile 7 esnext bundler; }
manifest() {
  node "$tools/node_modules/publint/src/cli.js" run --strict "$work"/nano-gpt-*.tgz | tee "$work/publint.txt" &&
    grep -q 'All good' "$work/publint.txt"
}
types() { node "$tools/node_modules/@arethetypeswrong/cli/dist/index.js" --no-emoji "$work"/nano-gpt-*.tgz; }

# bundler NAME FILE COMMAND…: builds program.mjs with the configuration of docs/bundlers.md whose first
# line is "// FILE", and runs it elsewhere. Builds it again without nano-gpt among the externals: the
# build or the program must end with the error.
bundler() {
  local name=$1 file=$2 project=$work/$1 moved=$work/$1-moved
  shift 2
  mkdir -p "$project/src" "$moved/app/out" "$moved/alone" && cp "$app/program.mjs" "$project/src" && cd "$project" || return 1
  echo '{ "name": "application", "private": true }' >package.json
  mkdir node_modules && ln -s "$tools"/node_modules/* "$app/node_modules/nano-gpt" node_modules/
  ln -s "$app/node_modules" "$moved/app/node_modules"
  awk -v first="// $file" '/^```/ { inside = 0 } inside { print } $0 == first { inside = 1 }' "$root/docs/bundlers.md" >"$file"
  grep -q nano-gpt "$file" || { echo "docs/bundlers.md has no $file"; return 1; }
  "$@" || return 1
  cp -r out/. "$moved/app/out/" || return 1
  says 'trained on cpu, 10 characters' node "$moved"/app/out/program.*js || return 1
  echo "$name: works"
  rm -r out
  sed -i 's/nano-gpt/another-package/' "$file"
  fails_with 'nano-gpt cannot be bundled' build_and_run "$moved/alone" "$@" && echo "$name: the error is clear"
}
build_and_run() {
  local folder=$1
  shift
  "$@" && cp -r out/. "$folder" && node "$folder"/program.*js
}
esbuild() { bundler esbuild build.mjs node build.mjs; }
esbuild_cjs() { bundler esbuild_cjs build.mjs bash -c "sed -i \"s/'esm'/'cjs'/; s|out/program.mjs|out/program.cjs|\" build.mjs; node build.mjs"; }
vite() { bundler vite vite.config.mjs node "$tools/node_modules/vite/bin/vite.js" build --logLevel error; }
vite_ssr() { bundler vite_ssr vite.ssr.config.mjs node "$tools/node_modules/vite/bin/vite.js" build --logLevel error --config vite.ssr.config.mjs; }
webpack() { bundler webpack webpack.config.js node -e '
  require("webpack")(require("./webpack.config.js"), (error, stats) => {
    if (error || stats.hasErrors()) { console.log(error ?? stats.toString()); process.exit(1) }
  })'; }
# Builds the route handler of nextjs/, asks it once, and builds it without the configuration.
nextjs() {
  local project=$work/nextjs next port=${NEXT_PORT:-39471} server answer
  next=$project/node_modules/next/dist/bin/next
  mkdir -p "$project/app/train" && cd "$project" && echo '{ "private": true }' >package.json &&
    npm install --silent --no-audit --no-fund --ignore-scripts --save-exact next@16.4.6 react@19.3.1 react-dom@19.3.1 "$work"/nano-gpt-*.tgz || return 1
  cp "$root/scripts/ci/runtimes/next/route.mjs" app/train/route.js && cp "$root/scripts/ci/runtimes/next/layout.mjs" app/layout.js || return 1
  awk '/^```/ { inside = 0 } inside { print } $0 == "// next.config.mjs" { inside = 1 }' "$root/docs/bundlers.md" >next.config.mjs
  node "$next" build || return 1
  node "$next" start -p "$port" & server=$!
  answer=$(curl -s --retry 10 --retry-connrefused "http://localhost:$port/train")
  kill "$server"
  [ "$answer" = '{"device":"cpu","characters":10}' ] || { echo "$answer"; return 1; }
  rm -r .next next.config.mjs
  fails_with 'nano-gpt cannot be bundled' node "$next" build
}

# check NAME: one check, in a process of its own; prints its output if it fails.
check() {
  local start=$SECONDS output
  if output=$(cd "$app" && "$1" 2>&1); then
    echo "== $1: ok, $((SECONDS - start)) s"
  else
    printf '== %s\n%s\n== %s: FAILED, %s s\n' "$1" "$output" "$1" $((SECONDS - start))
    return 1
  fi
}
# The longest first.
checks() { printf '%s\n' "$@" | xargs -P "$jobs" -I '{}' bash -c 'check {}'; }

all=(webpack types vite vite_ssr node20 node22 node24 node26 bun14 deno29 permissions jest vitest typescript5 typescript7 manifest esbuild esbuild_cjs)
[ "${NEXT:-0}" = 0 ] || all=(nextjs "${all[@]}")
mapfile -t functions < <(compgen -A function)
export -f "${functions[@]?}"
step package-and-tools package_and_tools || exit 1
step checks checks "${@:-${all[@]}}"
finish runtimes
