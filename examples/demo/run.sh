#!/bin/sh
# run.sh - A whole complex on this machine: Redis, gateway, service, stations; stopped as one.
#
# Called by `./kw demo`. Everything lives in one folder (--data) and listens on loopback only. Parts are
# started in the order in which they need each other and stopped in the reverse; if one dies by itself the
# others are stopped too and its last words are shown (with --restart it is started again instead, as a
# service manager would, on the same ports: the fault tests need that).
#
# A second start with the same folder finds its stations, keys and history again.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
bin=${KW_BIN:-${KW_BUILD:-$root/build/release}/kilowatch}

stations=60 drivers='' port=8443 data=$root/build/demo seed=1 headless=0 restart=0 speed=1 zone=''

usage() {
    cat <<'TEXT'
usage: ./kw demo [OPTIONS] [-- FLEET OPTIONS]
  --stations N   charging stations (60)
  --drivers N    people with keys (two for three stations, at least 40)
  --port P       of the page (8443); 0: any free one
  --data DIR     where everything is kept (build/demo)
  --seed S       other cars, other people (1)
  --speed X      cars come, charge and leave so many times faster (1)
  --zone NAME    time zone of the complex (the machine's)
  --restart      start a part again when it dies, instead of ending
  --headless     for programs: no hints for people
TEXT
}

say() { printf '%s\n' "demo: $*" >&2; }

while [ $# -gt 0 ]; do
    case $1 in
    --headless) headless=1 ;;
    --restart) restart=1 ;;
    --help | -h) usage && exit 0 ;;
    --stations | --drivers | --port | --data | --seed | --speed | --zone)
        [ $# -gt 1 ] || { say "$1 needs a value" && exit 2; }
        case $1 in
        --stations) stations=$2 ;;
        --drivers) drivers=$2 ;;
        --port) port=$2 ;;
        --data) data=$2 ;;
        --seed) seed=$2 ;;
        --speed) speed=$2 ;;
        --zone) zone=$2 ;;
        esac
        shift
        ;;
    --)
        shift
        break
        ;;
    *)
        usage >&2
        say "unknown option '$1'"
        exit 2
        ;;
    esac
    shift
done

for number in "$stations" "$port" "${drivers:-1}"; do
    case $number in
    '' | *[!0-9]*) say "'$number' is not a whole number" && exit 2 ;;
    esac
done
if [ -z "$drivers" ]; then
    drivers=$((stations * 2 / 3))
    [ $drivers -ge 40 ] || drivers=40
fi
[ -n "$zone" ] || zone=${TZ:-$(cat /etc/timezone 2>/dev/null || echo UTC)}
[ -x "$bin" ] || { say "$bin is not there: run ./kw build first" && exit 1; }

umask 077
mkdir -p "$data/redis" "$data/log" "$data/run" "$data/core"
data=$(CDPATH='' cd -- "$data" && pwd)
exec 9>"$data/run/lock"
flock -n 9 || { say "another demo runs in $data" && exit 1; }
rm -f "$data/demo.json" "$data/core/ports.json" "$data/core/gateway-ports.json" "$data"/run/*.pid

socket=$data/redis/redis.sock
short=''
if [ ${#socket} -gt 100 ]; then # longer than a socket's path may be
    short=$(mktemp -d)
    socket=$short/redis.sock
fi

# --- parts: start_NAME starts it in the background and leaves its pid in $! ---

# Its own session, so that Ctrl-C reaches this script alone; TERM if this script is killed.
launch() {
    part=$1
    shift
    setsid setpriv --pdeathsig TERM "$@" </dev/null >>"$data/log/$part.log" 2>&1 9>&- &
    echo $! >"$data/run/$part.pid"
}

start_redis() {
    launch redis redis-server --port 0 --unixsocket "$socket" --unixsocketperm 700 \
        --dir "$data/redis" --appendonly yes --appendfsync everysec --save '' \
        --maxmemory-policy noeviction --daemonize no
}

start_gateway() { launch gateway "$bin" gateway --config "$data/run/config.lua"; }

start_service() { launch service "$bin" serve --config "$data/run/config.lua"; }

fleet_options=
start_fleet() {
    # shellcheck disable=SC2086  # a list of words
    TZ=$zone launch fleet "$bin" run "$root/examples/fleet/main.lua" --url "$ocpp_url" \
        --stations "$data/fleet.json" --state "$data/fleet-state.json" --seed "$seed" \
        --speed "$speed" $fleet_options
}

pid_of() { cat "$data/run/$1.pid" 2>/dev/null || echo 0; }

# A dead child may still stand in the table until somebody waits for it.
alive() {
    pid=$(pid_of "$1")
    [ "$pid" -gt 0 ] || return 1
    case $(cut -d' ' -f3 "/proc/$pid/stat" 2>/dev/null) in
    '' | Z | X) return 1 ;;
    esac
}

stop() {
    alive "$1" || return 0
    pid=$(pid_of "$1")
    kill -TERM "$pid" 2>/dev/null || return 0
    tries=0
    while alive "$1"; do
        tries=$((tries + 1))
        if [ $tries -eq 100 ]; then
            say "$1 did not stop in 10 s: killed"
            kill -KILL "$pid" 2>/dev/null
            stopped_badly=1
        fi
        sleep 0.1
    done
}

stopped_badly=0
stop_all() {
    trap '' INT TERM
    stop helper
    for part in fleet service gateway redis; do stop $part; done
    rm -rf "$data/demo.json" "$data"/run/*.pid ${short:+"$short"}
}

on_signal() {
    stop_all
    [ $stopped_badly -eq 0 ] || exit 1
    [ $headless -eq 1 ] || say "stopped"
    exit 0
}
trap on_signal INT TERM

# fail WHAT PART: say it with the end of its log, stop the rest.
fail() {
    say "$1"
    [ ! -s "$data/log/$2.log" ] || tail -n 20 "$data/log/$2.log" | sed 's/^/  /' >&2
    say "whole log: $data/log/$2.log"
    stop_all
    exit 1
}

# wait_for PART WHAT SECONDS COMMAND...: until the command succeeds, while the part lives.
wait_for() {
    wait_part=$1 wait_what=$2 wait_left=$(($3 * 10))
    shift 3
    until "$@" >/dev/null 2>&1; do
        alive "$wait_part" || fail "$wait_part ended before $wait_what" "$wait_part"
        wait_left=$((wait_left - 1))
        [ $wait_left -gt 0 ] || fail "$wait_part: no $wait_what in time" "$wait_part"
        sleep 0.1
    done
}

port_in() { sed -n "s/.*\"$2\"[: ]*\([0-9]*\).*/\1/p" "$data/core/$1"; }

# helper FILE ARGUMENTS...: a Lua program of this folder, in the background so that a signal ends the wait.
helper() {
    helper_file=$1
    shift
    launch helper "$bin" run "$here/$helper_file" "$@"
    helper_status=0
    wait "$!" || helper_status=$?
    [ $helper_status -eq 0 ] || fail "$helper_file failed" helper
}

cat >"$data/run/config.lua" <<LUA
-- Written by examples/demo/run.sh at each start.
return {
  data_dir = "$data/core", redis_url = "unix://$socket", complex_name = "Northgate Park", zone = "$zone",
  listen_host = "127.0.0.1", listen_port = $port, contact = "the person who started this demo",
  ocpp_host = "127.0.0.1", ocpp_port = 0, ocpps_port = -1, control_host = "127.0.0.1", control_port = 0,
}
LUA

began=$(date +%s)
for log in "$data"/log/*.log; do [ ! -f "$log" ] || : >"$log"; done
[ ! -d "$root/web/dist" ] || export KW_WEB_DIR="${KW_WEB_DIR:-$root/web/dist}"

start_redis
wait_for redis "a first answer" 20 sh -c "redis-cli -s '$socket' ping | grep -q PONG"
start_gateway
wait_for gateway "its ports" 30 test -s "$data/core/gateway-ports.json"
KW_OCPP_PORT=$(port_in gateway-ports.json ocpp)
KW_CONTROL_PORT=$(port_in gateway-ports.json control)
ocpp_url=ws://127.0.0.1:$KW_OCPP_PORT/ocpp
KW_CONTROL_URL=http://127.0.0.1:$KW_CONTROL_PORT
export KW_OCPP_PORT KW_CONTROL_PORT KW_CONTROL_URL
start_service
wait_for service "its port" 30 test -s "$data/core/ports.json"
KW_LISTEN_PORT=$(port_in ports.json https)
export KW_LISTEN_PORT
url=https://127.0.0.1:$KW_LISTEN_PORT
ca=$data/core/tls/cert.pem

[ $headless -eq 1 ] || say "making $stations stations and $drivers drivers"
helper provision.lua --url "$url" --ca-file "$ca" --setup-code "$data/core/setup-code" \
    --sign-in "$data/sign-in.json" --fleet "$data/fleet.json" --stations "$stations" \
    --drivers "$drivers" --seed "$seed"
fleet_options=$*
start_fleet
helper ready.lua --url "$url" --ca-file "$ca" --sign-in "$data/sign-in.json" \
    --stations "$stations" --out "$data/demo.json" --ocpp-url "$ocpp_url" \
    --control-url "$KW_CONTROL_URL" --redis-url "unix://$socket" --run-dir "$data/run"

say "ready after $(($(date +%s) - began)) s with $stations stations: $url"
if [ $headless -eq 0 ]; then
    say "sign in as $(sed -n 's/.*"email":"\([^"]*\)".*/\1/p' "$data/sign-in.json")," \
        "password $(sed -n 's/.*"password":"\([^"]*\)".*/\1/p' "$data/sign-in.json")"
    say "the certificate is its own: the browser will ask once; Ctrl-C stops everything"
fi

ended=
while :; do
    for part in redis gateway service fleet; do
        [ $part != "$ended" ] || continue
        alive $part && continue
        part_status=0
        wait "$(pid_of $part)" 2>/dev/null || part_status=$?
        if [ $part = fleet ] && [ $part_status -eq 0 ]; then # it was told to end (--until, --run-for)
            ended=fleet
            continue
        fi
        while [ -e "$data/run/hold" ]; do sleep 0.1; done # a test does something to what is dead
        [ $restart -eq 1 ] || fail "$part died by itself (status $part_status)" $part
        say "$part died (status $part_status): started again"
        start_$part
    done
    sleep 0.3
done
