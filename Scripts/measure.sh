#!/usr/bin/env bash
# What the README says of the built program's size, start-up and memory, measured here: five starts of an empty server, on
# MEASURE_PORT.
set -euo pipefail
cd "$(dirname "$0")/.."

minilm=.build/release/minilm
port=${MEASURE_PORT:-15102}
server=
folder=$(mktemp -d)
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi; rm -rf "$folder"' EXIT
export OLLAMA_HOST=127.0.0.1:9

printf 'binary: %.1f MB\n' "$(stat -Lc %s "$minilm" | awk '{ print $1 / 1e6 }')"
for run in 1 2 3 4 5; do
    begin=$(date +%s%N)
    "$minilm" serve --data-dir "$folder/$run" --port "$port" --llm-port off --qdrant-port off >"$folder/log" 2>&1 &
    server=$!
    until curl --silent --fail --output /dev/null "http://127.0.0.1:$port/readyz"; do
        kill -0 "$server" 2>/dev/null || { echo "the server ended: $(tail -n 1 "$folder/log")" >&2; exit 1; }
        sleep 0.005
    done
    ready=$(date +%s%N)
    idle=$(awk '/VmRSS/ { print $2 }' "/proc/$server/status")
    curl --silent --fail --output /dev/null "http://127.0.0.1:$port/vector/text-to-vector" -F title=faro -F file=@Examples/faro.md
    used=$(awk '/VmRSS/ { print $2 }' "/proc/$server/status")
    kill "$server"
    wait "$server" || true
    awk -v run="$run" -v ms="$(((ready - begin) / 1000000))" -v idle="$idle" -v used="$used" 'BEGIN {
        printf "start %d: ready after %d ms, resident %.0f MB idle, %.0f MB after an upload\n", run, ms, idle / 1024, used / 1024 }'
done
