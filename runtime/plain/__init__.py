"""What `sysidc compile` writes out: data, windows and training as one would write them by hand for a single model.

The compiler reads these files as text and takes from them what a spec needs; none of them may lean on the rest of the
runtime beyond the layers, the error band and the simulated systems, which are taken in the same way.
"""
