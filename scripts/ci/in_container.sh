#!/usr/bin/env bash
# Runs a command in a container, in this folder:
#   scripts/ci/in_container.sh IMAGE COMMAND...
# Images other than Node's get the Node of this machine. Files that the command writes belong to the
# user of this machine.
set -euo pipefail
cd "$(dirname "$0")/../.."
image=$1
shift
options=(--rm --volume "$PWD:/nano-gpt" --workdir /nano-gpt --env "OWNER=$(id -u):$(id -g)")
setup=':'
case $image in
  node:*) ;;
  *)
    node=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
    options+=(--volume "$node:/opt/node:ro")
    # In the container, because the image's own PATH stays.
    setup='export PATH=/opt/node/bin:$PATH'
    ;;
esac
# shellcheck disable=SC2016 # The container's shell expands these.
exec docker run "${options[@]}" "$image" sh -c "$setup"'
  "$@"
  status=$?
  chown -R "$OWNER" /nano-gpt
  exit $status' sh "$@"
