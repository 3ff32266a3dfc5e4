#!/bin/sh
# Installs packed packages without their install scripts, as npm 12 does, and trains with them:
#   scripts/ci/run_package.sh DEVICE FOLDER
# DEVICE is what 'auto' must choose: "cpu" if a prebuilt binary must load. FOLDER has the tarball of
# nano-gpt, and may have those of nano-gpt-cuda, which is installed where it fits.
set -eu
device=$1
packages=$2
here=$(cd "$(dirname "$0")" && pwd)
from=$PWD
work=$(mktemp -d)
# Windows removes no folder that a process is in.
trap 'cd "$from"; rm -rf "$work" || true' EXIT
cd "$work"
echo '{ "private": true }' >package.json
case $packages in /* | ?:*) ;; *) packages=$from/$packages ;; esac
cp "$packages"/nano-gpt-[0-9]*.tgz .
cuda=nano-gpt-cuda-$(node -p 'process.platform + "-" + process.arch')
if [ ! -f /etc/alpine-release ] && ls "$packages/$cuda"-*.tgz >/dev/null 2>&1; then
  cp "$packages"/nano-gpt-cuda-[0-9]*.tgz "$packages/$cuda"-*.tgz .
fi
npm install --no-audit --no-fund --ignore-scripts ./*.tgz
npx --no-install nano-gpt info --report
# A copy beside the packages, so that it finds nano-gpt by its name.
cp "$here/short_run.js" .
node short_run.js nano-gpt . "$device"
