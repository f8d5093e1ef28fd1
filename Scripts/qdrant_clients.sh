#!/usr/bin/env bash
# Qdrant's own Python clients, and what is built on them, against the built binary: Examples/qdrant. Each client has an environment of
# its own under .build. Where no packages can be had the examples are skipped, with a word; under CI=true that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

minilm=.build/release/minilm
port=${EXAMPLES_PORT:-16333}
url=http://127.0.0.1:$port
data=$(mktemp -d)
server=
trap 'kill $server 2>/dev/null || true; rm -rf "$data"' EXIT

environment() { # environment NAME PACKAGE...: a Python with these packages
    local path=.build/qdrant-$1
    shift
    if [[ ! -x $path/bin/pip ]]; then python3 -m venv "$path"; fi && "$path/bin/pip" install --quiet --disable-pip-version-check "$@"
}

serve() {
    "$minilm" serve --data-dir "$data" --port $((port + 1)) --llm-port off --qdrant-port "$port" >"$data/log" 2>&1 &
    server=$!
    for _ in $(seq 100); do
        # A port that is taken leaves the server running without it: whoever answers there must not be taken for ours.
        if grep -q "Qdrant API on .*:$port" "$data/log" && curl --silent --fail --output /dev/null "$url/readyz"; then return; fi
        sleep 0.1
    done
    tail -n 20 "$data/log" >&2
    exit 1
}

if ! { environment client-1.20.0 qdrant-client==1.20.0 && environment client-1.15.1 qdrant-client==1.15.1 &&
    environment frameworks langchain-qdrant==1.1.0 llama-index-vector-stores-qdrant==0.10.4 mcp-server-qdrant==0.8.1; }; then
    echo "examples: the clients cannot be installed here (Debian: apt-get install python3-venv)" >&2
    if [[ ${CI:-} == true ]]; then exit 1; fi
    exit 0
fi
if curl --silent --output /dev/null "$url"; then
    echo "examples: something listens on port $port already; EXAMPLES_PORT chooses another" >&2
    exit 1
fi
serve
.build/qdrant-client-1.20.0/bin/python -W ignore Examples/qdrant/session.py "$url"
.build/qdrant-client-1.15.1/bin/python -W ignore Examples/qdrant/session.py "$url" --only-server
.build/qdrant-frameworks/bin/python -W ignore Examples/qdrant/frameworks.py "$url"
.build/qdrant-client-1.20.0/bin/python Examples/qdrant/durability.py write "$url" $server "$data/acknowledged"
wait $server 2>/dev/null || true
serve
.build/qdrant-client-1.20.0/bin/python Examples/qdrant/durability.py check "$url" "$data/acknowledged"
echo "examples: ok"
