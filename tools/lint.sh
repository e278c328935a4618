# lint.sh - `./kw lint`: everything that can be said about the sources without running them.
#
# Fast checks first, each one line in the summary; all of them run even when one fails, so that
# one run tells everything. `--fix` lets clang-format write the layout; `--full` adds clang-tidy,
# which takes minutes and remembers in build/tidy which files it has already found clean.
# shellcheck shell=sh

lint_failed=
lint_ran=0

# lint_step NAME COMMAND...: one line, and what it said when it failed.
lint_step() {
    lint_name=$1
    lint_log=$KW_LOG/lint-$1.log
    shift
    lint_ran=$((lint_ran + 1))
    if "$@" >"$lint_log" 2>&1; then
        printf '  %-12s ok      %s\n' "$lint_name" "$(tail -n 1 "$lint_log" | cut -c 1-70)"
    else
        printf '  %-12s FAILED  %s\n' "$lint_name" "(${lint_log#"$KW_ROOT"/})"
        head -n 60 "$lint_log" | sed 's/^/    /'
        lint_failed="$lint_failed $lint_name"
    fi
}

lint_c_files() {
    find core tests examples -name '*.[ch]' -type f ! -path '*/node_modules/*'
}

lint_sh_files() {
    printf '%s\n' kw .ci/run tools/clean-room
    find tools tests examples -name '*.sh' -type f ! -path '*/node_modules/*'
}

lint_format() {
    lint_c_files | xargs clang-format-14 --dry-run 2>&1 | awk -F: '
        / warning: code should be clang-formatted/ { places[$1]++ }
        / error: / { print; bad = 1 }
        END {
            for (file in places) { print file ": " places[file] " places (./kw lint --fix)"; bad = 1 }
            exit bad
        }' && printf '%s files\n' "$(lint_c_files | wc -l)"
}

lint_luacheck() {
    find lua tools tests examples -name '*.lua' -type f ! -path '*/node_modules/*' |
        LC_ALL=C sort >"$KW_LOG/lua-files"
    xargs luacheck -q --no-color <"$KW_LOG/lua-files"
}

lint_selftest() {
    sh tests/tools/stages_test.sh && lua5.4 tests/tools/tools_test.lua
}

lint_shell() {
    lint_sh_files | xargs shellcheck -s sh -S warning && lint_sh_files | xargs -n 1 dash -n &&
        printf '%s files\n' "$(lint_sh_files | wc -l)"
}

# clang-tidy over every source whose own text, or any header or setting, has changed.
lint_tidy() {
    mkdir -p build/tidy
    headers=$(fingerprint .clang-tidy CMakeLists.txt cmake core/*/*.h)
    tidy_status=0
    for source in $(find core -name '*.c' | LC_ALL=C sort); do
        stamp=build/tidy/$(printf %s "$source" | tr / _)
        now="$headers $(cksum <"$source")"
        [ "$(cat "$stamp" 2>/dev/null)" = "$now" ] && continue
        if clang-tidy-14 --quiet -p build/asan "$source" 2>/dev/null; then
            printf '%s\n' "$now" >"$stamp"
        else
            tidy_status=1
        fi
    done
    printf '%s files\n' "$(find core -name '*.c' | wc -l)"
    return $tidy_status
}

lint_main() {
    full=no
    for argument in "$@"; do
        case $argument in
        --full) full=yes ;;
        --fix) fix=yes ;;
        *) die "lint knows --fix and --full, not '$argument'" ;;
        esac
    done
    setup_packages lint
    if [ "${fix:-no}" = yes ]; then
        lint_c_files | xargs clang-format-14 -i
        lua5.4 tools/lua_types.lua
        say "clang-format has written the layout"
    fi
    lint_step layers lua5.4 tools/layers.lua
    lint_step rules lua5.4 tools/house_rules.lua
    lint_step selftest lint_selftest
    lint_step format lint_format
    lint_step types lua5.4 tools/lua_types.lua --check
    lint_step luacheck lint_luacheck
    lint_step shell lint_shell
    if [ -f web/package.json ]; then
        npm_packages web
        lint_step web npm run --prefix web lint
    fi
    if [ $full = yes ]; then
        setup_packages build test tidy
        build_preset asan
        lint_step tidy lint_tidy
    fi
    [ -z "$lint_failed" ] || die "lint:$lint_failed"
    say "lint: $lint_ran checks passed"
}
