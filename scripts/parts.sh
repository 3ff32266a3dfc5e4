# shellcheck shell=bash
# Sourced by scripts/gpu.sh and scripts/mac.sh: checks for required programs, and runs parts of a
# job that has a time limit. Compatible with macOS's bash 3.2. scripts/gpu_report.js reads the files
# that the parts write.

die() {
  echo "$(basename "$0"): $*" >&2
  exit 2
}
have() { command -v "$1" >/dev/null; }
# A script's usage text is the comment at its top.
usage() {
  sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
  exit 2
}

# shellcheck disable=SC2034  # used by the scripts that source this
missing=0
need() { # COMMAND WHAT-TO-DO
  have "$1" && return
  echo "missing: $1. $2"
  # shellcheck disable=SC2034
  missing=1
}

# limited SECONDS COMMAND...: replaces this process with the command; exits with 124 on timeout, and
# a signal ends the command too. (macOS has no `timeout`.)
limited() {
  if have timeout; then
    exec timeout --kill-after=5 "$@"
  else
    exec perl -e '
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

# begin FOLDER MINUTES: sets the folder for the parts' logs and the time limit of all parts
# together. The script may define publish(), which runs after each part, and must define finish().
only='' # comma-separated names of parts; part() skips all others
running='' current=''
begin() {
  results=$1
  rm -rf "$results"
  mkdir -p "$results"
  : >"$results/parts.tsv"
  deadline=$(awk "BEGIN { print int($2 * 60) }")
  trap 'interrupted' INT TERM HUP
}
note() { # PART HOW SECONDS LIMIT
  printf '%s\t%s\t%s\t%s\n' "$@" >>"$results/parts.tsv"
  printf '%-18s %-24s %4d s of %4d, %4d s left\n' "$@" $((deadline - SECONDS))
}
interrupted() {
  trap '' INT TERM HUP
  [ -z "$running" ] || kill "$running" 2>/dev/null
  [ -z "$current" ] || note "$current" interrupted 0 0
  (finish)
  exit 130
}
publish() { :; }

# wanted PART: whether the user asked for it, or for all parts that begin with a word of $only and a
# hyphen.
wanted() {
  local words=,$only, start=$1
  [ -n "$only" ] || return 0
  while :; do
    case $words in *,"$start",*) return 0 ;; esac
    case $start in *-*) start=${start%-*} ;; *) return 1 ;; esac
  done
}
# Keeps only both ends of a long log, because the messages of a broken kernel, one per thread, can
# fill a disk.
most_bytes=2000000
shorten() { # FILE
  [ "$(wc -c <"$1")" -gt $most_bytes ] || return 0
  { head -c $((most_bytes / 2)) "$1" && echo && echo '[...]' && tail -c $((most_bytes / 2)) "$1"; } >"$1.short" && mv "$1.short" "$1"
}
# part NAME SECONDS COMMAND...: runs a command for at most SECONDS, or for the remaining time if
# that is less. Skips it if less than a third of SECONDS remains. Output goes to NAME.log.
part() {
  local part=$1 limit=$2 start=$SECONDS left=$((deadline - SECONDS)) least cut='' end how
  wanted "$part" || return 1
  shift 2
  least=$((limit / 3 > 5 ? limit / 3 : 5))
  if [ "$left" -lt $least ]; then
    note "$part" 'skipped: no time left' 0 "$limit"
    return 1
  fi
  [ "$limit" -le "$left" ] || { limit=$left && cut=1; }
  current=$part
  # In the background, so that a signal ends this script before the part finishes.
  (limited "$limit" "$@") >"$results/$part.log" 2>&1 &
  running=$!
  wait $running
  end=$?
  running='' current=''
  shorten "$results/$part.log"
  case $end in
    0) how=ok ;;
    124 | 137) how=${cut:+cut off: no time left} how=${how:-not done in time} ;;
    *) how=failed ;;
  esac
  note "$part" "$how" $((SECONDS - start)) "$limit"
  [ $end = 0 ] || tail -n 12 "$results/$part.log" | sed 's/^/    /'
  publish
  return $end
}

# must NAME SECONDS COMMAND...: a part that all others need. It runs whatever time is left and
# whichever parts were requested.
must() {
  local part=$1 limit=$2 left=$((deadline - SECONDS)) only=''
  shift 2
  part "$part" $((limit < left ? limit : left)) "$@"
}

# losses PART: prints the losses and gradient norms of a training run with --json.
losses() {
  local field
  # One after the other: how many steps an event covers depends on timing.
  for field in losses gradientNorms; do
    grep -oE "\"$field\":\[[^]]*" "$results/$1.log" | grep -oE '[0-9.]+(e-?[0-9]+)?'
  done
}

# stand_in_python FILE: writes a mock Python with PyTorch and MLX for rehearsals, which answers
# every command.
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
