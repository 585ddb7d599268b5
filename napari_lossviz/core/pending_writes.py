"""Chunks that zarr still writes when one of them has failed."""

import asyncio


def let_writes_end() -> None:
    """Wait for the chunks that are on their way.

    zarr writes the chunks of a part at once, in a thread of its own. If one fails, the others go
    on, and would make a folder again that was removed meanwhile.
    """
    from zarr.core.sync import sync

    async def end() -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    sync(end())
