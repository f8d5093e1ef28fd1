#!/usr/bin/env python3
"""Prints the coefficients of Sources/MiniLM/ElementaryFunctions.swift and the error each polynomial has in float64.

All are minimax fits by Lawson's iteration: least squares whose weights grow where the error is largest.

    .venv/bin/python Scripts/fit_gelu.py
"""

import math

import numpy as np


def minimax(basis, target, weight, rounds=2000):
    """Coefficients c that minimise max |weight * (basis @ c - target)|."""
    share = np.full(len(target), 1 / len(target))
    best, best_error = None, math.inf
    for _ in range(rounds):
        row = (np.sqrt(share) * weight)[:, None]
        coefficients = np.linalg.lstsq(basis * row, target * row[:, 0], rcond=None)[0]
        error = np.abs(weight * (basis @ coefficients - target))
        if error.max() < best_error:
            best, best_error = coefficients, error.max()
        share = share * error
        share /= share.sum()
    return best, best_error


def report(name, coefficients, error):
    print(name, f"largest error {error:.1e}")
    for power, value in enumerate(coefficients):
        print(f"    {power}: {np.float32(value)!r}")


# exp(r) = 1 + r + r^2 * P(r) on |r| <= ln2 / 2, relative error.
r = np.linspace(-math.log(2) / 2, math.log(2) / 2, 4001)
r = r[np.abs(r) > 1e-4]
target = (np.expm1(r) - r) / r**2
report("exp", *minimax(np.vander(r, 5, increasing=True), target, r**2 / np.exp(r)))

# 2^f = 1 + f * P(f) on 0 < f <= 1, relative error.
f = np.linspace(0, 1, 4001)[1:]
report("2^f", *minimax(np.vander(f, 6, increasing=True), (2**f - 1) / f, f / 2**f))

# log erfc(t / sqrt 2) = t * Q(t) on 0 < t <= 6, weighted by what an error of the logarithm does to
# gelu(-t) = -t/2 * erfc(t / sqrt 2): the absolute error of GELU.
t = np.linspace(0, 6, 6002)[1:]
erfc = np.array([math.erfc(value / math.sqrt(2)) for value in t])
target = np.log(erfc) / t
for degree in (7, 8, 9, 10):
    report(f"log erfc, degree {degree}", *minimax(np.vander(t, degree + 1, increasing=True), target, t * t / 2 * erfc))
