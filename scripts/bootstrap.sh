#!/bin/sh
# Make the course's environment: .venv with the packages that constraints.txt pins, and saw-edu itself (editable).
#
# `make` calls this before every task. With nothing to do it returns in milliseconds: the last thing written is a stamp
# that holds the checksum of everything the environment was made from. No stamp, no environment.
#   PYTHON=...        the interpreter to build with (default: the first usable of python3.13 python3.12 python3.11 python3)
#   EXTRAS=...        optional parts as well, joined by commas: ogbench,postgresql,ray. An environment keeps those it has.
#   NEEDED_MB=...     free space asked for before a first install (default: 3000, or 7000 where torch brings CUDA)
set -u
cd "$(dirname "$0")/.." || exit 1

MINIMUM_MINOR=11
MAXIMUM_MINOR=13
BUILD_TOOL="setuptools>=77"
VENV=.venv
LOG=build/install.log
LOCK=build/bootstrap.lock
STAMP=$VENV/saw-edu.stamp
KEPT_EXTRAS=$VENV/saw-edu.extras
UNFINISHED=$VENV/saw-edu.unfinished

say() { printf '%s\n' "$@"; }
fail() {
  say "" "saw-edu set-up: $1" >&2
  shift
  for line in "$@"; do say "  $line" >&2; done
  exit 1
}

# The checksum of what the environment is made from, and of where it is: an editable install knows its own folder.
# The settings of tools, at the end of pyproject.toml, install nothing and do not count.
fingerprint() { { sed '/^\[tool\./,$d' pyproject.toml && cat constraints.txt && pwd && say "$extras"; } | cksum; }

# "dev", what is asked for and what the environment has already, each once: "dev,ogbench,ray".
all_extras() {
  { [ -e "$UNFINISHED" ] || cat "$KEPT_EXTRAS" 2>/dev/null; say "dev,${EXTRAS:-}"; } |
    awk -F '[, ]+' '{ for (i = 1; i <= NF; i++) if ($i != "" && !seen[$i]++) all = all (all ? "," : "") $i } END { print all }'
}

# "3.12" when $1 runs and is a Python; nothing otherwise (a pyenv or Windows stub may exist and not run).
version_of() { "$1" -c 'import sys; sys.stdout.write("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

in_range() {
  case $1 in 3.*) ;; *) return 1 ;; esac
  minor=${1#3.}
  case $minor in '' | *[!0-9]*) return 1 ;; esac
  [ "$minor" -ge "$MINIMUM_MINOR" ] && [ "$minor" -le "$MAXIMUM_MINOR" ]
}

how_to_get_python() {
  say "Debian, Ubuntu:   sudo apt install python3 python3-venv" \
    "Fedora:           sudo dnf install python3.12" \
    "macOS:            brew install python@3.12   (or the installer from python.org)" \
    "anything else:    conda env create -f environment.yml   (README.md, \"With conda\")"
}

choose_python() {
  if [ -n "${PYTHON:-}" ]; then
    found=$(version_of "$PYTHON")
    in_range "$found" && return
    [ -n "$found" ] && why="it is Python $found" || why="it does not run"
    fail "PYTHON=$PYTHON cannot be used: $why." \
      "The course needs Python 3.$MINIMUM_MINOR to 3.$MAXIMUM_MINOR. Name another interpreter, or leave PYTHON out" \
      "and the set-up looks for one. To install one:" "$(how_to_get_python | sed '2,$s/^/  /')"
  fi
  seen=""
  for PYTHON in python3.13 python3.12 python3.11 python3; do
    command -v "$PYTHON" >/dev/null 2>&1 || continue
    found=$(version_of "$PYTHON")
    in_range "$found" && return
    seen="$seen $PYTHON (${found:-does not run})"
  done
  fail "no Python 3.$MINIMUM_MINOR to 3.$MAXIMUM_MINOR was found." \
    "Looked for python3.13, python3.12, python3.11 and python3; found:${seen:- none of them}." \
    "Install one, then run the same command again:" "$(how_to_get_python | sed '2,$s/^/  /')" \
    "Is one installed elsewhere? Name it: make lab PYTHON=/path/to/python3.12"
}

check_venv_module() {
  "$PYTHON" -c 'import ensurepip, venv' >/dev/null 2>&1 && return
  fail "$PYTHON (Python $found) comes without the venv module." \
    "Debian, Ubuntu:   sudo apt install python$found-venv" \
    "elsewhere:        install the complete Python of your system, or use conda (README.md, \"With conda\")" \
    "Then run the same command again."
}

# Torch's default build for Linux on x86 carries CUDA, 4 GB of it; with other sources named, pip may find a smaller one.
brings_cuda() {
  [ "$(uname -s)" = Linux ] && [ "$(uname -m)" = x86_64 ] &&
    [ -z "${PIP_EXTRA_INDEX_URL:-}${PIP_INDEX_URL:-}${PIP_FIND_LINKS:-}" ]
}

check_disk() {
  brings_cuda && needed_mb=${NEEDED_MB:-7000} || needed_mb=${NEEDED_MB:-3000}
  free_kb=$(df -Pk . 2>/dev/null | awk 'NR == 2 { print $4 }')
  case $free_kb in '' | *[!0-9]*) return ;; esac
  free_mb=$((free_kb / 1024))
  [ "$free_mb" -ge "$needed_mb" ] && return
  set -- "Free some space ('pip cache purge' often gives gigabytes), or move this folder to a larger disk."
  brings_cuda && set -- "$@" "Without CUDA 3000 MB are enough: see README.md, \"A smaller torch\"."
  fail "not enough disk space: $free_mb MB are free here, the environment needs about $needed_mb MB." "$@" \
    "Then run the same command again. (NEEDED_MB=0 skips this question.)"
}

# Say so before gigabytes arrive on a laptop that cannot use them.
mention_cpu_build() {
  brings_cuda || return 0
  command -v nvidia-smi >/dev/null 2>&1 && return
  say "Note: no NVIDIA driver was found, and torch's default build for Linux brings CUDA with it (4 GB more)." \
    "      To take the small CPU build instead, press Ctrl-C now and see README.md, \"A smaller torch\"."
}

take_lock() {
  if ! mkdir "$LOCK" 2>/dev/null; then
    owner=$(cat "$LOCK/pid" 2>/dev/null)
    if [ -n "$owner" ] && kill -0 "$owner" 2>/dev/null; then
      fail "another set-up of this folder is running (process $owner)." "Wait until it is done, then run the same command again."
    fi
    mkdir -p "$LOCK" # left behind by a set-up that was killed
  fi
  say $$ >"$LOCK/pid"
  trap 'rm -rf "$LOCK"' EXIT
  trap 'say "" "saw-edu set-up: interrupted. Run the same command again; the next run starts the environment afresh." >&2; exit 130' INT TERM
}

explain_failed_install() {
  if grep -qE 'No space left on device|Errno 28|Disk quota exceeded' "$LOG"; then
    reason="the disk is full"
    advice="Free some space here and in the folder for temporary files (${TMPDIR:-/tmp}). When only the latter is small,
  name a larger one: TMPDIR=\$HOME/tmp make lab"
  elif grep -qE 'ProxyError|Cannot connect to proxy|Tunnel connection failed|407 Proxy' "$LOG"; then
    reason="the network's proxy did not let pip through"
    advice="Set HTTPS_PROXY to your proxy's address (http://name:port), or unset it when there is none."
  elif grep -qE 'CERTIFICATE_VERIFY_FAILED|SSLError' "$LOG"; then
    reason="a certificate was not accepted"
    advice="Networks that inspect traffic use a certificate of their own: name its file with PIP_CERT=/path/to/file.pem.
  A wrong clock has the same effect: check the date."
  elif grep -qE 'NameResolutionError|name resolution|NewConnectionError|ConnectTimeout|Read timed out|ReadTimeout|Network is unreachable|Connection (refused|reset|aborted)|IncompleteRead' "$LOG"; then
    reason="the package index could not be reached"
    advice="Check the network (and HTTPS_PROXY, where yours needs a proxy). What was already downloaded is kept."
  elif grep -qE 'Permission denied|Errno 13|Read-only file system' "$LOG"; then
    reason="a file could not be written"
    advice="This folder, and the folder for temporary files (${TMPDIR:-/tmp}), must be yours to write in."
  elif grep -qE 'No matching distribution|ResolutionImpossible|Could not find a version' "$LOG"; then
    reason="a pinned version cannot be had for this Python and this machine"
    advice="The line above that starts with ERROR names it. Another Python may have it: make lab PYTHON=python3.12
  Did you change constraints.txt or pyproject.toml? Then the two must agree: make pin writes constraints.txt anew."
  else
    reason="pip stopped with an error"
    advice="The last lines above, and the log, say where. The usual causes are network, proxy and disk space."
  fi
  fail "the installation did not finish: $reason." "$advice" "Then run the same command again. The whole log: $LOG"
}

# pip's answers to these would install elsewhere than in .venv.
run_pip() { PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_TARGET='' "$VENV/bin/python" -m pip --disable-pip-version-check "$@"; }

# The build tool comes first and stays: an isolated build would fetch it anew each time, and hide why it could not.
install() {
  run_pip --log "$LOG" install --quiet --constraint constraints.txt "$BUILD_TOOL" &&
    run_pip --log "$LOG" install --no-build-isolation --constraint constraints.txt --editable ".[$extras]"
}

# Nothing to do?
[ -r pyproject.toml ] && [ -r constraints.txt ] || fail "this folder is not complete: pyproject.toml or constraints.txt is missing." "Clone the course again."
extras=$(all_extras)
current=$(fingerprint)
venv_version=$(version_of "$VENV/bin/python")
if [ -n "$venv_version" ] && [ "$(cat "$STAMP" 2>/dev/null)" = "$current" ]; then
  [ -z "${PYTHON:-}" ] && exit 0
  [ "$(version_of "$PYTHON")" = "$venv_version" ] && exit 0
fi

mkdir -p build && : >"$LOG" || fail "cannot write in $(pwd)." "Move the course to a folder that is yours to write in, for example your home folder."
take_lock

# What was half made, cannot run, or has another Python than the one asked for is never repaired but made anew.
remove=""
if [ -d "$VENV" ]; then
  if [ -e "$UNFINISHED" ]; then
    remove="it was not finished"
  elif ! in_range "$venv_version"; then
    remove="its Python is ${venv_version:-gone}"
  elif [ -n "${PYTHON:-}" ] && [ "$(version_of "$PYTHON")" != "$venv_version" ]; then
    remove="it has Python $venv_version, not that of $PYTHON"
  fi
fi
first=""
if [ ! -d "$VENV" ] || [ -n "$remove" ]; then
  first=yes
  choose_python
  check_venv_module
  if [ -n "$remove" ]; then
    say "Removing $VENV: $remove."
    rm -rf "$VENV" || fail "$VENV could not be removed." "Remove it by hand, then run the same command again."
  fi
  check_disk
  mention_cpu_build
  say "Making $VENV with $PYTHON (Python $found). This happens once and takes a few minutes."
  mkdir -p "$VENV" && : >"$UNFINISHED" && "$PYTHON" -m venv "$VENV" >>"$LOG" 2>&1 || {
    tail -n 5 "$LOG" >&2
    explain_failed_install
  }
else
  say "Bringing $VENV up to date ..."
  : >"$UNFINISHED"
fi
rm -f "$STAMP"
if ! install; then
  # pip downloads everything before it touches what is installed: a failed update (not a killed one) leaves it whole.
  [ -n "$first" ] || rm -f "$UNFINISHED"
  explain_failed_install
fi

say "Checking the environment ..."
if ! "$VENV/bin/python" -c 'import jupyterlab, nbgrader, saw_edu, torch' >>"$LOG" 2>&1; then
  tail -n 5 "$LOG" >&2
  fail "everything is installed, but does not start (the lines above say what)." \
    "Linux: torch needs glibc 2.28 or newer (a distribution of 2019 or later, not Alpine)." \
    "Try another Python (make lab PYTHON=python3.12), or conda (README.md, \"With conda\"). The whole log: $LOG"
fi
rm -f "$UNFINISHED"
say "$extras" >"$KEPT_EXTRAS"
say "$current" >"$STAMP"
say "The environment is ready."
