"""The errors that a user may see: each says what was found, what was expected, what to do."""


class LossvizError(Exception):
    """Base of all errors that are meant to be shown to a user as they are."""


class InputError(LossvizError, ValueError):
    """An input (file, array, layer, parameter) cannot be used; the message names it."""


class UnsupportedFileError(InputError):
    """A file is of a kind that no reader takes, or holds no pixels."""


class MissingPackageError(LossvizError, ImportError):
    """An optional package is needed; the message holds the command that installs it."""


class OutputExistsError(LossvizError, FileExistsError):
    """A file would be overwritten and nobody said that it may be."""


class OutputError(LossvizError, OSError):
    """An output could not be written; nothing half-written was left behind."""


class OutOfMemoryError(LossvizError, MemoryError):
    """The device's memory does not suffice; the message says how much is missing and what helps."""


class DeviceError(LossvizError, RuntimeError):
    """The device asked for is not there."""
