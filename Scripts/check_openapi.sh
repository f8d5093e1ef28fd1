#!/usr/bin/env bash
# Holds /openapi.json's document against the rules of OpenAPI 3.1, with openapi-spec-validator at a fixed version in a
# virtual environment under .build (made once; needs PyPI the first time). The test suite holds it against the routes.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n "s/^openapi-spec-validator==//p" Scripts/requirements.txt)
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
"$venv/bin/openapi-spec-validator" Sources/Server/Resources/openapi.json
