# bench.sh - `./kw bench [NAME]`: run tests/bench/NAME.sh or NAME.mjs, or every one of them.
#
# A bench measures ours and a floor program in the same run, prints a table, and ends with a
# status other than 0 when a bar is missed: figures of two machines are never compared. `--faults`
# runs the long form of the fault tests (tests/bench/faults*), which no plain run includes.
# shellcheck shell=sh

bench_list() {
    find tests/bench -maxdepth 1 -type f \( -name '*.sh' -o -name '*.mjs' \) 2>/dev/null |
        LC_ALL=C sort
}

bench_name() {
    basename "$1" | sed 's/\.[a-z]*$//'
}

# bench_run FILE ARGUMENTS...
bench_run() {
    bench_file=$1
    shift
    printf '\n== %s\n' "$(bench_name "$bench_file")"
    case $bench_file in
    *.mjs) node "$bench_file" "$@" ;;
    *) sh "$bench_file" "$@" ;;
    esac || bench_failed="$bench_failed $(bench_name "$bench_file")"
}

bench_main() {
    case ${1:-} in
    --list)
        for file in $(bench_list); do bench_name "$file"; done
        return 0
        ;;
    --faults) only=faults ;;
    *) only=${1:-} ;;
    esac
    [ $# -eq 0 ] || shift
    setup_packages build bench
    setup_node
    build_preset release
    build_web
    [ ! -f tests/bench/package.json ] || npm_packages tests/bench
    KW_BUILD=$KW_ROOT/build/release
    KW_BIN=$KW_BUILD/kilowatch
    export KW_BUILD KW_BIN
    bench_failed=
    bench_found=0
    printf 'machine: %s, %s cores, load %s\n' "$(uname -mr)" "$(nproc)" "$(cut -d' ' -f1-3 /proc/loadavg)"
    for file in $(bench_list); do
        name=$(bench_name "$file")
        case $only:$name in
        :faults*) continue ;;
        faults:faults* | :*) ;;
        "$name:$name") ;;
        *) continue ;;
        esac
        bench_found=$((bench_found + 1))
        bench_run "$file" "$@"
    done
    [ $bench_found -gt 0 ] || die "no bench '${only:-at all}' in tests/bench; there are: $(
        for file in $(bench_list); do printf '%s ' "$(bench_name "$file")"; done)"
    [ -z "$bench_failed" ] || die "bench: bar missed or failed:$bench_failed"
    say "bench: $bench_found done"
}
