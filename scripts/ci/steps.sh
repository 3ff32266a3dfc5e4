# shellcheck shell=bash
# To be sourced by scripts with many steps, which continue after a step that fails.
bad=0
jobs=${JOBS:-$(nproc)}
work=$(mktemp -d) # removed at the end
trap 'rm -rf "$work"' EXIT

# step NAME COMMAND...: runs the command, prints how long it took, with the seconds of CPU, and continues
# after a failure.
step() {
  local name=$1 start=$SECONDS end cpu=$work/cpu.$BASHPID TIMEFORMAT='%U %S'
  shift
  echo "== $name"
  { time "$@" 2>&3; } 3>&2 2>"$cpu"
  end=$?
  [ $end = 0 ] || bad=1
  echo "== $name: $([ $end = 0 ] && echo ok || echo FAILED), $((SECONDS - start)) s ($(awk '{ printf "%.0f", $1 + $2 }' "$cpu") s of CPU)"
  return $end
}

# products TEST FORMAT...: runs nano-gemm-test once per format, with up to $jobs at a time.
products() {
  local test=$1
  shift
  printf '%s \0' "$@" | xargs -0 -P "$jobs" -n 1 "$test"
}

# mutants BACKEND: runs one mutant of each file, another one after each commit. MUTANTS=1000 runs all
# of them. Requires cases.sh. Those of a GPU must be the last step, since they leave out tests without a
# mutant that have passed.
mutants() {
  local most=${MUTANTS:-1} passed=()
  [ "$bad" = 0 ] && [ "$1" != cpu ] && passed=(--passed)
  node "scripts/mutants/$1.js" "${passed[@]}" --cases "${cases:?}" --jobs "$jobs" --most "$most" --from "$((${turn:?} * most))"
}

# finish WHAT: prints the last line and exits.
finish() {
  [ $bad = 0 ] && echo "$1: all good in $SECONDS s" || echo "$1: FAILED"
  exit $bad
}
