#!/usr/bin/env bash
# Hunts mutants of the CPU's kernels: one of each file, another one after each commit; all:
# MUTANTS=1000. CASES=FOLDER uses existing case files.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
. scripts/ci/steps.sh
. scripts/ci/cases.sh
step mutants mutants cpu
finish CPU
