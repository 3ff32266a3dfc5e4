#!/usr/bin/env bash
# Tests the CUDA backend without a GPU (docs/gpu-testing.md): nvcc compiles every kernel, and the
# emulated GPU runs them. Nothing is skipped: a step that cannot run fails. CASES=FOLDER uses
# existing case files.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
. scripts/ci/steps.sh

# Errors are compared with those of the CPU, which needs one set of its kernels.
declare -A isa=([emulated]=avx2 [emulated-races]=none)

# build FOLDER KIND TARGET...: with -O2, because -O3 takes longer to compile than it saves.
build() {
  local folder=$1 kind=$2
  shift 2
  cmake -S . -B "$folder" -DNANO_GPT_ADDON=OFF -DNANO_GPT_CUDA="$kind" -DNANO_GPT_WERROR=ON -DNANO_GPT_INSTRUCTION_SETS="${isa[$kind]}" \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS=-DNANO_SANITIZING -DCMAKE_CXX_FLAGS_RELEASE="-O2 -DNDEBUG" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >"$work/build.txt" &&
    cmake --build "$folder" -j "$jobs" --target "$@" >"$work/build.txt" 2>&1 || { tail -n 40 "$work/build.txt"; return 1; }
}

# Makes each call of the CUDA runtime fail in turn, during an update of a model.
failing_calls() {
  seq "$jobs" | NANO_GPT_CUDA_MODULE=build/emulated/Release/nano_gpt_cuda.so SIMT_QUIET=1 xargs -P "$jobs" -I '{}' \
    build/emulated/Release/nano-gpu-test "--share={}/$jobs" "$(ls "$cases"/*-program-update-of-a-bigram.case)"
}
# Whole runs, and the messages about GPUs that can't be used.
typescript() {
  { [ -f build/Release/nano_gpt.node ] || npm run --silent build:native; } &&
    NANO_GPT_TEST_DEVICE=cuda NANO_GPT_CUDA_MODULE=build/emulated/Release/nano_gpt_cuda.so npx jest --config test/gpu/jest.config.js --maxWorkers "$jobs"
}
# For sm_80 or for sm_90, the other one after the next commit. ARCHITECTURES=all: both.
nvcc_compiles() {
  local options=(--jobs "$jobs")
  [ "${ARCHITECTURES:-}" = all ] || options+=(--turn "${turn:?}")
  node scripts/ci/cuda_resources.js build/cuda-resources "${options[@]}"
}
link_for_gpu() {
  ${NVCC:-nvcc} -shared -cudart static -Xlinker --no-undefined build/cuda-resources/*.cu.o build/emulated/libnano_core.a \
    -o "$work/nano_gpt_cuda.so"
}
# Compiles and links the tests that run on a real GPU, as native/emulate/tests.cmake does.
test_for_gpu() { # SOURCE OBJECT...
  local object=$work/$1.o
  ${NVCC:-nvcc} -std=c++20 -arch=sm_90 --extended-lambda -Werror all-warnings -Inative -x cu -c "native/emulate/test/$1" -o "$object" &&
    ${NVCC:-nvcc} -arch=sm_90 -cudart static "$object" "${@:2}" -ldl -o "$work/$1.program"
}
tests_for_gpu() {
  local module=(build/cuda-resources/*.cu.o build/emulated/libnano_core.a) source
  export -f test_for_gpu
  export work
  {
    for source in gemm_bench.cc gemm_test.cc; do printf '%s\0' "$source ${module[*]}"; done
    printf '%s\0' ptx_test.cu selftest.cu
  } | xargs -0 -P "$jobs" -I '{}' bash -c 'test_for_gpu {}'
}

# ptx_test.cu must call each function of ptx.cuh.
instructions_are_tested() {
  local name bad=0
  for name in $(sed -nE 's/^PTX_DEVICE [^(]* ([a-z_0-9]+)\(.*/\1/p; s/^__device__ [^(]* ([a-z_0-9]+)\(.*/\1/p' native/cuda/ptx.cuh | sort -u); do
    [ "$name" = shared_address ] || grep -q "ptx::${name}[<(]" native/emulate/test/ptx_test.cu || { echo "no test of $name"; bad=1; }
  done
  return $bad
}

step write-cases . scripts/ci/cases.sh || exit 1
step nvcc nvcc_compiles
step build build build/emulated emulated all nano-gemm-test nano-gemm-bench nano-simt-test nano-ptx-test || exit 1
step link-for-gpu link_for_gpu
step tests-for-gpu tests_for_gpu
step build-races build build/emulated-races emulated-races nano_gpt_cuda nano-gemm-test nano-simt-test nano-ptx-test || exit 1
step emulator build/emulated/Release/nano-simt-test
step emulator-races build/emulated-races/Release/nano-simt-test race
step instructions build/emulated/Release/nano-ptx-test
step instructions-races build/emulated-races/Release/nano-ptx-test
step instructions-tested instructions_are_tested

run="node scripts/gpu_cases.js --cases $cases --jobs $jobs"
step cases $run --build build/emulated --work 1e6
step cases-in-the-arena $run --build build/emulated --runner build/emulated/Release/nano-run-arena --work 1e6 --each 100 --schedules shuffle:5
step races $run --build build/emulated-races --runner build/emulated/Release/nano-run --work 3e5 --each 60 --schedules ascending,shuffle
step products products build/emulated/Release/nano-gemm-test f32 tf32 'bf16 to f32' 'bf16 to bf16'
step products-speed build/emulated/Release/nano-gemm-bench quick
step failing-calls failing_calls
step typescript typescript
step mutants mutants cuda
finish CUDA
