# For scripts that run the case files: they lie in $cases. CASES=FOLDER: in that folder, already. To be sourced.
cases=${CASES:-}
if [ -z "$cases" ]; then
  cases=$(mktemp -d)
  trap 'rm -rf "$cases"' EXIT
  node scripts/write_cases.js "$cases"
fi
