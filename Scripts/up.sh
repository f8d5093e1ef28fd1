#!/usr/bin/env bash
# Starts `minilm serve` in the background and returns when it is ready, or stops it: Scripts/up.sh up|down [options of serve…]
set -euo pipefail
cd "$(dirname "$0")/.."

data=${DATA_DIR:-data}
port=${PORT:-5002}
pidfile=$data/minilm.pid
log=$data/minilm.log
minilm=.build/release/minilm

say() { printf '%s\n' "$*" >&2; }
running() { [[ -f $pidfile ]] && kill -0 "$(<"$pidfile")" 2>/dev/null; }

up() {
    if running; then
        say "minilm already runs (process $(<"$pidfile")); make down stops it"
    else
        mkdir -p "$data"
        # A session of its own: it outlives this terminal and its interrupts.
        setsid "$minilm" serve "$@" >"$log" 2>&1 </dev/null &
        echo $! >"$pidfile"
    fi
    for _ in $(seq 300); do
        if curl --silent --fail --max-time 2 --output /dev/null "http://127.0.0.1:$port/readyz"; then
            say "ready on http://127.0.0.1:$port (log: $log)"
            "$minilm" info --chat
            return
        fi
        if ! running; then
            say "minilm ended while starting:"
            tail -n 20 "$log" >&2
            rm -f "$pidfile"
            exit 1
        fi
        sleep 0.1
    done
    say "minilm is not ready after 30 seconds; see $log"
    exit 1
}

down() {
    if ! running; then
        say "minilm is not running"
        rm -f "$pidfile"
        return
    fi
    local pid
    pid=$(<"$pidfile")
    kill "$pid"
    for _ in $(seq 150); do
        kill -0 "$pid" 2>/dev/null || { rm -f "$pidfile"; say "stopped"; return; }
        sleep 0.1
    done
    say "process $pid does not end; see $log"
    exit 1
}

command=$1
shift
"$command" "$@"
