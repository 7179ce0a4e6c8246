#!/bin/sh
# Chooses the newest versions that pyproject.toml allows and writes them, with hashes for every platform, to requirements/.
# The films' pins come first and bind the tests' ones, so that what is tested is what is shipped.
set -eu

# pin NAME ARGUMENTS...: writes requirements/NAME.txt, which names no index, so that any mirror will do.
pin() {
    name=$1
    shift
    uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
        --custom-compile-command "make pins" --output-file "requirements/$name.txt" "$@"
}

pin run pyproject.toml --extra voice --group setup
pin dev pyproject.toml --extra voice --group setup --group dev --constraints requirements/run.txt
pin bench --group bench
