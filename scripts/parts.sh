# For scripts/gpu.sh and scripts/mac.sh, which source it: what a machine needs, and parts of a whole that has so many minutes. It runs
# in macOS's bash 3.2 too. What parts leave is read by scripts/gpu_report.js.

die() {
  echo "$(basename "$0"): $*" >&2
  exit 2
}
have() { command -v "$1" >/dev/null; }
# A script's usage is the comment at its top.
usage() {
  sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
  exit 2
}

# shellcheck disable=SC2034  # for those who source this
missing=0
need() { # COMMAND WHAT-TO-DO
  have "$1" && return
  echo "missing: $1. $2"
  # shellcheck disable=SC2034
  missing=1
}

# limited SECONDS COMMAND...: 124 if it isn't done by then. macOS has no timeout.
limited() {
  if have timeout; then
    timeout --kill-after=5 "$@"
  else
    perl -e '
      my $seconds = shift;
      my $child = fork // die;
      if ($child == 0) { setpgrp; exec @ARGV or exit 127 }
      my $end = sub { kill "KILL", -$child; exit $_[0] };
      $SIG{ALRM} = sub { $end->(124) };
      $SIG{$_} = sub { $end->(130) } for qw(INT TERM HUP);
      alarm $seconds;
      waitpid $child, 0;
      exit($? & 127 ? 128 + ($? & 127) : $? >> 8);' "$@"
  fi
}

# begin FOLDER MINUTES: where parts leave their logs, and how long all of them may take.
begin() {
  results=$1
  rm -rf "$results"
  mkdir -p "$results"
  deadline=$(awk "BEGIN { print int($2 * 60) }")
}
note() { # PART HOW SECONDS LIMIT
  printf '%s\t%s\t%s\t%s\n' "$@" >>"$results/parts.tsv"
  printf '%-18s %-24s %4d s of %4d, %4d s left\n' "$@" $((deadline - SECONDS))
}
# part NAME SECONDS COMMAND...: it has so many seconds, or what is left of all. Its output goes to NAME.log.
part() {
  local part=$1 limit=$2 start=$SECONDS left=$((deadline - SECONDS)) end how
  shift 2
  [ "$limit" -lt "$left" ] || limit=$left
  if [ "$limit" -lt 5 ]; then
    note "$part" 'no time left' 0 0
    return 1
  fi
  limited "$limit" "$@" >"$results/$part.log" 2>&1
  end=$?
  case $end in
    0) how=ok ;;
    124 | 137) how="not done in time" ;;
    *) how="failed" ;;
  esac
  note "$part" "$how" $((SECONDS - start)) "$limit"
  [ $end = 0 ] || tail -n 12 "$results/$part.log" | sed 's/^/    /'
  return $end
}

# losses PART: the losses and norms of a training run with --json.
losses() { grep -oE '"(losses|gradientNorms)":\[[^]]*' "$results/$1.log" | grep -oE '[0-9.]+(e-?[0-9]+)?'; }

# stand_in_python FILE: stands in for a Python with PyTorch and MLX where a script is rehearsed: answers every command.
stand_in_python() {
  cat >"$1" <<'END_OF_PYTHON'
#!/usr/bin/env node
if (process.argv[2] === '-c') console.log('none')
else require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'quit') process.exit()
  console.log(JSON.stringify(line.startsWith('{') ? { ready: true } : { ms: 1000, peakBytes: 1e9 }))
})
END_OF_PYTHON
  chmod +x "$1"
}
