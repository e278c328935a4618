# stages_test.sh - Can `./kw test` be fooled? A stage that fails, dies or runs nothing must show.
#
# Drives tools/test.sh with stages made up here: no build, no packages, a second.
#
# usage: sh tests/tools/stages_test.sh      from the root of the tree
set -eu

KW_ROOT=$(mktemp -d)
export KW_ROOT
trap 'rm -rf "$KW_ROOT"' EXIT
TREE=$PWD
. "$TREE/tools/common.sh"
mkdir -p "$KW_ROOT/tools" "$KW_ROOT/tests/one" "$KW_ROOT/tests/none"
cp "$TREE"/tools/*.sh "$KW_ROOT/tools/"
: >"$KW_ROOT/tests/one/a_test.c"
cd "$KW_ROOT"
. tools/test.sh

# What a real run would set up; here there is nothing to set up.
setup_packages() { :; }
setup_node() { :; }
build_preset() { :; }

stage_table() {
    cat <<'TEXT'
good      one             passes three
hollow    none            finds nothing
broken    none            fails one of two
dead      none            stops half-way
shy       none            passes one, skips one
TEXT
}
stage_good() { ran 3; }
stage_hollow() { :; }
stage_broken() {
    ran 1
    return 1
}
stage_dead() {
    ran 1
    exit 7
}
stage_shy() {
    ran 1
    skipped "the one about the moon (no moon)"
}

checks=0
# expect WANTED-STATUS PATTERN STAGE...: the run ends like this and says this.
expect() {
    wanted_status=$1
    pattern=$2
    shift 2
    checks=$((checks + 1))
    status=0
    text=$( (test_main "$@") 2>&1) || status=1
    if [ $status -ne "$wanted_status" ] || ! printf '%s\n' "$text" | grep -q "$pattern"; then
        printf 'FAILED: test %s: status %s, wanted %s and /%s/ in:\n%s\n' \
            "$*" $status "$wanted_status" "$pattern" "$text" >&2
        exit 1
    fi
}

expect 0 'good .* 3 passed  ok' good
expect 0 'all stages passed' good shy
expect 0 'shy: the one about the moon (no moon)' shy
expect 1 'found nothing to run' hollow
expect 1 'broken .* FAILED' broken
expect 1 'dead .* FAILED' dead
expect 1 'good .* 3 passed  ok' good broken
expect 1 'failed: hollow broken dead' good hollow broken dead
expect 1 "no stage 'moon'" moon
expect 1 "not '-x'" -x
mkdir -p tests/forgotten
: >tests/forgotten/a.test.mjs
expect 1 'tests/forgotten has files, but no stage' good
printf '%s checks of the stages\n' $checks
