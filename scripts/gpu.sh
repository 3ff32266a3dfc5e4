#!/usr/bin/env bash
# Everything that only a GPU can tell, in under ten minutes (docs/gpu-testing.md, "On a real GPU"): builds for this GPU, tests,
# measures, and leaves a report in gpu-results/. The most important comes first; what finds no time left is said to be missing.
#
#   scripts/gpu.sh [--minutes N] [--python PATH]   needs a driver, nvcc, cmake, a C++ compiler and Node. Where PATH (default:
#                                                  python3) has PyTorch, speed is compared with it; cuBLAS is found there too
#   scripts/gpu.sh --pack FILE                     for a machine without Node or network: packs Node, what is compiled from
#                                                  TypeScript and some case files into a .tar.xz …
#   scripts/gpu.sh --unpack FILE …                 … and uses them there
#   scripts/gpu.sh --rehearse …                    the same on the emulated GPU with the smallest sizes: tries this script,
#                                                  and judges no speed
set -uo pipefail
cd "$(dirname "$0")/.." || exit
. scripts/parts.sh
minutes=9.5 python=python3 rehearse='' pack='' unpack=''
while [ $# -gt 0 ]; do
  case $1 in
    --minutes) minutes=${2:?} && shift ;;
    --python) python=${2:?} && shift ;;
    --pack) pack=${2:?} && shift ;;
    --unpack) unpack=${2:?} && shift ;;
    --rehearse) rehearse=1 ;;
    *) usage ;;
  esac
  shift
done
jobs=$(nproc)
packed=build/gpu-pack

if [ -n "$pack" ]; then
  rm -rf "$packed"
  mkdir -p "$packed/cases"
  { npm run build && node scripts/write_cases.js "$packed/all"; } || die 'there is nothing to pack'
  node scripts/gpu_cases.js --list --cases "$packed/all" --work 1e8 --bytes 1e5 --each 20 | xargs cp -t "$packed/cases"
  cp "$(command -v node)" "$packed/node"
  mapfile -t modules < <(npm ls --omit=dev --all --parseable | sed -n "s|^$PWD/||p" | grep -v typescript)
  XZ_OPT=-T0 tar -cJf "$pack" --exclude="$packed/all" "$packed" dist "${modules[@]}" && ls -lh "$pack"
  exit
fi
[ -z "$unpack" ] || tar -xf "$unpack" || die "$unpack can't be unpacked"

# ---- What is needed, and what to do where it is missing.
export PATH=$PATH:$PWD/$packed:${CUDA_HOME:-${CUDA_PATH:-/usr/local/cuda}}/bin
if [ -z "$rehearse" ]; then
  need nvidia-smi "Install NVIDIA's driver"
  need nvcc 'Install the CUDA toolkit, or set CUDA_HOME to where it is'
fi
need cmake 'Install CMake 3.20 or newer'
need c++ 'Install a C++20 compiler (g++)'
need node 'Install Node 20 or newer; or pack it on a machine that has it (--pack FILE) and bring that (--unpack FILE)'
[ $missing = 0 ] || exit 2
[ -d node_modules ] || npm ci --ignore-scripts || die 'npm ci fails; without a network bring a pack (--pack, --unpack)'

# ---- What the machine is.
torch=''
export NANO_GPT_CUBLAS=''
if [ -n "$rehearse" ]; then
  name=rehearsal architecture=emulated
else
  ask() { nvidia-smi --query-gpu="$1" --format=csv,noheader -i 0; }
  name=$(ask name | tr -cs 'A-Za-z0-9\n' -) architecture=$(ask compute_cap | tr -d .)
  [ -n "$architecture" ] || die 'nvidia-smi finds no GPU: is its driver loaded?'
  [ "$architecture" -ge 80 ] || die "tests of tensor cores need compute capability 8.0; this GPU's is $(ask compute_cap)"
  torch=$("$python" -c 'import torch; assert torch.cuda.is_available(); print(torch.__version__)' 2>/dev/null)
  # The toolkit's, or the one that comes with PyTorch.
  places=("$(dirname "$(dirname "$(readlink -f "$(command -v nvcc)")")")")
  [ -z "$torch" ] || places+=("$("$python" -c 'import os, torch; print(os.path.dirname(os.path.dirname(torch.__file__)))')/nvidia")
  NANO_GPT_CUBLAS=$(find -L "${places[@]}" -name 'libcublas.so.[0-9]*' 2>/dev/null | head -n 1)
fi
begin "gpu-results/$name-$(date +%Y-%m-%d)" "$minutes"
{
  echo "commit: $(git describe --always --dirty 2>/dev/null)"
  echo "processor: $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -n 1), $jobs threads"
  echo "Node $(node --version), $(cmake --version | head -n 1), $(c++ --version | head -n 1)"
  if [ -n "$rehearse" ]; then
    echo 'GPU: emulated'
  else
    facts=name,compute_cap,driver_version,memory.total,clocks.max.sm,clocks.max.memory,power.limit
    echo "GPU: $(ask $facts) (${facts//,/, })"
    echo "other processes on it: $(nvidia-smi --query-compute-apps=pid --format=csv,noheader -i 0 | grep -c .)"
    nvcc --version | tail -n 1
  fi
  echo "PyTorch: ${torch:-none}; cuBLAS: ${NANO_GPT_CUBLAS:-none}"
} | tee "$results/facts.txt"

finish() {
  node scripts/gpu_report.js "$results" ${rehearse:+--rehearse}
  exit
}

# ---- The build. Meanwhile TypeScript is compiled and case files are written, unless a pack has brought them.
export NANO_GPT_PREBUILD=$PWD/build/gpu-$architecture # where node-gyp-build looks for build/Release
build=$NANO_GPT_PREBUILD/build
export NANO_GPT_CUDA_MODULE=$build/Release/nano_gpt_cuda.so
options=(-DNANO_GPT_CUDA=on -DNANO_GPT_CUDA_ARCHITECTURES="$architecture-real")
patience=300
[ -z "$rehearse" ] || { options=(-DNANO_GPT_CUDA=emulated) && patience=1800; }
# Of the CPU's kernels, those that any such machine has: building them all would take long.
case $(uname -m) in
  x86_64) options+=(-DNANO_GPT_INSTRUCTION_SETS=avx2) ;;
  *) options+=(-DNANO_GPT_INSTRUCTION_SETS=portable) ;;
esac
have ninja && options+=(-G Ninja)
cases=$packed/cases
if [ ! -d "$cases" ]; then
  cases=$NANO_GPT_PREBUILD/cases # those of before may be of another table
  { npm run build && rm -rf "$cases" && NANO_GPT_NATIVE=0 node scripts/write_cases.js "$cases"; } >"$results/cases.log" 2>&1 &
fi
part configure 60 cmake -S . -B "$build" "${options[@]}" || finish
targets=(nano_gpt nano_gpt_cuda nano-run nano-simt-test nano-ptx-test nano-gemm-test nano-gemm-bench)
part build $patience cmake --build "$build" -j "$jobs" --target "${targets[@]}" || finish
wait || die "no case files: see $results/cases.log"

# ---- Sizes.
product_kinds=() golden='\(cpu\)' parity=(--schedules GPU --work Infinity --jobs $((jobs < 8 ? jobs : 8)))
training=(--steps 50) step=(--only 09) ops=(--only 'attention,attention-backward,layer-norm,cross-entropy,adamw') few=1e6 quick=()
compare=()
[ -z "$torch" ] || compare=(--compare torch --python "$python")
if [ -n "$rehearse" ]; then
  product_kinds=('bf16 to f32 63 x 64' 'tf32 63 x 64') golden='bigram.*\(cpu\)' parity=(--schedules ascending --work 1e4 --each 1)
  training=(--steps 2 --batch-size 1 --eval-batches 1) step=(--only 03 --batch-size 1 --rounds 1)
  ops=(--only attention-backward --batch-size 1 --rounds 1) few=1e4 quick=(quick)
  python=$PWD/$results/python
  stand_in_python "$python"
  compare=(--compare torch --python "$python")
fi
nano_gpt() { # PART SECONDS ARGUMENT...
  part "$1" "$2" node dist/cli/main.js "${@:3}" --device cuda
}
bench() { # PART SECONDS ARGUMENT...
  nano_gpt "$1" "$2" bench "${@:3}" --save "$results/$1.json"
}

# ---- Whether it is right: CUDA's runtime and instructions as the emulator has them, products, every op and whole programs;
# a training run twice, bit for bit; and training runs that PyTorch has made.
part runtime 30 "$build/Release/nano-simt-test"
part instructions 30 "$build/Release/nano-ptx-test"
part products 60 "$build/Release/nano-gemm-test" "${product_kinds[@]}"
part parity 120 node scripts/gpu_cases.js --build "$build" --cases "$cases" "${parity[@]}"
train=(train --data README.md --preset cpu --no-out --json "${training[@]}")
if nano_gpt training 40 "${train[@]}" && nano_gpt training-again 40 "${train[@]}"; then
  part same-bits 5 cmp <(losses training) <(losses training-again)
fi

# ---- How fast it is.
bench steps-bf16 180 steps "${step[@]}" --precision bf16 "${compare[@]}"
part products-speed 60 "$build/Release/nano-gemm-bench" "${quick[@]}" 50
bench ops-bf16 45 ops "${ops[@]}" --precision bf16 "${compare[@]}"
bench roofline-bf16 30 roofline "${step[@]}" --precision bf16
bench steps-tf32 20 steps "${step[@]}" --precision tf32
bench steps-f32 20 steps "${step[@]}" --precision f32

# ---- What the sanitizer sees, and what else there is time for.
mapfile -t some < <(node scripts/gpu_cases.js --list --cases "$cases" --work $few --each 1)
for tool in memcheck racecheck synccheck; do
  if have compute-sanitizer; then
    part $tool 60 compute-sanitizer --tool $tool --error-exitcode 9 "$build/Release/nano-run" --device cuda "${some[@]}"
  else
    note $tool 'no compute-sanitizer' 0 0
  fi
done
if [ -d node_modules/jest ]; then
  NANO_GPT_TEST_DEVICE=cuda part golden 90 npx jest test/golden.test.ts -t "$golden"
else
  note golden 'no jest' 0 0
fi
if [ ${#compare[@]} -gt 0 ]; then
  bench steps-tf32 100 steps "${step[@]}" --precision tf32 "${compare[@]}"
  bench steps-f32 100 steps "${step[@]}" --precision f32 "${compare[@]}"
fi
finish
