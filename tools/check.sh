#!/bin/sh
# Runs every check of the house side by side and prints what each one found; fails when one of them does.
#
#   tools/check.sh          types only where a change since the last time can be seen (tools/check_types.py): seconds
#   tools/check.sh --all    types everywhere: what `make test` and the machine that integrates run
set -u
bin=.venv/bin
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
trap 'exit 130' INT TERM
names=

# check NAME COMMAND...: starts one in the background.
check() {
    name=$1
    shift
    names="$names $name"
    { "$@" >"$out/$name.txt" 2>&1; echo $? >"$out/$name.status"; } &
}

# Fonts are found by their package's name and never imported; SQLAlchemy loads psycopg by the name in the database's URL, uvicorn its
# parser, FastAPI what reads forms and what sends traces.
unimported="psycopg|httptools|python-multipart|opentelemetry-sdk|opentelemetry-exporter-otlp-proto-http$(awk -F'"|>' '/^ *"(fontpkg|noto|pymupdf)-/ { printf "|%s", $2 }' pyproject.toml)"

check types "$bin/python" tools/check_types.py "$@"
check format "$bin/ruff" format --check --output-format concise .
check lint "$bin/ruff" check --output-format concise .
check layers "$bin/lint-imports" --no-logo
check dead-code "$bin/vulture"
# The suite for authors of providers needs pytest, the studio does not.
check dependencies "$bin/deptry" --no-ansi --per-rule-ignores "DEP002=$unimported,DEP004=pytest|pytest_asyncio" src
check reference "$bin/python" tools/reference.py --check
# The examples make films: they are run with the tests.
check rooms-and-docs "$bin/python" -m pytest --quiet --tb=short --no-header -p no:cacheprovider \
    --ignore tests/docs/test_examples.py tests/test_rooms.py tests/docs
wait

failed=0
for name in $names; do
    if [ "$(cat "$out/$name.status" 2>/dev/null)" = 0 ]; then
        echo "ok    $name$(sed -n 's/^note: \(.*\)/ (\1)/p' "$out/$name.txt")"
    else
        echo "WRONG $name"
        sed 's/^/      /' "$out/$name.txt"
        failed=1
    fi
done
exit $failed
