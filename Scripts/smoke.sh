#!/usr/bin/env bash
# The README's session against the built binary: start, upload, list, ask, delete, stop. Without Ollama on purpose, so that it
# runs anywhere: the answer is then the extractive one, and says so.
set -euo pipefail
cd "$(dirname "$0")/.."

minilm=.build/release/minilm
port=${SMOKE_PORT:-15002}
base=http://127.0.0.1:$port
data=$(mktemp -d)
export OLLAMA_HOST=127.0.0.1:9 # discard: nothing listens there

"$minilm" serve --data-dir "$data" --port "$port" --llm-port $((port + 1)) --qdrant-port $((port + 2)) >"$data/log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null || true; rm -rf "$data"' EXIT

fail() {
    printf 'smoke: %s\n' "$*" >&2
    tail -n 20 "$data/log" >&2
    exit 1
}
# expect PATTERN TEXT: the text holds the pattern (fixed string).
expect() { [[ $2 == *"$1"* ]] || fail "expected $1 in: $2"; }

for _ in $(seq 100); do
    curl --silent --fail --output /dev/null "$base/readyz" && break
    kill -0 $server 2>/dev/null || fail "the server ended"
    sleep 0.1
done

upload=$(curl --silent --show-error "$base/vector/text-to-vector" -F title=faro -F description=Notes -F user_id=smoke \
    -F url=https://example.org/faro -F file=@Examples/faro.md)
expect '"status":"created"' "$upload"
expect '"title":"faro"' "$(curl --silent "$base/vector/documents")"
expect '"points_count":' "$(curl --silent "http://127.0.0.1:$((port + 2))/collections/documents")"
answer=$(curl --silent "http://127.0.0.1:$((port + 1))/llm/ask" -H 'Content-Type: application/json' \
    -d '{"question": "Quando foi aceso o farol pela primeira vez?", "title_rag": "faro"}')
expect '"generator":"extractive"' "$answer"
expect '1887' "$answer"
expect 'Nearest' "$(curl --silent "$base/llm/ask" -H 'Content-Type: application/json' -d '{"question": "x", "title_rag": "fare"}')"
expect '422' "$(curl --silent --output /dev/null --write-out '%{http_code}' "$base/llm/ask" -H 'Content-Type: application/json' -d '{}')"
document=$(printf '%s' "$upload" | sed -E 's/.*"document_id":"([^"]+)".*/\1/')
expect '"deleted_chunks"' "$(curl --silent -X DELETE "$base/vector/documents/$document")"

printf 'olá mundo\nhello world\n' >"$data/lines.txt"
expect '[101, 19330, 2050, 1010' "$(printf 'Olá, mundo!\n' | "$minilm" tokenize --input -)"
"$minilm" embed --input "$data/lines.txt" --output "$data/vectors.npy"
[[ $(stat -c %s "$data/vectors.npy") == $((128 + 2 * 384 * 4)) ]] || fail "vectors.npy has the wrong size"

[[ $("$minilm" bench embed --texts "$data/lines.txt" --rounds 1 --json) == *'"latency_ms"'* ]] || fail "bench embed"

kill $server
wait $server || fail "the server did not stop cleanly"
# The libraries in another package, as anybody would build it: what is committed, by URL and version, optimised, without flags.
git clone --quiet . "$data/minilm"
git -C "$data/minilm" tag 99.0.0
mkdir "$data/Examples"
cp -r Examples/Package.swift Examples/EmbedLines Examples/SearchNotes "$data/Examples"
sed -i "s|name: \"minilm\", path: \"..\"|url: \"file://$data/minilm\", exact: \"99.0.0\"|" "$data/Examples/Package.swift"
grep -q 'exact: "99.0.0"' "$data/Examples/Package.swift" || fail "the examples do not depend on a version"
[[ ! -e Package.resolved ]] || cp Package.resolved "$data/Examples"
swift build --quiet -c release --security-path "$data/security" --package-path "$data/Examples"
alike=$(printf 'the lamp is lit\nships sail at night\nthe light is on\n' |
    "$data/Examples/.build/release/EmbedLines" weights/all-MiniLM-L6-v2)
expect '“the lamp is lit” and “the light is on”' "$alike"
found=$("$data/Examples/.build/release/SearchNotes" weights/all-MiniLM-L6-v2)
expect 'of 6 notes: ' "$found"
for text in 'Dogs travel free' 'Dogs may sit' 'the boat stays in port'; do expect "$text" "$found"; done
echo "smoke: ok"
