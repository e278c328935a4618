# fuzz.sh - `./kw fuzz [SECONDS] [NAME]`: every libFuzzer target of tests/fuzz, one after another.
#
# Seeds come from tests/fuzz/corpus/NAME (in git); what libFuzzer discovers goes to
# build/fuzz/corpus/NAME and is used again by the next run. A finding is written to
# build/fuzz/findings and fails the run: fix it, and keep the input as a unit test.
# shellcheck shell=sh

# fuzz_one NAME SECONDS: a line with executions a second and coverage.
fuzz_one() {
    fuzz_log=$KW_LOG/fuzz-$1.log
    mkdir -p "build/fuzz/corpus/$1" build/fuzz/findings
    fuzz_seeds=tests/fuzz/corpus/$1
    [ -d "$fuzz_seeds" ] || fuzz_seeds=
    fuzz_dictionary=
    [ ! -f "tests/fuzz/$1.dict" ] || fuzz_dictionary=-dict=tests/fuzz/$1.dict
    fuzz_status=ok
    # shellcheck disable=SC2086  # an empty word must vanish
    ASAN_OPTIONS=detect_leaks=1:symbolize=1 ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-14 \
        "build/fuzz/$1" -max_total_time="$2" -timeout=10 -rss_limit_mb=1024 -max_len=65536 \
        -print_final_stats=1 -artifact_prefix="build/fuzz/findings/$1-" $fuzz_dictionary \
        "build/fuzz/corpus/$1" $fuzz_seeds >"$fuzz_log" 2>&1 || fuzz_status=FINDING
    awk -v name="$1" -v status="$fuzz_status" '
        /cov: / { for (i = 1; i < NF; i++) { if ($i == "cov:") cov = $(i + 1); if ($i == "ft:") ft = $(i + 1); if ($i == "corp:") corp = $(i + 1) } }
        /^stat::number_of_executed_units:/ { units = $2 }
        /^stat::average_exec_per_sec:/ { rate = $2 }
        END { printf "  %-24s %10d runs %8d /s   edges %5d   features %6d   corpus %-12s %s\n", name, units, rate, cov, ft, corp, status }
    ' "$fuzz_log"
    [ "$fuzz_status" = ok ] || {
        grep -E -A 20 'ERROR: |runtime error:|SUMMARY: ' "$fuzz_log" | head -n 40 | sed 's/^/    /'
        fuzz_failed="$fuzz_failed $1"
    }
}

fuzz_main() {
    seconds=${1:-60}
    only=${2:-}
    case $seconds in
    *[!0-9]* | '') die "fuzz takes a number of seconds, not '$seconds'" ;;
    esac
    setup_packages build fuzz
    build_preset fuzz
    fuzz_failed=
    fuzz_found=0
    for source in $(find tests/fuzz -name '*_fuzz.c' | LC_ALL=C sort); do
        name=$(basename "$source" .c)
        [ -z "$only" ] || [ "$only" = "$name" ] || continue
        fuzz_found=$((fuzz_found + 1))
        fuzz_one "$name" "$seconds"
    done
    [ $fuzz_found -gt 0 ] || die "no target ${only:+'$only' }in tests/fuzz"
    [ -z "$fuzz_failed" ] || die "fuzz: findings in build/fuzz/findings:$fuzz_failed"
    say "fuzz: $fuzz_found targets, no finding"
}
