#!/usr/bin/env bash
# Hunts mutants of the CPU's kernels: a share of them, others after each commit; all: MUTANTS=1000. CASES=FOLDER uses case files
# that are there already.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
. scripts/ci/steps.sh
. scripts/ci/cases.sh
step mutants mutants cpu
finish CPU
