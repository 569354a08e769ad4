#!/usr/bin/env bash
# Makes .venv with the exact versions of constraints.txt: `make env` calls it with PYTHON, VENV, CPU and TORCH_INDEX.
# CPU=1 takes torch's CPU wheels from TORCH_INDEX (an address, or a folder of wheels), which saves most of the disk.
set -euo pipefail

fail() {
    echo "error: $*" >&2
    exit 1
}

VENV=${VENV:-.venv}
CPU=${CPU:-} TORCH_INDEX=${TORCH_INDEX:-}
[ -n "${PYTHON:-}" ] || fail "no Python 3.11 or newer was found; install one, or name it: make run PYTHON=/path/to/python3.12"
"$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$PYTHON cannot make environments; on Debian and Ubuntu: apt install python3-venv"
PYTHON=$("$PYTHON" -c 'import sys; print(sys._base_executable)') # not that of the environment itself
case $CPU in
"" | 0 | 1) ;;
*) fail "CPU ($CPU) must be 1, for torch's CPU wheels, or left out" ;;
esac
# An environment that was made for the CPU stays one when constraints.txt changes.
if [ -z "$CPU" ] && [ -e "$VENV/.torch-index" ]; then
    CPU=1 TORCH_INDEX=${TORCH_INDEX:-$(cat "$VENV/.torch-index")}
fi
[ "$CPU" = 1 ] || CPU=
[ -n "$CPU" ] || [ -z "$TORCH_INDEX" ] || fail "TORCH_INDEX ($TORCH_INDEX) needs CPU=1 beside it: make env CPU=1 TORCH_INDEX=..."

pip() { "$VENV/bin/python" -m pip --quiet --quiet --disable-pip-version-check "$@"; }
pin_of() { sed -n "s/^$1==\([^ ;]*\).*/\1/p" constraints.txt; }
version_of_torch() { # without what stands behind the plus; nothing where there is none
    "$VENV/bin/python" -c 'from importlib import metadata; print(metadata.version("torch").partition("+")[0])' 2>/dev/null
}
has_torch() { [ -n "$(version_of_torch)" ]; }
needs_cuda() { # whether the torch of the environment is a build for CUDA, which requires CUDA's libraries
    "$VENV/bin/python" - 2>/dev/null <<'PY'
import sys
from importlib import metadata
sys.exit(not any(name.startswith(("nvidia-", "cuda-")) for name in metadata.requires("torch") or ()))
PY
}

if [ -n "$CPU" ] && has_torch && needs_cuda; then
    fail "$VENV holds torch for CUDA: \`make clean-env\` first, then make env CPU=1"
fi

# Measured with torch 2.15: .venv 6.9 GB, pip's own copies 2.7 GB until it is done. For the CPU: without CUDA's libraries.
if ! has_torch; then
    [ -n "$CPU" ] && needed="2200 700" || needed="6900 2800"
    # shellcheck disable=SC2086
    "$PYTHON" - "$PWD" ${NEEDED_MB:-$needed} <<'PY' || exit 1
import os, shutil, sys, tempfile
folder, (environment_mb, copies_mb) = sys.argv[1], map(int, sys.argv[2:])
temporary = tempfile.gettempdir()
needed_mb = {folder: environment_mb, temporary: copies_mb}
if os.stat(folder).st_dev == os.stat(temporary).st_dev:
    needed_mb = {folder: environment_mb + copies_mb}
for place, needed in needed_mb.items():
    free = shutil.disk_usage(place).free // 10**6
    if free < needed:
        remedy = "free some space" if place == folder else "free some space, or name another folder in TMPDIR"
        sys.exit(f"error: installing takes {needed / 1000:.1f} GB of disk in {place}, where {free / 1000:.1f} GB are free: {remedy}")
PY
fi

has_torch && doing="renewing $VENV" || doing="creating $VENV, a few minutes, mostly torch,"
echo "$doing with $("$PYTHON" --version) ($PYTHON)"
"$VENV/bin/python" -m pip --version >/dev/null 2>&1 || "$PYTHON" -m venv --clear "$VENV"

if [ -n "$CPU" ] && [ "$(version_of_torch)" != "$(pin_of torch)" ]; then
    torch=$(pin_of torch) torchvision=$(pin_of torchvision) log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    get() { pip install --no-deps "$@" 2>"$log"; }
    where=$TORCH_INDEX
    if [ -n "$where" ]; then
        # An index that pip's settings name beside it would offer the wheels for CUDA: this one takes its place.
        from=(--index-url "$where")
        compgen -G "$where/*.whl" >/dev/null && from=(--no-index --find-links "$where")
        PIP_EXTRA_INDEX_URL=$where get "${from[@]}" "torch==$torch" "torchvision==$torchvision" ||
            fail "$where gives no torch $torch and torchvision $torchvision: $(grep -m1 ^ERROR "$log" || echo see make clean-env)"
    else
        # Perhaps pip's settings name an index of CPU wheels, which say so in their version; and uv knows torch's own.
        where="torch $torch+cpu of pip's own index"
        tried="pip's own index has no torch $torch+cpu"
        if ! get "torch==$torch+cpu" "torchvision==$torchvision+cpu"; then
            where="uv's --torch-backend cpu"
            if ! command -v uv >/dev/null; then
                tried="$tried, uv is not installed"
            elif ! uv pip install --quiet --python "$VENV/bin/python" --torch-backend cpu --no-deps \
                "torch==$torch" "torchvision==$torchvision" 2>"$log"; then
                tried="$tried, $where failed"
            fi
            has_torch || fail "CPU=1 needs CPU wheels of torch ($tried): make env CPU=1 TORCH_INDEX=URL, an index or folder of them"
        fi
    fi
    if needs_cuda; then
        rm -rf "$VENV"
        fail "$where gives torch for CUDA: TORCH_INDEX must be an index of CPU wheels"
    fi
    echo "$TORCH_INDEX" >"$VENV/.torch-index"
fi
pip install --constraint constraints.txt --editable '.[dev]'
touch "$VENV/.complete"
