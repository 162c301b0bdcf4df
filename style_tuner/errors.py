"""What can go wrong that a user can mend; every message names the value and the remedy."""


class StyleTunerError(Exception):
    """Base of all errors that are shown to the user as a sentence; anything else is a fault of the program."""


class ConfigError(StyleTunerError):
    """A setting is unknown, of the wrong type, out of range or missing."""


class ManuscriptError(StyleTunerError):
    """An uploaded file cannot be read as a manuscript."""


class DatasetError(StyleTunerError):
    """There is too little text to train on, or a dataset file has a fault."""


class ModelError(StyleTunerError):
    """A model folder is missing, incomplete or does not fit the adapter."""


class JobError(StyleTunerError):
    """A run cannot be started, stopped, resumed or found."""


class ServerError(StyleTunerError):
    """A server cannot start, does not answer, or refuses a request."""


class WorldError(StyleTunerError):
    """A world or an entry is missing or malformed, or another process owns the index."""


class StorageError(StyleTunerError):
    """A file cannot be written; what was there before is untouched."""
