"""The hot paths: one folder per operation, each with a formula, a reference and its kernels.

The folder lies at the top of the repository and is installed as ``fastdis.kernels``.
"""

if __name__ != "fastdis.kernels":
    raise ImportError("this package is installed and imported as fastdis.kernels; run: pip install -e .")
