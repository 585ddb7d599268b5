"""Many images: the same method and settings on all of them, on a dask cluster."""
