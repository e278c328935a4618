# test.sh - `./kw test`: run the stages of tools/stages.sh, say what happened, miss nothing.
#
# The one idea: green means that every stage of the table ran something and nothing of it failed.
# A stage that found nothing to run is a failure, a skipped test is told by name, and a folder of
# tests/ that no stage claims fails the run. A failed stage does not stop the others.
# shellcheck shell=sh

. tools/lint.sh
. tools/stages.sh

# For the stages: what they ran and what they left out.
ran() {
    printf '%s\n' "${1:-0}" >>"$TEST_OUT/$TEST_STAGE.ran"
}
skipped() {
    printf '%s\n' "$TEST_STAGE: $*" >>"$TEST_OUT/skipped"
}

test_list() {
    stage_table | awk '$1 != "-" { name = $1; $1 = ""; $2 = ""; sub(/^ +/, ""); printf "  %-8s %s\n", name, $0 }'
}

# Folders of tests/ with files in them that no line of the table claims.
test_orphans() {
    for folder in tests/*/; do
        name=$(basename "$folder")
        [ -n "$(find "$folder" -type f ! -path '*/node_modules/*' | head -n 1)" ] || continue
        stage_table | awk -v name="$name" '
            { count = split($2, folder, ","); for (i in folder) if (folder[i] == name) found = 1 }
            END { exit !found }' || printf '%s\n' "tests/$name"
    done
}

# The stage in a shell of its own, so that whatever it does, its status is known here.
test_guarded() {
    if ("stage_$1"); then
        echo 0 >"$TEST_OUT/$1.status"
    else
        echo $? >"$TEST_OUT/$1.status"
    fi
}

# test_stage NAME: run it, one line of summary.
test_stage() {
    TEST_STAGE=$1
    test_log=$KW_LOG/test-$1.log
    test_from=$(date +%s)
    printf '  %-8s ' "$1"
    test_result=ok
    if [ "$verbose" = yes ]; then
        printf '\n'
        test_guarded "$1" 2>&1 | tee "$test_log"
    else
        test_guarded "$1" >"$test_log" 2>&1
    fi
    count=$(awk '{ sum += $1 } END { print sum + 0 }' "$TEST_OUT/$1.ran" 2>/dev/null || echo 0)
    if [ "$(cat "$TEST_OUT/$1.status" 2>/dev/null)" != 0 ]; then
        test_result=FAILED
    elif [ "$count" -eq 0 ]; then
        test_result="FAILED: found nothing to run"
    fi
    printf '%5s s  %6s passed  %s\n' "$(($(date +%s) - test_from))" "$count" "$test_result"
    if [ "$test_result" != ok ]; then
        test_failed="$test_failed $1"
        [ "$verbose" = yes ] || tail -n 60 "$test_log" | sed 's/^/    /'
        printf '    whole output: %s\n' "${test_log#"$KW_ROOT"/}"
    fi
}

test_main() {
    verbose=no
    wanted_stages=
    for argument in "$@"; do
        case $argument in
        -v) verbose=yes ;;
        --list)
            test_list
            return 0
            ;;
        -*) die "test knows -v, --list and names of stages, not '$argument'" ;;
        *)
            test_list | grep -q "^  $argument " || die "no stage '$argument'; there are:
$(test_list)"
            wanted_stages="$wanted_stages $argument"
            ;;
        esac
    done
    [ -n "$wanted_stages" ] || wanted_stages=$(stage_table | awk '$1 != "-" { print $1 }')

    test_begin=$(date +%s)
    TEST_OUT=$KW_ROOT/build/test
    rm -rf "$TEST_OUT"
    mkdir -p "$TEST_OUT"
    setup_packages build test lint
    setup_node
    build_preset asan
    [ ! -f web/package.json ] || npm_packages web
    stage_environment
    test_failed=
    for stage in $wanted_stages; do
        test_stage "$stage"
    done
    for orphan in $(test_orphans); do
        printf '  %s has files, but no stage of tools/stages.sh runs it\n' "$orphan"
        test_failed="$test_failed $orphan"
    done
    if [ -s "$TEST_OUT/skipped" ]; then
        printf '  skipped:\n'
        sed 's/^/    /' "$TEST_OUT/skipped"
    else
        printf '  skipped: none\n'
    fi
    printf '  total %s s\n' "$(($(date +%s) - test_begin))"
    [ -z "$test_failed" ] || die "test: failed:$test_failed"
    say "test: all stages passed"
}
