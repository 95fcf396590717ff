"""Replaces a checkpoint's parameters by their mean with those of another.

    python average.py build/checkpoint.npz build/earlier.npz
"""

import os
import sys

import numpy as np


def main():
    path, other = sys.argv[1:]
    x, y = np.load(path), np.load(other)
    mean = {k: (x[k] + y[k]) / 2 if k.startswith("p/") else x[k] for k in x.files}
    np.savez(path + ".part.npz", **mean)
    os.replace(path + ".part.npz", path)


if __name__ == "__main__":
    main()
