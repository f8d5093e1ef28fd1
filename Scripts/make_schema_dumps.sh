#!/usr/bin/env bash
# Databases as older versions of the store left them, as SQL: Tests/VectorStoreTests/Goldens/schema-*.sql, which OlderSchemaTests
# makes files of again. Each was written by the last commit of its schema itself, whose sources come out of the repository's history
# and are built with Scripts/schema_dumps. A dump is made once and stays, because directories out there are like it: call this for a
# schema that has none yet.
#
#     swift build && Scripts/make_schema_dumps.sh SCHEMA…        with sqlite3, from 3.40 on; several minutes the first time
set -euo pipefail
cd "$(dirname "$0")/.."

# The last commit that wrote the schema, for today's one of now. 2 is what 0.1.0 was.
commit_of() {
    case $1 in
    1) echo 01c59b4 ;;
    2) echo 61f7303 ;;
    3) echo d307e06 ;;
    4) echo a852323 ;;
    5) echo 28bf6f1 ;;
    *) echo "there is no schema $1" >&2; return 1 ;;
    esac
}

export CHECKOUTS=${CHECKOUTS:-$PWD/.build/checkouts} SCHEMA HAS_STEMMER
package=$PWD/.build/schema-dumps
for SCHEMA in "$@"; do
    commit=$(commit_of "$SCHEMA")
    git cat-file -e "$commit" 2>/dev/null || { echo "schema $SCHEMA: commit $commit is not in this clone's history" >&2; exit 1; }
    rm -rf "$package/Sources" "$package/data"
    mkdir -p "$package/Sources/writer"
    cp Scripts/schema_dumps/Package.swift "$package/"
    cp Scripts/schema_dumps/writer.swift "$package/Sources/writer/"
    git archive "$commit" Sources/CIntrinsics Sources/HNSW Sources/VectorStore | tar -x -C "$package"
    HAS_STEMMER=no
    if git cat-file -e "$commit:Sources/CStemmer" 2>/dev/null; then
        HAS_STEMMER=yes
        git archive "$commit" Sources/CStemmer | tar -x -C "$package"
    fi
    swift run --package-path "$package" writer "$package/data"
    sqlite3 "$package/data/points.sqlite" .dump >"Tests/VectorStoreTests/Goldens/schema-$SCHEMA.sql"
    if [[ -e $package/data/graphs/1-.hnsw ]]; then
        cp "$package/data/graphs/1-.hnsw" "Tests/VectorStoreTests/Goldens/schema-$SCHEMA.hnsw"
    fi
done
