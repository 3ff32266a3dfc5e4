#!/usr/bin/env bash
# Installs the packed package in all ways that users do: built from source; without CMake, where it
# must use the TypeScript backend; with a prebuilt binary; with a corrupt one.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset CI NANO_GPT_REQUIRE_NATIVE

npm pack --silent --ignore-scripts --pack-destination "$work" >/dev/null
tarball=$(ls "$work"/*.tgz)
if tar -tzf "$tarball" | grep -E '(^|/)(test|build|node_modules|\.ci)/'; then echo "the package contains files that it must not"; exit 1; fi

# user NAME: creates an empty project in $work/NAME.
user() {
  mkdir -p "$work/$1" && cd "$work/$1"
  echo '{ "private": true }' >package.json
}

# expect DEVICE: trains and generates in the project; device 'auto' must select DEVICE.
expect() {
  node -e '
    const { train } = require("nano-gpt")
    const run = train({ data: { text: "to be or not to be, that is the question. ".repeat(50) }, preset: "bigram", steps: 20, evalBatches: 2 })
    run.then(async (model) => {
      if (model.device !== process.argv[1]) throw new Error(`trained on ${model.device}, not ${process.argv[1]}`)
      const text = await model.generate({ maxTokens: 10, seed: 1 })
      if (text.length !== 10) throw new Error(`generated ${JSON.stringify(text)}`)
      console.log(`${model.device} works`)
    })' "$1"
  node --input-type=module -e 'import { train, load, generate, devices } from "nano-gpt"; if (!train || !load || !generate || devices().length < 2) process.exit(1)'
}

echo '== built from source'
user source
npm install --no-audit --no-fund --foreground-scripts "$tarball"
expect cpu
size=$(du -sm node_modules | cut -f1) packages=$(find node_modules -name package.json -path '*node_modules/*' | grep -cE 'node_modules/(@[^/]+/)?[^/]+/package.json$')
echo "$packages packages, $size MB"
[ "$size" -le 25 ] || { echo 'more than 25 MB'; exit 1; }

echo '== no CMake: the TypeScript backend'
mkdir "$work/bin"
for tool in node npm npx sh bash env tar gzip mkdir rm cat ls; do ln -s "$(command -v $tool)" "$work/bin/$tool"; done
user no-cmake
PATH="$work/bin" npm install --no-audit --no-fund --foreground-scripts "$tarball"
expect js

echo '== prebuilt, as scripts/prebuild.js names it'
user prebuilt
npm install --no-audit --no-fund --ignore-scripts "$tarball"
prebuilds=node_modules/nano-gpt/prebuilds/$(node -p 'process.platform + "-" + process.arch')
mkdir -p "$prebuilds"
cp "$work/source/node_modules/nano-gpt/build/Release/nano_gpt.node" "$prebuilds/nano-gpt.glibc.node"
(cd node_modules/nano-gpt && PATH="$work/bin" node scripts/install.js)
expect cpu

echo '== corrupt prebuilt'
echo 'not a binary' >"$prebuilds/nano-gpt.glibc.node"
(cd node_modules/nano-gpt && PATH="$work/bin" node scripts/install.js)
expect js
