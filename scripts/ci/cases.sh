# For scripts that run the case files: they lie in $cases. CASES=FOLDER: in that folder, already. To be sourced.
cases=${CASES:-}
if [ -z "$cases" ]; then
  if [ -z "${work:-}" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
  fi
  cases=$work/cases
  node scripts/write_cases.js "$cases"
fi
