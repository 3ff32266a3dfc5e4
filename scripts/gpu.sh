#!/usr/bin/env bash
# Runs everything that requires a GPU, in under ten minutes (docs/gpu-testing.md, "On a real GPU"): builds for
# this GPU, tests, measures, and leaves a report in gpu-results/. The most important parts come first; the
# report marks those that ran out of time as skipped.
#
#   scripts/gpu.sh [--minutes N] [--python PATH]   requires a driver, nvcc, cmake, a C++ compiler and Node.
#                                                  Compares speed with PyTorch if PATH (default: python3)
#                                                  has it; cuBLAS is found there too
#   scripts/gpu.sh --only PARTS …                  runs only these parts, comma-separated:
#                                                  "parity,steps-bf16". "parity" includes parity-bf16 and
#                                                  all others with that prefix
#   scripts/gpu.sh --commit NAME …                 the version that the report names (default: git's, or
#                                                  the pack's)
#   scripts/gpu.sh --pack FILE                     for a machine without Node or network: packs Node, the
#                                                  compiled TypeScript and some case files into a .tar.xz
#   scripts/gpu.sh --unpack FILE …                 uses such a pack
#   scripts/gpu.sh --pack FILE --prebuilt          also packs programs for GPUs of --architecture
#                                                  (default: 90)
#   scripts/gpu.sh --unpack FILE --prebuilt …      uses those programs; builds only if they don't run
#   scripts/gpu.sh --rehearse …                    runs on the emulated GPU with the smallest sizes: tests
#                                                  this script, and judges no speed
#
# If OUT names a folder, the report and the logs are copied there after each part:
# OUT/<GPU>-<date>.md, .json and .tar.gz.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
. scripts/parts.sh
minutes=9.5 python=python3 rehearse='' pack='' unpack='' prebuilt='' commit='' architecture=''
while [ $# -gt 0 ]; do
  case $1 in
    --minutes) minutes=${2:?} && shift ;;
    --python) python=${2:?} && shift ;;
    --only) only=${2:?} && shift ;;
    --commit) commit=${2:?} && shift ;;
    --pack) pack=${2:?} && shift ;;
    --unpack) unpack=${2:?} && shift ;;
    --prebuilt) prebuilt=1 ;;
    --architecture) architecture=${2:?} && shift ;;
    --rehearse) rehearse=1 ;;
    *) usage ;;
  esac
  shift
done
jobs=$(nproc)
packed=build/gpu-pack
[ -e .git ] && commit=${commit:-$(git describe --always --dirty 2>/dev/null)}

# ---- The build.
targets=(nano_gpt nano_gpt_cuda nano-run nano-simt-test nano-ptx-test nano-gemm-test nano-gemm-bench)
# options_for ARCHITECTURE: of the CPU kernels, only the set that every such machine supports,
# because building all of them takes long.
options_for() {
  case $1 in
    emulated) options=(-DNANO_GPT_CUDA=emulated) ;;
    *) options=(-DNANO_GPT_CUDA=on -DNANO_GPT_CUDA_ARCHITECTURES="$1-real") ;;
  esac
  case $(uname -m) in
    x86_64) options+=(-DNANO_GPT_INSTRUCTION_SETS=avx2) ;;
    *) options+=(-DNANO_GPT_INSTRUCTION_SETS=portable) ;;
  esac
  have ninja && options+=(-G Ninja)
}
[ -z "$rehearse" ] || architecture=emulated

if [ -n "$pack" ]; then
  architecture=${architecture:-90}
  npm run build || die 'there is nothing to pack'
  # Writing the cases takes minutes, so existing ones are reused unless one of their sources is
  # newer.
  if [ ! -e "$packed/all/cases.json" ] || [ -n "$(find lib test/support test/native -newer "$packed/all/cases.json" -name '*.ts')" ]; then
    rm -rf "$packed/all"
    node scripts/write_cases.js "$packed/all" || die 'the cases could not be written'
  fi
  rm -rf "$packed/cases" "$packed/programs"
  mkdir -p "$packed/cases"
  cp "$packed/all/cases.json" "$packed/cases" || exit
  # Some of each kind, most of them in bf16. Of the bf16 attention gradients, all that span several
  # tiles.
  choose() { node scripts/gpu_cases.js --list --cases "$packed/all" --work 1e9 "$@" | xargs cp -t "$packed/cases"; }
  choose --format bf16 --many-tiles
  choose --format bf16 --bytes 1e5 --each 40
  choose --format tf32 --bytes 1e5 --each 20
  choose --format f32 --bytes 5e4 --each 12
  node scripts/gpu_cases.js --count --cases "$packed/cases" || die 'cases are missing in the pack'
  echo "${commit:-unknown}" >"$packed/commit"
  strip -o "$packed/node" "$(command -v node)" || cp "$(command -v node)" "$packed/node"
  folders=("$packed/node" "$packed/commit" "$packed/cases" dist)
  if [ -n "$prebuilt" ]; then
    build=build/gpu-$architecture/build programs=$packed/programs/$architecture/build/Release
    options_for "$architecture"
    cmake -S . -B "$build" "${options[@]}" || exit
    cmake --build "$build" -j "$jobs" --target "${targets[@]}" || die 'the programs could not be built'
    mkdir -p "$programs"
    for program in nano_gpt.node nano_gpt_cuda.so "${targets[@]:2}"; do
      strip -o "$programs/$program" "$build/Release/$program" || cp "$build/Release/$program" "$programs" || exit
    done
    folders+=("$packed/programs")
  fi
  mapfile -t modules < <(npm ls --omit=dev --all --parseable | sed -n "s|^$PWD/||p" | grep -v typescript)
  mkdir -p "$(dirname "$pack")"
  XZ_OPT=${XZ_OPT:--6 -T0} tar -caf "$pack" "${folders[@]}" "${modules[@]}" || die "$pack can't be written"
  ls -lh "$pack"
  exit
fi
# Not every machine has xz; CMake and Python include it.
if [ -n "$unpack" ]; then
  tar -xf "$unpack" 2>/dev/null || cmake -E tar xf "$unpack" 2>/dev/null || "$python" -m tarfile -e "$unpack" . ||
    die "$unpack can't be unpacked"
fi
[ -n "$commit" ] || commit=$(cat "$packed/commit" 2>/dev/null)

# ---- Required programs, and how to install them.
export PATH=$PATH:$PWD/$packed:${CUDA_HOME:-${CUDA_PATH:-/usr/local/cuda}}/bin
need node 'Install Node 20 or newer; or pack it on a machine that has it (--pack FILE) and bring that (--unpack FILE)'
[ -n "$rehearse" ] || need nvidia-smi "Install NVIDIA's driver"
[ $missing = 0 ] || exit 2
[ -d node_modules ] || npm ci --ignore-scripts || die 'npm ci fails; without a network bring a pack (--pack, --unpack)'

# ---- Facts about the machine.
torch=''
export NANO_GPT_CUBLAS=''
if [ -n "$rehearse" ]; then
  name=rehearsal
else
  ask() { nvidia-smi --query-gpu="$1" --format=csv,noheader -i 0; }
  name=$(ask name | tr -cs 'A-Za-z0-9\n' -) architecture=$(ask compute_cap | tr -d .)
  [ -n "$architecture" ] || die 'nvidia-smi finds no GPU: is its driver loaded?'
  [ "$architecture" -ge 80 ] || die "tests of tensor cores need compute capability 8.0; this GPU's is $(ask compute_cap)"
  torch=$("$python" -c 'import importlib.metadata; print(importlib.metadata.version("torch"))' 2>/dev/null)
  # From the CUDA toolkit, or from Python packages: PyTorch installs it, in a folder that depends on
  # the version.
  NANO_GPT_CUBLAS=$({
    have nvcc && find -L "$(dirname "$(dirname "$(readlink -f "$(command -v nvcc)")")")" -name 'libcublas.so.[0-9]*'
    "$python" -c 'import glob, sys
for folder in sys.path:
  for found in glob.glob(folder + "/nvidia/**/libcublas.so.[0-9]*", recursive=True): print(found)'
  } 2>/dev/null | head -n 1)
fi
# A pack's programs are for one architecture, and may need a newer system than this one.
programs=$packed/programs/$architecture
if [ -n "$prebuilt" ]; then
  "$programs/build/Release/nano-run" "$(find "$packed/cases" -name '*.case' | head -n 1)" >/dev/null 2>&1
  [ $? -le 1 ] || { echo "The programs in $programs don't run here: building them" && prebuilt=''; }
fi
if [ -z "$prebuilt" ]; then
  [ "$architecture" = emulated ] || need nvcc 'Install the CUDA toolkit, or set CUDA_HOME to where it is'
  need cmake 'Install CMake 3.20 or newer'
  need c++ 'Install a C++20 compiler (g++)'
  [ $missing = 0 ] || exit 2
fi

begin "gpu-results/$name-$(date +%Y-%m-%d)${only:+-only}" "$minutes"
report() { node scripts/gpu_report.js "$results" ${rehearse:+--rehearse}; }
publish() {
  report >/dev/null 2>&1
  tar -czf "$results.tar.gz" -C gpu-results "$(basename "$results")"
  [ -z "${OUT:-}" ] || { mkdir -p "$OUT" && cp "$results.md" "$results.json" "$results.tar.gz" "$OUT"; }
}
finish() {
  publish
  report
  exit
}
version() { have "$1" && "$1" --version | sed -n "${2:-1}p"; }
{
  echo "commit: ${commit:-unknown}"
  echo "processor: $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -n 1), $jobs threads"
  echo "Node $(node --version)${prebuilt:+, prebuilt programs}"
  version cmake
  version c++
  [ -n "$rehearse" ] || version nvcc '$'
  if [ -n "$rehearse" ]; then
    echo 'GPU: emulated'
  else
    facts=name,compute_cap,driver_version,memory.total,clocks.max.sm,clocks.max.memory,power.limit
    echo "GPU: $(ask $facts) (${facts//,/, })"
    echo "other processes on it: $(nvidia-smi --query-compute-apps=pid --format=csv,noheader -i 0 | grep -c .)"
  fi
  echo "PyTorch: ${torch:-none}; cuBLAS: ${NANO_GPT_CUBLAS:-none}"
} | tee "$results/facts.txt"
# The first import takes long, so start it now; it has finished when PyTorch is needed.
torch_works=''
if [ -n "$torch" ]; then
  "$python" -c 'import torch; assert torch.cuda.is_available()' >"$results/torch.log" 2>&1 &
  torch_works=$!
fi

# ---- The build. Meanwhile TypeScript is compiled and case files are written, unless the pack
# contains them.
export NANO_GPT_PREBUILD=$PWD/${prebuilt:+$programs} # where node-gyp-build looks for build/Release
[ -n "$prebuilt" ] || NANO_GPT_PREBUILD=$PWD/build/gpu-$architecture
build=$NANO_GPT_PREBUILD/build
export NANO_GPT_CUDA_MODULE=$build/Release/nano_gpt_cuda.so
cases=$packed/cases cases_job=''
if [ ! -e "$cases/cases.json" ]; then
  cases=$NANO_GPT_PREBUILD/cases # not reused: old files may come from another version of the table
  { npm run build && rm -rf "$cases" && NANO_GPT_NATIVE=0 node scripts/write_cases.js "$cases"; } >"$results/cases.log" 2>&1 &
  cases_job=$!
fi
if [ -z "$prebuilt" ]; then
  options_for "$architecture"
  patience=300
  [ -z "$rehearse" ] || patience=3600
  must configure 60 cmake -S . -B "$build" "${options[@]}" || finish
  must build $patience cmake --build "$build" -j "$jobs" --target "${targets[@]}" || finish
fi
[ -z "$cases_job" ] || wait $cases_job || die "no case files: see $results/cases.log"

# stand_in_ncu FILE: writes a mock Nsight Compute. It runs nothing and reports two steps with one
# kernel each besides AdamW's.
stand_in_ncu() {
  cat >"$1" <<'END_OF_NCU'
#!/usr/bin/env node
const words = process.argv
if (words.includes('--query-metrics')) console.log('sm__pipe_tensor_cycles_active  % of peak')
else {
  const head = ['ID', 'Kernel Name', 'Block Size', 'Grid Size', 'Metric Name', 'Metric Unit', 'Metric Value']
  const launches = ['void nano::cuda::Gemm<(int)64>(const float *)', 'nano::cuda::StepKernel(nano::AdamwParams)']
  const row = (cells) => cells.map((cell) => `"${cell}"`).join(',')
  const lines = ['==PROF== Connected', row(head)]
  for (const [id, name] of [...launches, ...launches].entries()) {
    for (const metric of words[words.indexOf('--metrics') + 1].split(',')) {
      const unit = metric.includes('time') ? 'ns' : metric.includes('bytes') ? 'byte' : '%'
      lines.push(row([id, name, '(128, 1, 1)', '(1, 1, 1)', metric, unit, unit === '%' ? '50' : '1,000']))
    }
  }
  require('node:fs').writeFileSync(words[words.indexOf('--log-file') + 1], lines.join('\n'))
}
END_OF_NCU
  chmod +x "$1"
}

# ---- Sizes.
product_kinds=() gpt2=(gpt2) golden='\(cpu\)' parity=(--schedules GPU --work Infinity --jobs $((jobs < 8 ? jobs : 8)))
run_sizes=(--steps 50 --eval-batches 1) step=(--only 09) few=1e6 quick=()
ops=(--only 'attention,attention-backward,layer-norm,cross-entropy,adamw')
if [ -n "$rehearse" ]; then
  product_kinds=('bf16 to f32 63 x 64' 'tf32 63 x 64') gpt2=(gpt2 quick) golden='bigram.*\(cpu\)'
  parity=(--schedules ascending --work 1e4 --each 1) few=1e4 quick=(quick) step=(--only 03 --batch-size 1 --rounds 1)
  run_sizes=(--steps 3 --batch-size 1 --eval-batches 1 --layers 1 --heads 2 --embed 16 --block-size 16)
  ops=(--only attention-backward --batch-size 1 --rounds 1)
  torch='stand-in' python=$PWD/$results/python ncu=$PWD/$results/ncu
  stand_in_python "$python"
  stand_in_ncu "$ncu"
fi
compare=()
compare_with_torch() { # PART: whether the comparison is possible and the part was requested
  wanted "$1" || return
  [ -z "$torch_works" ] || wait "$torch_works" || torch=''
  torch_works=''
  [ -n "$torch" ] && compare=(--compare torch --python "$python")
}
nano_gpt() { # PART SECONDS ARGUMENT...
  part "$1" "$2" node dist/cli/main.js "${@:3}" --device cuda
}
bench() { # PART SECONDS ARGUMENT...
  nano_gpt "$1" "$2" bench "${@:3}" --save "$results/$1.json"
}
# Stage 09's logits have 65 columns, so the text has 65 different characters.
text=$results/text.txt
cat README.md docs/*.md | tr -cd 'A-Za-z0-9 .\n' >"$text"
train() { # PART SECONDS PRESET PRECISION
  nano_gpt "$1" "$2" train --data "$text" --preset "$3" --precision "$4" --no-out --json "${run_sizes[@]}"
}

# ---- Correctness, and the most important speed. The CUDA runtime and instructions behave as
# emulated. Training in bf16 has the losses of training in f32, dropout included: random numbers are
# the same in every precision.
part runtime 40 "$build/Release/nano-simt-test"
part instructions 20 "$build/Release/nano-ptx-test"
for preset in baby decoder; do
  if train losses-$preset-bf16 30 $preset bf16 && train losses-$preset-f32 40 $preset f32; then
    part losses-$preset 5 node scripts/compare_losses.js "$results/losses-$preset-bf16.log" "$results/losses-$preset-f32.log" 0.01
  fi
done
bench steps-bf16 20 steps "${step[@]}" --precision bf16
part products 60 "$build/Release/nano-gemm-test" "${product_kinds[@]}"
parity() { # FORMAT SECONDS
  part parity-"$1" "$2" node scripts/gpu_cases.js --build "$build" --cases "$cases" --format "$1" "${parity[@]}"
}
parity bf16 60
part products-gpt2 60 "$build/Release/nano-gemm-test" "${gpt2[@]}"
speed=("$build/Release/nano-gemm-bench" "${quick[@]}" 50)
if [ -n "$NANO_GPT_CUBLAS" ]; then # its libraries are next to it
  speed=(env LD_LIBRARY_PATH="$(dirname "$NANO_GPT_CUBLAS")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "${speed[@]}")
fi
part products-speed 60 "${speed[@]}"

# ---- Speed in bf16 next to PyTorch, and a profile; the same bits for the same seed; the other
# formats.
compare_with_torch steps-bf16 && bench steps-bf16 150 steps "${step[@]}" --precision bf16 "${compare[@]}"
bench roofline-bf16 30 roofline "${step[@]}" --precision bf16
if [ -z "$rehearse" ]; then
  ncu=$({ command -v ncu || find /opt/nvidia /usr/local -maxdepth 5 -name ncu; } 2>/dev/null | head -n 1)
fi
if [ -n "$ncu" ]; then
  part profile-bf16 50 node scripts/gpu_profile.js --ncu "$ncu" --save "$results/profile-bf16.json" -- \
    node dist/cli/main.js train --data "$text" --preset decoder --precision bf16 --no-out --json "${run_sizes[@]}" --steps 3 --device cuda
elif wanted profile-bf16; then
  note profile-bf16 'no ncu' 0 0
fi
if train same-bits-first 30 decoder bf16 && train same-bits-second 30 decoder bf16; then
  part same-bits 5 cmp <(losses same-bits-first) <(losses same-bits-second)
fi
parity tf32 40
parity f32 90
bench steps-tf32 20 steps "${step[@]}" --precision tf32
bench steps-f32 20 steps "${step[@]}" --precision f32

# ---- The sanitizer, and what else time allows.
some=()
for format in bf16 tf32 f32; do
  mapfile -t -O ${#some[@]} some < <(node scripts/gpu_cases.js --list --cases "$cases" --format $format --work $few --each 1)
done
for tool in memcheck racecheck synccheck; do
  if have compute-sanitizer; then
    part $tool 60 compute-sanitizer --tool $tool --error-exitcode 9 "$build/Release/nano-run" --device cuda "${some[@]}"
  elif wanted $tool; then
    note $tool 'no compute-sanitizer' 0 0
  fi
done
compare_with_torch ops-bf16
bench ops-bf16 60 ops "${ops[@]}" --precision bf16 "${compare[@]}"
if [ -d node_modules/jest ]; then
  NANO_GPT_TEST_DEVICE=cuda part golden 90 npx jest test/golden.test.ts -t "$golden"
elif wanted golden; then
  note golden 'no jest' 0 0
fi
for precision in tf32 f32; do
  compare_with_torch steps-$precision && bench steps-$precision 100 steps "${step[@]}" --precision $precision "${compare[@]}"
done
grep -qvE '^(configure|build)\s' "$results/parts.tsv" || die "there is no part $only"
finish
