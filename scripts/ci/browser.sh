#!/usr/bin/env bash
# Opens the HTML pages that nano-gpt writes (browser.js), and the studio (browser_studio.js), in Chromium,
# without a network, and uses them as a reader does. Writes screenshots to build/screenshots. The tools are not dependencies: they are installed
# for this run. CHROMIUM names another binary.
set -euo pipefail
cd "$(dirname "$0")/../.."
chromium=${CHROMIUM:-$(command -v chromium || true)}
[ -n "$chromium" ] || { echo 'Chromium is not installed (apt-get install chromium)'; exit 1; }
[ -d dist ] || npm run --silent build
[ -f build/Release/nano_gpt.node ] || npm run --silent build:native
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo '{ "private": true }' >"$work/package.json"
npm install --prefix "$work" --no-audit --no-fund --ignore-scripts --save-exact --prefer-offline --silent playwright-core@1.65.1 axe-core@4.14.1
CHROMIUM=$chromium node scripts/ci/browser.js "$work"
CHROMIUM=$chromium node scripts/ci/browser_studio.js "$work"
