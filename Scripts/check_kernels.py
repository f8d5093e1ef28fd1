#!/usr/bin/env python3
"""Looks at the machine code of a release build's matrix kernels: are a tile's 24 sums in registers, and one instruction a product?

More than once the optimiser has left them in memory after a change that had nothing to do with the kernel's text, and it made two
instructions of the one that multiplies 16 bits. That costs a factor of two to five and breaks no test. For each kind of product there
must be a loop that adds to 24 registers by its own instruction and takes no vector from the stack or to it. Builds without AVX-512
have other tiles, and those without VNNI other instructions: the build says itself which it has (as `minilm info` does, under
"kernels"), and what it does not have is not checked.

Exits with 1 where sums are not in registers, with 2 where nothing can be told.

    Scripts/check_kernels.py .build/release/minilm
"""

import pathlib
import re
import subprocess
import sys

INSTRUCTION = re.compile(r"\s+([0-9a-f]+):\s+(\w+)\s*(.*?)\s*(?:[#<].*)?$")
STACK = re.compile(r"\(%r[sb]p[,)]")
PRODUCTS = {"float32": "vfmadd231ps", "16 bits": "vpdpwssd", "8 bits": "vpdpbusd"}
TILES = re.compile("MiniLM.*(PanelProduct|ProductTile|forEachTile)")
SUMS = 24
# What a build calls its instructions, the only name it holds (cintrinsics_instructions), and the products that have 24 sums then.
BUILDS = {b"AVX-512, VNNI\0": ["float32", "16 bits", "8 bits"], b"AVX-512\0": ["float32"]}
OTHER_BUILDS = [b"AVX2, FMA, VNNI\0", b"AVX2, FMA\0", b"AVX\0", b"NEON\0", b"SSE2\0"]


def give_up(reason):
    print(f"kernels: {reason}", file=sys.stderr)
    sys.exit(2)


def expected(binary):
    """The kinds of products that this build should sum in 24 registers."""
    try:
        content = pathlib.Path(binary).read_bytes()
    except OSError as error:
        give_up(error)
    for name, kinds in BUILDS.items():
        if b"\0" + name in content:
            return kinds
    if not any(b"\0" + name in content for name in OTHER_BUILDS):
        give_up(f"{binary} does not say for which instructions it was built")
    return []


def kernels(binary):
    """The instructions, [(address, name, operands)], of each function that runs tiles of products."""
    functions, current = [], None
    command = ["objdump", "--disassemble", "--no-show-raw-insn", binary]
    try:
        objdump = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    except FileNotFoundError:
        give_up("objdump is not there: install binutils")
    with objdump:
        for line in objdump.stdout:
            if line.endswith(">:\n"):
                current = [] if TILES.search(line) else None
                if current is not None:
                    functions.append(current)
            elif current is not None and (match := INSTRUCTION.match(line)):
                current.append((int(match[1], 16), match[2], match[3]))
    if objdump.returncode:
        give_up(f"objdump ended with status {objdump.returncode}")
    return functions


def loops(function):
    """What lies between a jump back and where it jumps to."""
    place = {address: index for index, (address, _, _) in enumerate(function)}
    for index, (address, name, operands) in enumerate(function):
        if name.startswith("j") and re.fullmatch(r"[0-9a-f]+", operands):
            begin = place.get(int(operands, 16), index)
            if begin < index:
                yield function[begin:index]


def is_sound(loop, product):
    sums = {operands.split(",")[-1] for _, name, operands in loop if name == product and "%zmm" in operands}
    on_stack = any("%zmm" in operands and STACK.search(operands) for _, _, operands in loop)
    return len(sums) == SUMS and not on_stack


def main():
    if len(sys.argv) != 2:
        give_up("usage: check_kernels.py BINARY")
    kinds = expected(sys.argv[1])
    if not kinds:
        print("kernels: not a build for AVX-512, nothing to check")
        return
    functions = kernels(sys.argv[1])
    if not functions:
        give_up("their functions are not there: inlined, renamed, or the symbols are stripped")
    found = {
        kind: any(is_sound(loop, PRODUCTS[kind]) for function in functions for loop in loops(function)) for kind in kinds}
    for kind, sound in found.items():
        verdict = "in registers" if sound else f"are NOT in registers in any loop of {PRODUCTS[kind]}"
        print(f"kernels, {kind}: {SUMS} sums {verdict}")
    if not all(found.values()):
        sys.exit(1)


main()
