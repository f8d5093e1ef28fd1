#!/usr/bin/env bash
# Checks openapi.json with openapi-spec-validator, in an environment of its own under .build. Where there is no Python or no
# way to install the validator, says so and checks nothing, except in CI (CI=true), where that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

environment=.build/openapi-validator
version=$(sed -n 's/^openapi-spec-validator==//p' Scripts/requirements.txt)

install() {
    python3 -m venv "$environment" &&
        "$environment/bin/pip" install --quiet --disable-pip-version-check "openapi-spec-validator==$version"
}

if ! [[ -x $environment/bin/openapi-spec-validator ]] && ! install >/dev/null 2>&1; then
    rm -rf "$environment"
    echo "openapi: openapi-spec-validator could not be installed; openapi.json was not validated" >&2
    [[ ${CI:-} != true ]]
    exit
fi
"$environment/bin/openapi-spec-validator" Sources/Server/Resources/openapi.json
