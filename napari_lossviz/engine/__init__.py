"""What all methods run on: kernels in blocks of rows, threads, devices, memory."""
