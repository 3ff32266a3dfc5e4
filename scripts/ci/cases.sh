# shellcheck shell=bash
# To be sourced by scripts that run the case files: writes them to $cases. With CASES=FOLDER, uses
# the files there.
cases=${CASES:-}
if [ -z "$cases" ]; then
  if [ -z "${work:-}" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
  fi
  cases=$work/cases
  node scripts/write_cases.js "$cases"
fi

# A number that changes with each commit, for tests that run a share of a large set.
turn=$(git rev-list --count HEAD 2>/dev/null || echo 0)

# run_cases ISA SHARE COMMAND...: runs the cases with these kernels, in one process per core. COMMAND
# is nano-run, as an absolute path. A SHARE of 3 runs every third case, different ones after each
# commit; the variable SHARE=1 runs all. Fails unless each case passes. Output goes to files, because
# a pipe may mix the lines of two processes. Paths are relative, because a command line of Windows has
# at most 32,767 characters.
run_cases() {
  local isa=$1 share=${SHARE:-$2} out wanted passed
  shift 2
  out=$(mktemp -d)
  (cd "$cases" && printf '%s\n' *.case) | awk -v share="$share" -v turn="$turn" 'NR % share == turn % share' >"$out/list"
  # shellcheck disable=SC2016 # The inner shell expands these.
  (cd "$cases" && xargs -a "$out/list" -s 30000 -n 250 -P "${jobs:-$(nproc)}" bash -c '
    out=$1
    shift
    exec timeout 600 "$@" >"$(mktemp "$out/run-XXXXXX")" 2>&1' bash "$out" "$@" --isa "$isa") || true
  wanted=$(wc -l <"$out/list")
  passed=$(cat "$out"/run-* | grep -cE "^ok +.* \[$isa\]" || true)
  echo "$isa: $passed of $wanted cases pass"
  if [ "$wanted" = 0 ] || [ "$passed" != "$wanted" ]; then
    grep -hv '^ok ' "$out"/run-* | head -n 40
    return 1
  fi
  rm -rf "$out"
}
