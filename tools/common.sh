# common.sh - Words and small steps that every verb of ./kw shares.
#
# A step that takes time runs through `step`: one line on the screen, everything it printed in
# build/log, and the end of that log on the screen when it fails. Nothing fails in silence.
#
# Sourced by ./kw with the current folder at the root of the tree; sets no option of the shell.
# shellcheck shell=sh

KW_LOG=$KW_ROOT/build/log
mkdir -p "$KW_LOG"

say() {
    printf '%s\n' "kw: $*" >&2
}

die() {
    printf '%s\n' "kw: error: $*" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# step NAME WHAT COMMAND...: run it quietly, log in build/log/NAME.log, stop everything on failure.
step() {
    step_log=$KW_LOG/$1.log
    step_what=$2
    shift 2
    say "$step_what"
    if ! "$@" >"$step_log" 2>&1; then
        grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking)' "$step_log" | tail -n 40 >&2
        die "$step_what: failed (whole output: ${step_log#"$KW_ROOT"/})"
    fi
}

# as_root COMMAND...: as it is for root, else through sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        die "needs root to run: $* (log in as root or install sudo)"
    fi
}

# One checksum of the named files and folders, of their names and of their contents.
fingerprint() {
    find "$@" -type f ! -path '*/node_modules/*' ! -path '*/dist/*' 2>/dev/null | LC_ALL=C sort |
        xargs -r -d '\n' cksum | cksum | tr ' ' -
}
