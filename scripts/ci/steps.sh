# For scripts of many steps, of which one that fails doesn't end the others. To be sourced.
bad=0
jobs=${JOBS:-$(nproc)}
work=$(mktemp -d) # gone at the end
trap 'rm -rf "$work"' EXIT

# step NAME COMMAND...: runs it, says how long it took, and keeps on after a failure.
step() {
  local name=$1 start=$SECONDS
  shift
  echo "== $name"
  "$@"
  local end=$?
  [ $end = 0 ] || bad=1
  echo "== $name: $([ $end = 0 ] && echo ok || echo FAILED), $((SECONDS - start)) s"
  return $end
}

# products TEST FORMAT...: nano-gemm-test's, of these formats, as many at a time as there are jobs.
products() {
  local test=$1
  shift
  printf '%s \0' "$@" | xargs -0 -P "$jobs" -n 1 "$test"
}

# mutants BACKEND: a share of them, others after each commit; all: MUTANTS=1000.
mutants() {
  local most=${MUTANTS:-4} turn
  turn=$(git rev-list --count HEAD 2>/dev/null || echo 0)
  node "scripts/mutants/$1.js" --cases "${cases:?}" --jobs "$jobs" --most "$most" --from "$((turn * most))"
}

# finish WHAT: the last line, and how the script ends.
finish() {
  [ $bad = 0 ] && echo "$1: all good in $SECONDS s" || echo "$1: FAILED"
  exit $bad
}
