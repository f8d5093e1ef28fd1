#!/usr/bin/env bash
# Qdrant's own Python clients against the built binary, each in an environment of its own: Examples/qdrant.
set -euo pipefail
cd "$(dirname "$0")/.."

minilm=.build/release/minilm
port=${EXAMPLES_PORT:-16333}
data=$(mktemp -d)
server=
trap 'kill $server 2>/dev/null || true; rm -rf "$data"' EXIT

client() { # client VERSION: a Python with this qdrant-client
    local environment=.build/qdrant-client-$1
    if [[ ! -x $environment/bin/python ]]; then python3 -m venv "$environment"; fi
    "$environment/bin/pip" install --quiet --disable-pip-version-check "qdrant-client==$1"
}

serve() {
    "$minilm" serve --data-dir "$data" --port $((port + 1)) --llm-port off --qdrant-port "$port" >>"$data/log" 2>&1 &
    server=$!
    for _ in $(seq 100); do
        curl --silent --fail --output /dev/null "http://127.0.0.1:$port/readyz" && return
        sleep 0.1
    done
    tail -n 20 "$data/log" >&2
    exit 1
}

for version in 1.20.0 1.15.1; do
    if ! client "$version"; then
        echo "examples: skipped, qdrant-client $version cannot be installed here" >&2
        exit 0
    fi
done
serve
.build/qdrant-client-1.20.0/bin/python -W ignore Examples/qdrant/session.py "http://127.0.0.1:$port"
.build/qdrant-client-1.15.1/bin/python -W ignore Examples/qdrant/session.py "http://127.0.0.1:$port" --only-server
.build/qdrant-client-1.20.0/bin/python Examples/qdrant/durability.py write "http://127.0.0.1:$port"
kill -9 $server
wait $server 2>/dev/null || true
serve
.build/qdrant-client-1.20.0/bin/python Examples/qdrant/durability.py check "http://127.0.0.1:$port"
echo "examples: ok"
