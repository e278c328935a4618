# shots.sh - `./kw shots [OPTIONS]`: pictures of every page in every look (tests/e2e/sheet.mjs).
#
# Against a demo of 500 stations of its own, in which things break as they do in life; with KW_DEMO in the
# environment, against that one. The options are those of sheet.mjs.
# shellcheck shell=sh

shots_main() {
    setup_packages build test
    setup_node
    build_preset release
    build_web
    shots_demo=
    if [ -z "${KW_DEMO:-}" ]; then
        shots_data=$(mktemp -d)
        KW_BUILD=$KW_ROOT/build/release sh examples/demo/run.sh --headless --data "$shots_data" --stations 500 --port 0 \
            >"$KW_LOG/shots-demo.log" 2>&1 &
        shots_demo=$!
        trap 'kill -TERM $shots_demo; wait $shots_demo; rm -rf "$shots_data"' EXIT
        shots_wait=0
        until [ -s "$shots_data/demo.json" ]; do
            shots_wait=$((shots_wait + 1))
            if ! kill -0 "$shots_demo" 2>/dev/null || [ $shots_wait -gt 120 ]; then
                die "shots: the demo was not ready after $shots_wait s (build/log/shots-demo.log)"
            fi
            sleep 1
        done
        KW_DEMO=$shots_data/demo.json
        export KW_DEMO
        sleep 20 # the stations are switched on over some seconds, and their first values come
    fi
    node tests/e2e/sheet.mjs "$@"
}
