"""The window: the only room that imports napari, Qt and magicgui."""
