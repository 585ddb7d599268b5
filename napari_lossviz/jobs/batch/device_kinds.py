"""Which workers may share a slide: those whose runs use one kind of device.

A cluster may have machines with and without a GPU. Their last digits differ, so that the parts of
one slide are all done on the kind that its first worker has; a worker with another kind declines,
by which the batch learns what it is.
"""

from dataclasses import dataclass

from napari_lossviz.jobs.batch.cluster import Cluster
from napari_lossviz.jobs.batch.outcomes import ItemOrder
from napari_lossviz.jobs.batch.settings import BatchSettings


@dataclass(frozen=True)
class Declined:
    """A worker's word that others are to do something.

    Attributes
    ----------
    kind : str
        Of device, that it does not have: "cuda", "mps" or "cpu".
    worker : str
        Its address, as dask knows it.
    """

    kind: str
    worker: str


class Able:
    """Who may do what belongs to a kind of device, as far as workers have told.

    Parameters
    ----------
    cluster : Cluster
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._unable: dict[str, set[str]] = {}

    def hear(self, declined: Declined) -> None:
        """Keep what a worker told."""
        self._unable.setdefault(declined.kind, set()).add(declined.worker)

    def workers(self, kind: str) -> list[str] | None:
        """Return the addresses of those who may do it; None: anybody."""
        unable = self._unable.get(kind)
        if not unable:
            return None
        return [address for address in self._cluster.addresses if address not in unable]


def device_kind(settings: BatchSettings) -> str:
    """Return "cuda", "mps" or "cpu": what a run with these settings uses in this process.

    Raises
    ------
    DeviceError
        If the settings name a device that is not there.
    """
    from napari_lossviz.engine.devices import choose_device  # torch, which a worker needs anyway

    return choose_device(getattr(settings.config, "device", "cpu")).type


def refused(order: ItemOrder) -> Declined | None:
    """Return this worker's word that an item's parts are of another kind of device than its own."""
    if order.device and device_kind(order.settings) != order.device:
        return declined(order.device)
    return None


def declined(kind: str) -> Declined:
    """Return this worker's word that it does not have such a device."""
    from distributed import get_worker

    return Declined(kind, get_worker().address)
