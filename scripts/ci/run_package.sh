#!/bin/sh
# Installs packed packages without their install scripts, as npm 12 does, and trains with them:
#   scripts/ci/run_package.sh DEVICE TARBALL...
# DEVICE is what 'auto' must choose: "cpu" if a prebuilt binary must load.
set -eu
device=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
from=$PWD
work=$(mktemp -d)
# Windows removes no folder that a process is in.
trap 'cd "$from"; rm -rf "$work" || true' EXIT
cd "$work"
echo '{ "private": true }' >package.json
# The paths of the tarballs are relative to the old folder.
for tarball in "$@"; do
  cp "$from/$tarball" .
done
npm install --no-audit --no-fund --ignore-scripts ./*.tgz
npx --no-install nano-gpt info --report
# A copy beside the packages, so that it finds nano-gpt by its name.
cp "$here/short_run.js" .
node short_run.js nano-gpt . "$device"
