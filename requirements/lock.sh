#!/bin/sh
# Lock what is installed: names, versions and hashes, no addresses. Run after changing pyproject.toml.
set -eu
cd "$(dirname "$0")/.."
compile() {
    out=$1
    shift
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-header --no-annotate --output-file "requirements/$out" "$@"
}
compile demo.txt pyproject.toml --extra cli --group build
compile demo-aws.txt pyproject.toml --extra cli --extra aws --group build --group demo-aws
compile dev.txt pyproject.toml --all-extras --group build --group dev
