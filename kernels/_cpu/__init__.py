"""What every CPU kernel shares. Operations state their loops; how these are compiled and run is told here.

=================  ==========================================================================================
compile.py         the options of Numba, for functions that Python calls and for those that kernels call
cache.py           where compiled code is kept, and when it is thrown away
parallel_for.py    a kernel over chunks, on as many threads as the work is worth
threads.py         the threads: torch's own, where they can be reached
exponential.py     exponentials free of branches, for loops that LLVM vectorises and for those of simd.py
simd.py            loops written in vector instructions
register_tile.py   a tile of multiply-adds that stays in registers
splitmix.py        random integers
arrays.py          tensors as NumPy arrays and back
=================  ==========================================================================================

The compiled code of an operation is kept under a digest of the files in its folder, of those here, and of the
folders that it imports from.
"""
