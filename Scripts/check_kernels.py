#!/usr/bin/env python3
"""Looks at the machine code of a release build's matrix kernels: are a tile's 24 sums in registers, and one instruction a product?

More than once the optimiser has left them in memory after a change that had nothing to do with the kernel's text, and it made two
instructions of the one that multiplies 16 bits. That costs a factor of two to five and breaks no test. For each kind of product there
must be a loop that adds to 24 registers by its own instruction and takes no vector from the stack or to it. Builds without AVX-512
have other tiles, and those without VNNI other instructions: what they do not have is not checked.

    Scripts/check_kernels.py .build/release/minilm
"""

import re
import subprocess
import sys

INSTRUCTION = re.compile(r"\s+([0-9a-f]+):\s+(\w+)\s*(.*?)\s*(?:[#<].*)?$")
STACK = re.compile(r"\(%r[sb]p[,)]")
PRODUCTS = {"float32": "vfmadd231ps", "16 bits": "vpdpwssd", "8 bits": "vpdpbusd"}
TILES = re.compile("MiniLM.*(PanelProduct|ProductTile|forEachTile)")
SUMS = 24


def kernels(binary):
    """The instructions, [(address, name, operands)], of each function that runs tiles of products."""
    functions, current = [], None
    command = ["objdump", "--disassemble", "--no-show-raw-insn", binary]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as objdump:
        for line in objdump.stdout:
            if line.endswith(">:\n"):
                current = [] if TILES.search(line) else None
                if current is not None:
                    functions.append(current)
            elif current is not None and (match := INSTRUCTION.match(line)):
                current.append((int(match[1], 16), match[2], match[3]))
    if objdump.returncode:
        sys.exit("objdump fails")
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
    functions = kernels(sys.argv[1])
    if not functions:
        sys.exit("the kernels' functions are not there: inlined, renamed, or the symbols are stripped")
    code = [instruction for function in functions for instruction in function]
    if not any("%zmm" in operands for _, _, operands in code):
        print("kernels: not a build for AVX-512, nothing to check")
        return
    names = {name for _, name, _ in code}
    found = {
        kind: any(is_sound(loop, product) for function in functions for loop in loops(function))
        for kind, product in PRODUCTS.items()
        if product in names or kind == "float32"
    }
    for kind, sound in found.items():
        verdict = "in registers" if sound else f"are NOT in registers in any loop of {PRODUCTS[kind]}"
        print(f"kernels, {kind}: {SUMS} sums {verdict}")
    if not all(found.values()):
        sys.exit(1)


main()
