#!/usr/bin/env bash
# Runs everything that requires a Mac (docs/metal.md): builds, tests on the CPU, tests on the GPU with Metal,
# benchmarks next to PyTorch and MLX, and the prebuilt binary. Leaves a report in gpu-results/, which marks
# the parts that ran out of time as missing.
#
#   scripts/mac.sh [--minutes N] [--python PATH]   requires Apple silicon, Xcode's command line tools, CMake
#                                                  and Node. Compares speed with PyTorch and MLX if PATH
#                                                  (default: python3) has them
#   scripts/mac.sh --gpu-optional …                does not fail if nano-gpt can't use the GPU, as in a
#                                                  virtual machine
#   scripts/mac.sh --rehearse …                    runs on Linux on the emulated GPU with the smallest
#                                                  sizes: tests this script, and judges no speed
set -uo pipefail
cd "$(dirname "$0")/.." || exit
. scripts/parts.sh
minutes=90 python=python3 rehearse='' optional=''
while [ $# -gt 0 ]; do
  case $1 in
    --minutes) minutes=${2:?} && shift ;;
    --python) python=${2:?} && shift ;;
    --gpu-optional) optional=1 ;;
    --rehearse) rehearse=1 ;;
    *) usage ;;
  esac
  shift
done

# ---- Required programs, and how to install them.
need cmake 'Install CMake 3.20 or newer (brew install cmake)'
need c++ "Install Xcode's command line tools (xcode-select --install)"
need node 'Install Node 20.17 or newer (brew install node)'
[ "$missing" = 0 ] || exit 2
[ -d node_modules ] || npm ci --ignore-scripts || die 'npm ci fails'

# ---- Facts about the machine.
competitors=''
if [ -n "$rehearse" ]; then
  chip=rehearsal jobs=$(nproc)
else
  [ "$(uname -sm)" = 'Darwin arm64' ] || die 'this is not a Mac with Apple silicon; elsewhere there is --rehearse'
  chip=$(sysctl -n machdep.cpu.brand_string) jobs=$(sysctl -n hw.ncpu)
  "$python" -c 'import torch; assert torch.backends.mps.is_available()' 2>/dev/null && competitors=torch
  "$python" -c 'import mlx.core as mx; assert mx.metal.is_available()' 2>/dev/null && competitors=${competitors:+$competitors,}mlx
fi
version_of() { "$python" -c "import $1; print($2.__version__)" 2>/dev/null || echo none; }
begin "gpu-results/$(echo "$chip" | tr -cs 'A-Za-z0-9\n' -)-$(date +%Y-%m-%d)" "$minutes"
{
  echo "commit: $(git describe --always --dirty 2>/dev/null)"
  echo "Node $(node --version), $(cmake --version | head -n 1), $(c++ --version | head -n 1)"
  if [ -n "$rehearse" ]; then
    echo 'GPU: emulated'
  else
    echo "$chip, $jobs threads, $(($(sysctl -n hw.memsize) >> 30)) GiB, $(sysctl -n hw.model), macOS $(sw_vers -productVersion)"
    system_profiler SPDisplaysDataType | sed -En 's/^ *((Chipset Model|Total Number of Cores|Metal[A-Za-z ]*): )/\1/p'
    pmset -g | sed -n 's/^ *lowpowermode */low power mode: /p'
    pmset -g batt | head -n 1
    echo "PyTorch: $(version_of torch torch); MLX: $(version_of mlx.core mlx.core)"
  fi
} | tee "$results/facts.txt"
finish() {
  node scripts/gpu_report.js "$results" --metal ${rehearse:+--rehearse}
  exit
}

# ---- Sizes.
# Not "${list[@]}" alone: macOS's bash treats an empty list as an unset variable.
parity=(--work Infinity --jobs $((jobs < 4 ? jobs : 4))) training=(--steps 50) golden='\(cpu\)' runs='' suite=''
step=(--only '09,baby,cpu') ops=(--only 'gemm,attention,attention-backward,layer-norm,cross-entropy,adamw') few=1e7 each=2
roofline=(--only 09) stage=09 stage_steps=(--steps 200) long=20000 products=()
if [ -n "$rehearse" ]; then
  competitors=torch,mlx python=$PWD/$results/python
  stand_in_python "$python"
  parity=(--work 1e4 --each 1 --jobs "$jobs") training=(--steps 2 --batch-size 1 --eval-batches 1) golden='bigram.*\(cpu\)'
  runs='decoder with dropout' suite=test/api step=(--only '03,cpu' --batch-size 1 --rounds 1)
  ops=(--only attention-backward --batch-size 1 --rounds 1) few=1e4 each=1 roofline=(--only 03 --batch-size 1 --rounds 1)
  stage=01 stage_steps=(--steps 1) long=20 products=('f16 to f32 33 x' 'bf16 to bf16 33 x')
fi
compare=() of_torch=()
[ -z "$competitors" ] || compare=(--compare "$competitors" --python "$python")
case $competitors in torch*) of_torch=(--compare torch --python "$python") ;; esac
nano_gpt() { # PART SECONDS ARGUMENT...
  part "$1" "$2" node dist/cli/main.js "${@:3}" --device metal
}
bench() { # PART SECONDS ARGUMENT...
  nano_gpt "$1" "$2" bench "${@:3}" --save "$results/$1.json"
}

# ---- The build. The tests use the release binary; if that fails to build because of warnings, a
# build that allows them.
must typescript 300 npm run build || finish
if [ -n "$rehearse" ]; then
  export NANO_GPT_PREBUILD=$PWD/build/mac-rehearsal # where node-gyp-build looks for build/Release
  build=$NANO_GPT_PREBUILD/build
  options=(-DNANO_GPT_METAL=emulated -DNANO_GPT_CUDA=off -DNANO_GPT_INSTRUCTION_SETS=avx2 -DCMAKE_CXX_FLAGS=-DNANO_SANITIZING)
  must configure 120 cmake -S . -B "$build" "${options[@]}" || finish
  must build 3600 cmake --build "$build" -j "$jobs" --target nano_gpt nano-run || finish
else
  build=build
  must prebuilt 1800 npm run prebuilds || must build 1800 npm run build:native || finish
fi
cases=build/mac-cases # a new folder: old files may come from another version of the table
rm -rf "$cases"
NANO_GPT_NATIVE=0 must cases 600 node scripts/write_cases.js "$cases" || finish

# ---- CPU tests, with Metal disabled; then whether there is a usable GPU.
CI=true NANO_GPT_METAL=0 part suite 1800 npx jest $suite
if ! why=$(node scripts/mac_checks.js usable); then
  echo "no suitable GPU: $why" | tee "$results/gpu.log"
  if [ -n "$optional" ]; then note gpu 'no suitable GPU' 0 0; else note gpu failed 0 0; fi
  finish
fi
echo "Metal: $why" | tee -a "$results/facts.txt"

# ---- Correctness: whole runs; products in each format; every op and whole programs; a training run
# twice, bit for bit; PyTorch's training runs; Metal's validation of API calls and of shader
# accesses; and constant memory use.
NANO_GPT_TEST_DEVICE=metal part whole-runs 600 npx jest --config test/gpu/jest.config.js test/gpu/training -t "$runs"
part products-build 300 cmake --build "$build" -j "$jobs" --target nano-gemm-test &&
  part products 300 "$build/Release/nano-gemm-test" ${products[@]+"${products[@]}"}
part parity 1800 node scripts/gpu_cases.js --device metal --build "$build" --cases "$cases" --schedules ascending "${parity[@]}"
train=(train --data README.md --preset cpu --no-out --json "${training[@]}")
if nano_gpt training 120 "${train[@]}" && nano_gpt training-again 120 "${train[@]}"; then
  part same-bits 5 cmp <(losses training) <(losses training-again)
fi
NANO_GPT_TEST_DEVICE=metal part golden 600 npx jest test/golden.test.ts -t "$golden"
some=()
while IFS= read -r path; do some+=("$path"); done < <(node scripts/gpu_cases.js --list --cases "$cases" --work $few --each $each)
for layer in api shader; do
  part $layer-validation 600 node scripts/mac_checks.js validated $layer "$build/Release/nano-run" "${some[@]}"
done
part flat-memory 600 node scripts/mac_checks.js flat-memory $long
if [ -z "$rehearse" ]; then
  part stages 1800 node scripts/stages.js --check --seeds 1337 --device metal
fi
rm -rf build/mac-stage
nano_gpt stage-$stage 900 stages $stage "${stage_steps[@]}" --out build/mac-stage --json

# ---- Speed.
bench steps-f32 900 steps "${step[@]}" ${compare[@]+"${compare[@]}"}
bench steps-bf16 900 steps "${step[@]}" --precision bf16 ${compare[@]+"${compare[@]}"}
bench ops-f32 600 ops "${ops[@]}" ${of_torch[@]+"${of_torch[@]}"}
bench roofline-f32 300 roofline "${roofline[@]}"
finish
