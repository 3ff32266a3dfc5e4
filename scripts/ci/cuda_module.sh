#!/usr/bin/env bash
# Builds the CUDA module in NVIDIA's image for Rocky Linux 8 (glibc 2.28):
#   scripts/ci/cuda_module.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")/../.."
dnf install -y -q cmake gcc-toolset-14-gcc-c++ gcc-toolset-14-binutils make
set +u # The next script reads variables that are not set.
# shellcheck source=/dev/null
. /opt/rh/gcc-toolset-14/enable
node scripts/ci/cuda_module.js "$1"
