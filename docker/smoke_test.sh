#!/usr/bin/env bash
# Builds the images, starts them, and sees that a scan goes through. Arguments are handed to docker compose, as in
#     docker/smoke_test.sh --file compose.yaml --file compose.cuda.yaml
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# Beside a site's own containers, and none of theirs is touched at the end.
export DESPARK_PORT=19002
files=("$@")
compose() { docker compose --project-name despark-smoke-test --profile demo "${files[@]}" "$@"; }

step() { printf '\n== %s\n' "$*"; }

clean_up() { compose down --volumes --timeout 45; }
trap clean_up EXIT

# Runs Python as the server itself would: its environment, its folder, its first python.
# shellcheck disable=SC2016 # all of it is expanded in the container
server_python() {
    compose exec -T gadgetron bash -euc '
        server=$(dirname "$(grep -lx gadgetron /proc/[0-9]*/comm | head -n 1)")
        mapfile -d "" -t environment < "$server/environ"
        cd "$server/cwd"
        env -i "${environment[@]}" PYTHONPATH=/opt/conda/envs/gadgetron/share/gadgetron/python python -c "$1"
    ' bash "$1"
}

step "build"
compose build

step "start, and wait until both are healthy"
compose up --detach --wait gadgetron worker

step "nobody is root"
for service in gadgetron worker; do
    test "$(compose exec -T "$service" id -u)" -ne 0
done

step "the gadgets that the server imports are ours"
server_python 'import gadgets, sys; print(gadgets.__file__); sys.exit(not gadgets.__file__.startswith("/opt/despark/"))'

step "the models are whole"
compose exec -T worker despark models

step "a scan with sparks gives images: by <execute>, by <connect>, and with Gadgetron's own reconstruction"
compose run --rm demo

step "the worker stops within its time"
compose stop worker
test "$(docker inspect --format '{{.State.ExitCode}}' "$(compose ps --all --quiet worker)")" -eq 0

step "all is well"
