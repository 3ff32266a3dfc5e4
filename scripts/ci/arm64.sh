# shellcheck shell=bash
# To be sourced by scripts that run programs for 64-bit Arm under qemu.

# Builds the addon and, linked statically, nano-run in build/neon. The portable kernels with -O1: optimized,
# they take three times as long to compile, and only a share of the cases runs them.
build_arm64() {
  cmake -S . -B build/neon -DNANO_GPT_CUDA=off -DNANO_GPT_WERROR=ON -DNANO_GPT_PORTABLE_FLAGS=-O1 -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
    -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ -DCMAKE_EXE_LINKER_FLAGS=-static >/dev/null &&
    cmake --build build/neon -j "${jobs:-$(nproc)}" >/dev/null
}
