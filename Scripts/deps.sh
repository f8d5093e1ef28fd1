#!/usr/bin/env bash
# Installs what the build needs from the system: silent and password-free when everything is there already.
# Usage: Scripts/deps.sh [extra Debian packages…]
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }

# Swift 6.2 or newer, which no distribution packages: the one thing we cannot install for the user.
if ! command -v swift >/dev/null; then
    say "deps: Swift is not on the PATH. Install Swift 6.2 or newer from https://www.swift.org/install and try again."
    exit 1
fi
# One that lacks a shared library is on the PATH and does not start; the loader says which.
if ! about=$(swift --version 2>&1); then
    say "deps: swift does not start: ${about:-it says nothing}"
    exit 1
fi
version=$(sed -nE 's/.*Swift version ([0-9]+)\.([0-9]+).*/\1 \2/p' <<<"$about" | head -n 1)
read -r major minor <<<"${version:-0 0}"
if ((major < 6 || (major == 6 && minor < 2))); then
    say "deps: Swift $major.$minor is too old: this package needs 6.2 or newer (https://www.swift.org/install)."
    exit 1
fi

if [[ $(uname -s) == Darwin ]]; then
    exit 0 # Accelerate, SQLite and curl are part of macOS
fi

# libstemmer0d: Snowball's stemmers, loaded when a text index asks for one.
packages=(libopenblas-dev libcurl4-openssl-dev libsqlite3-dev libstemmer0d curl "$@")

if ! command -v dpkg-query >/dev/null; then
    # Not a Debian: say what is needed in the words every distribution has for it, unless the headers are there.
    printf '#include <cblas.h>\n#include <curl/curl.h>\n#include <sqlite3.h>\n' |
        clang -fsyntax-only -x c - 2>/dev/null && exit 0
    say "deps: install the development packages of OpenBLAS, libcurl and SQLite, curl, and libstemmer (Snowball), e.g."
    say "  sudo dnf install openblas-devel libcurl-devel sqlite-devel curl libstemmer"
    say "  sudo pacman -S openblas curl sqlite snowball"
    exit 1
fi

installed() { [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null || true) == installed ]]; }

missing=()
for package in "${packages[@]}"; do installed "$package" || missing+=("$package"); done

((${#missing[@]})) || exit 0

# Nothing is built with the stemmers: without them text indexes that stem are refused, and the rest works.
give_up() {
    [[ ${missing[*]} == libstemmer0d ]] || exit 1
    say "deps: going on without libstemmer0d: text indexes with a stemmer will be refused"
    exit 0
}

install="apt-get install --yes --no-install-recommends ${missing[*]}"
say "deps: installing ${missing[*]}"
if ((EUID == 0)); then
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && $install -qq; } >/dev/null || { say "deps: apt-get failed; type: $install"; give_up; }
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [[ -t 0 ]]; }; then
    # shellcheck disable=SC2086
    { sudo apt-get update -qq && sudo DEBIAN_FRONTEND=noninteractive $install -qq >/dev/null; } || give_up
else
    say "deps: not root and no sudo here; type, as root:"
    say "  apt-get update && $install"
    give_up
fi
