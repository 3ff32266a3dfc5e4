#!/bin/sh
# Builds the prebuilt binary for Linux in prebuilds/. Runs as root in a container: in manylinux_2_28,
# whose binaries run with glibc 2.28 and newer, or in Node's Alpine image for musl.
set -eu
cd "$(dirname "$0")/../.."
if command -v apk >/dev/null; then
  apk add --no-cache binutils cmake g++ linux-headers make
fi
cmake --version
c++ --version
npm ci --ignore-scripts
npm run prebuilds
