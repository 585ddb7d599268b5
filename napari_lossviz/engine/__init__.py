"""What all methods run on: kernels in blocks, threads, devices, memory. Names are imported lazily."""
