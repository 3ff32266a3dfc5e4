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
