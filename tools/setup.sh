#!/bin/sh
# Makes the virtual environment that the make targets run in, and refreshes it only when something that it depends on has changed.
#
#   tools/setup.sh run     .venv with what making films needs
#   tools/setup.sh dev     .venv with the tests' and checks' tools as well
#   tools/setup.sh bench   .bench-venv with the systems that the benchmarks compare with
#
# Needs Python 3.11 or newer; PYTHON=/path/to/python chooses one. Never needs root. Packages are pinned by hash in requirements/;
# uv fetches them when it is on the PATH and reaches the registry, else pip does, with whatever index pip is configured for.
set -eu
unset PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONPATH VIRTUAL_ENV

kind=${1:?run, dev or bench}
case $kind in
    run | dev) venv=.venv ;;
    bench) venv=.bench-venv ;;
    *) echo "tools/setup.sh: run, dev or bench, not $kind" >&2; exit 2 ;;
esac

die() {
    echo "reelwright: $*" >&2
    exit 1
}

# Prints nothing when the interpreter will do, else what it is, which will not do.
complaint() {
    "$1" - 2>/dev/null <<'PY' || echo "is no Python that runs"
import sys


def complaint():
    if sys.version_info < (3, 11):
        return "is Python %d.%d" % sys.version_info[:2]
    try:
        import ctypes, sqlite3, ssl, venv
    except ImportError as missing:
        return "was built without %s" % missing.name
    # The durable log asks SQLite for sub-second times on Python 3.12 and newer, which SQLite has since 3.42.
    if sys.version_info >= (3, 12) and sqlite3.sqlite_version_info < (3, 42):
        return "is Python %d.%d with SQLite %s, where SQLite 3.42 is needed" % (*sys.version_info[:2], sqlite3.sqlite_version)


print(complaint() or "")
PY
}

find_python() {
    reasons=
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14 python}; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        reason=$(complaint "$candidate")
        if [ -z "$reason" ]; then
            python=$candidate
            return
        fi
        reasons="${reasons:+$reasons; }$candidate $reason"
    done
    die "Python 3.11 or newer is needed (${reasons:-none is on the PATH}): install one, or name one with PYTHON=/path/to/python."
}

make_venv() {
    find_python
    rm -rf "$venv"
    if "$python" -m venv "$venv" >"$log" 2>&1; then
        :
    elif command -v uv >/dev/null 2>&1 && rm -rf "$venv" && uv venv --quiet --python "$python" "$venv" >>"$log" 2>&1; then
        :
    elif "$python" -m pip --version >>"$log" 2>&1 && "$python" -m venv --clear --without-pip "$venv" >>"$log" 2>&1; then
        : # Debian keeps pip's bundle in a package of its own; the system's pip can install into the environment from outside
    else
        rm -rf "$venv" "$log"
        die "$python cannot make a virtual environment with pip in it: install python3-venv (Debian, Ubuntu)," \
            "or without root put uv on the PATH, or name another Python with PYTHON=/path/to/python."
    fi
    touch "$venv/.whole"
}

# install ARGUMENTS...: as `pip install` takes them. Byte code is compiled now, so that every later start is quick.
install() {
    if command -v uv >/dev/null 2>&1 &&
        UV_HTTP_TIMEOUT=30 uv pip install --quiet --python "$venv/bin/python" --compile-bytecode "$@" >>"$log" 2>&1; then
        return
    fi
    if "$venv/bin/python" -m pip --version >>"$log" 2>&1; then
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "$@" >>"$log" 2>&1 && return
    else
        find_python
        "$python" -m pip --python "$venv/bin/python" install --quiet --disable-pip-version-check --no-input "$@" >>"$log" 2>&1 && return
    fi
    tail -n 8 "$log" >&2
    die "packages could not be installed; the whole story is in $log. Is the package registry within reach?"
}

key_of() { # KIND: what an environment of that kind is made of: where it lies, its Python, its pins
    echo "$(pwd) $(cat "$venv/pyvenv.cfg" pyproject.toml "requirements/$1.txt" | cksum)"
}

is_fresh() {
    [ -x "$venv/bin/python" ] && [ -f "$venv/.whole" ] || return 1
    for have in $kind $([ "$kind" != run ] || echo dev); do # the environment of the tests has all that films need
        [ "$(cat "$venv/.stamp-$have" 2>/dev/null)" = "$(key_of "$have")" ] && return 0
    done
    return 1
}

is_fresh && exit 0
log=$(mktemp)
[ -x "$venv/bin/python" ] && [ -f "$venv/.whole" ] && [ -z "$(complaint "$venv/bin/python")" ] || make_venv
echo "Setting up $venv; this happens once ..."
install --require-hashes -r "requirements/$kind.txt"
if [ "$kind" != bench ]; then
    install --no-deps --no-build-isolation --editable .
fi
key_of "$kind" >"$venv/.stamp-$kind"
rm -f "$log"
