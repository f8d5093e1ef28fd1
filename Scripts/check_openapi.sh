#!/usr/bin/env bash
# Holds openapi.json against the rules of OpenAPI 3.1, with openapi-spec-validator at a fixed version in a virtual
# environment under .build (made once; needs PyPI the first time). The test suite holds the served document against
# openapi.json.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.9.0
venv=.build/openapi-venv
stamp=$venv/openapi-spec-validator-$version

if [[ ! -e $stamp ]]; then
    rm -rf "$venv"
    python3 -m venv "$venv" || {
        echo "check_openapi: python3 with venv is needed (Debian, Ubuntu: sudo apt-get install python3-venv)" >&2
        exit 1
    }
    "$venv/bin/pip" install --quiet --disable-pip-version-check "openapi-spec-validator==$version" || {
        echo "check_openapi: openapi-spec-validator $version could not be installed: is there a network?" >&2
        exit 1
    }
    touch "$stamp"
fi
"$venv/bin/openapi-spec-validator" openapi.json
