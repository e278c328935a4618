#!/bin/sh
# live.sh - `./kw bench live`: 500 stations, 50 browsers' worth of subscribers, one minute.
#
# The demo is started as a user would start it; one Lua client on our own host measures it (see
# live/client.lua for how). Bars: p99 from a station's frame at the gateway to the delta at a client below
# 60 ms; gateway, service and Redis together below 250 MB and 20 % of a core; ready within 60 s.
set -eu

stations=${1:-500} clients=${2:-50} seconds=${3:-60}
bin=${KW_BIN:-build/release/kilowatch}
data=$(mktemp -d)
demo=
clean_up() {
    if [ -n "$demo" ]; then
        kill -TERM "$demo" 2>/dev/null || true
        wait "$demo" || echo "the demo ended with status $?" >&2
    fi
    rm -rf "$data"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

began=$(date +%s%3N)
sh examples/demo/run.sh --headless --port 0 --data "$data" --stations "$stations" -- --calm \
    --aligned 10 --meter 10 >"$data/demo.out" 2>&1 &
demo=$!
until [ -s "$data/demo.json" ]; do
    if ! kill -0 "$demo" 2>/dev/null; then
        cat "$data/demo.out" >&2
        exit 1
    fi
    sleep 0.1
done
ready=$(($(date +%s%3N) - began))

status=0
"$bin" run tests/bench/live/client.lua --demo "$data/demo.json" --clients "$clients" \
    --seconds "$seconds" --stations "$stations" --ready-ms $ready || status=$?
exit $status
