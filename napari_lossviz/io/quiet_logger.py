"""Keeps what libraries log from people, where the caller tells what matters of it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_logger(library: str, level: int = logging.CRITICAL) -> Iterator[None]:
    """Let a library's logger say things of a level and above only.

    Parameters
    ----------
    library : str
        Name of its logger, as "tifffile".
    level : int
        Above `logging.CRITICAL` it says nothing.
    """
    logger = logging.getLogger(library)
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)
