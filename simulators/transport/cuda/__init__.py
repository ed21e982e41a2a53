"""Label transport as kernels for CUDA, which a C++ compiler takes as well, and what lays out their arrays."""
