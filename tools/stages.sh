# stages.sh - The stages of `./kw test`: the table first, then one function a stage.
#
# A stage's function prints into its log and reports through three small words:
#   ran N          how many tests really ran: a stage that ran none has failed
#   skipped WHAT   one test that did not run, with its reason: it is told in the summary
#   its status     0, or the stage has failed
# Every folder of tests/ that holds files belongs to a stage (second column; `-` is the stage of
# those that are no tests by themselves): a new folder without a line here fails the run.
# shellcheck shell=sh

# stage | folders of tests/ | what it runs
stage_table() {
    cat <<'TEXT'
lint      tools           layers, house rules, format, luacheck, shell
unit      unit            C unit tests under ASan and UBSan
fuzz      fuzz            seeds and past findings through the fuzz targets, once
lua       lua             Lua tests on the host
web       wire            the page: types, lint, build, sizes, Vitest
scenes    scenes          the real binaries, a private Redis, clients of our own
e2e       e2e             the page in Chromium against a whole running complex
-         support,bench   helpers; measurements (./kw bench)
TEXT
}

# Where the C programs of every stage come from, and how their sanitizers behave: any report ends
# the program with status 99, which nothing else uses, and leaks count.
stage_environment() {
    KW_BUILD=$KW_ROOT/build/asan
    KW_BIN=$KW_BUILD/kilowatch
    ASAN_OPTIONS=detect_leaks=1:exitcode=99:detect_stack_use_after_return=1:strict_string_checks=1
    LSAN_OPTIONS=exitcode=99:print_suppressions=0
    UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:exitcode=99
    if [ -f tests/support/lsan.supp ]; then
        LSAN_OPTIONS=$LSAN_OPTIONS:suppressions=$KW_ROOT/tests/support/lsan.supp
    fi
    export KW_BUILD KW_BIN ASAN_OPTIONS LSAN_OPTIONS UBSAN_OPTIONS
}

stage_lint() {
    ./kw lint || return 1
    ran "$(sed -n 's/^\([0-9]*\) checks,.*/\1/p' "$KW_LOG/lint-selftest.log")"
}

stage_unit() {
    stage_status=0
    ctest --test-dir build/asan -j2 -V -L unit --no-tests=error >"$KW_LOG/ctest.log" 2>&1 || stage_status=1
    cat "$KW_LOG/ctest.log"
    ran "$(grep -c '\[       OK \]' "$KW_LOG/ctest.log")"
    sed -n 's/^.*\[  SKIPPED \] \([^ ]*\).*$/\1 (cmocka skip)/p' "$KW_LOG/ctest.log" |
        sort -u | while read -r name; do skipped "$name"; done
    return $stage_status
}

# Without a fuzzer: that is `./kw fuzz`.
stage_fuzz() {
    stage_status=0
    ctest --test-dir build/asan -j2 -V -L fuzz --no-tests=error >"$KW_LOG/replay.log" 2>&1 ||
        stage_status=1
    cat "$KW_LOG/replay.log"
    sed -n 's/^.*replayed \([0-9]*\) inputs$/\1/p' "$KW_LOG/replay.log" |
        while read -r count; do ran "$count"; done
    return $stage_status
}

# Lua tests: tests/lua/run.lua prints «N checks, M failed» as its last line.
stage_lua() {
    "$KW_BIN" run tests/lua/run.lua >"$KW_LOG/lua.out" 2>&1 || { cat "$KW_LOG/lua.out"; return 1; }
    cat "$KW_LOG/lua.out"
    ran "$(sed -n 's/^\([0-9]*\) checks, 0 failed.*/\1/p' "$KW_LOG/lua.out" | tail -n 1)"
}

# Scenes: one node process a file, against the real binaries.
stage_scenes() {
    [ ! -f tests/scenes/package.json ] || npm_packages tests/scenes
    node_tests tests/scenes
}

# The page: types, unit tests, lint, build and its size, each an npm script of web/.
stage_web() {
    cd web || return 1
    for script in types:check typecheck lint build size; do
        if node -e 'process.exit(require("./package.json").scripts[process.argv[1]] ? 0 : 1)' $script; then
            echo "== npm run $script"
            npm run --silent $script || return 1
        fi
    done
    echo "== vitest"
    stage_status=0
    npx vitest run --reporter=default --reporter=json --outputFile.json="$KW_LOG/vitest.json" ||
        stage_status=1
    ran "$(node -p 'require(process.argv[1]).numPassedTests' "$KW_LOG/vitest.json")"
    node -e '
        for (const file of require(process.argv[1]).testResults)
            for (const test of file.assertionResults)
                if (!["passed", "failed"].includes(test.status))
                    console.log(test.fullName.replace(/\s+/g, " ") + " (" + test.status + ")")
        ' "$KW_LOG/vitest.json" | while read -r name; do skipped "$name"; done
    return $stage_status
}

# The page in Chromium against a whole running complex: tests/e2e through `npm run e2e` and `e2e:alone` of web/,
# which finds the address and the sign-in in the file named by KW_DEMO (see examples/demo).
stage_e2e() {
    stage_data=$(mktemp -d)
    sh examples/demo/run.sh --headless --data "$stage_data" --stations 60 --port 0 --speed 5 \
        >"$KW_LOG/e2e-demo.log" 2>&1 &
    stage_demo=$!
    stage_wait=0
    until [ -s "$stage_data/demo.json" ]; do
        stage_wait=$((stage_wait + 1))
        if ! kill -0 $stage_demo 2>/dev/null || [ $stage_wait -gt 120 ]; then
            kill -TERM $stage_demo 2>/dev/null
            echo "the demo was not ready after $stage_wait s:"
            tail -n 30 "$KW_LOG/e2e-demo.log"
            return 1
        fi
        sleep 1
    done
    stage_status=0
    export KW_DEMO="$stage_data/demo.json"
    for script in e2e e2e:alone; do # what measures has the machine for itself
        stage_out=$KW_LOG/$(echo $script | tr : -).tap
        timeout -k 10 900 npm run --prefix web --silent $script >"$stage_out" 2>&1 || stage_status=1
        cat "$stage_out"
        ran "$(sed -n 's/^. pass \([0-9]*\)$/\1/p; s/^ℹ pass \([0-9]*\)$/\1/p' "$stage_out" | tail -n 1)"
    done
    kill -TERM $stage_demo  # a background job of sh ignores INT
    wait $stage_demo || { echo "the demo ended with status $?"; stage_status=1; }
    rm -rf "$stage_data"
    return $stage_status
}

# node_tests FOLDER: every *.test.mjs of it, one at a time: two cores are soon full of servers.
node_tests() {
    stage_tap=$KW_LOG/$(basename "$1").tap
    stage_status=0
    find "$1" -name '*.test.mjs' ! -path '*/node_modules/*' | LC_ALL=C sort |
        xargs -r node --test --test-concurrency=1 --test-reporter=spec \
            --test-reporter-destination=stdout --test-reporter=tap \
            --test-reporter-destination="$stage_tap" || stage_status=1
    [ -f "$stage_tap" ] || return 1
    ran "$(sed -n 's/^# pass \([0-9]*\)$/\1/p' "$stage_tap" | tail -n 1)"
    sed -n 's/^ *ok [0-9]* - \(.*\) # \(SKIP\|TO''DO\) *\(.*\)$/\1 (\3)/p' "$stage_tap" |
        while read -r name; do skipped "$name"; done
    return $stage_status
}
