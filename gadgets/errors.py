"""Every exception that despark raises on purpose.

::

    DesparkError
    ├── ModelError         a model is missing, damaged or does not fit its manifest entry
    ├── ProviderError      a GPU was asked for and the opened session runs elsewhere
    ├── SettingsError      a property is unknown or its value is of the wrong type
    │   └── StoreError     the file that a setting names, a history or a report, cannot be used
    ├── RawDataError       a raw file or stream cannot be read, or holds nothing to work on
    ├── ArrayError         an array is no k-space that could be judged; a ValueError, too
    ├── PipelineError      a chain (XML) cannot be read or cannot be run here
    ├── TrustError         a client asks a server for what it does not allow
    ├── WireError          bytes on a connection are not what the protocol says
    │   └── PeerLostError  the other side went away without a CLOSE
    └── NodeError          a node of a running chain failed
"""

from onnx_models.errors import DesparkError, ModelError, ProviderError

__all__ = [
    "ArrayError",
    "DesparkError",
    "ModelError",
    "NodeError",
    "PeerLostError",
    "PipelineError",
    "ProviderError",
    "RawDataError",
    "SettingsError",
    "StoreError",
    "TrustError",
    "WireError",
    "in_words",
    "trace_of",
]


class SettingsError(DesparkError):
    """A property is unknown or its value is of the wrong type; names node, property and value."""


class StoreError(SettingsError):
    """The file that a setting names, a history or a report, cannot be used: the setting itself may be right."""


class RawDataError(DesparkError):
    """A raw file or stream cannot be read, or holds nothing to work on."""


class ArrayError(DesparkError, ValueError):
    """An array that was handed over in Python is no k-space that could be judged: shape, type or values."""


class PipelineError(DesparkError):
    """A chain cannot be read, or asks for something that only a real Gadgetron can run."""


class TrustError(DesparkError):
    """A client asks for what the server's configuration does not allow; names the option that would."""


class WireError(DesparkError):
    """Bytes on a connection are not what the protocol says."""


class PeerLostError(WireError):
    """The other side of a connection went away without a CLOSE."""


class NodeError(DesparkError):
    """A node of a running chain failed; names the node and its reason."""


def in_words(error: BaseException) -> str:
    """Say why something failed: what the exception says, or its kind where it says nothing, as some of memory do.

    An exception is true whatever it says, so ``error or …`` would never name its kind.
    """
    return str(error) or type(error).__name__


def trace_of(error: Exception) -> Exception | None:
    """Give what a log is to tell beside the words: of an error of ours nothing, of any other where it was raised."""
    return None if isinstance(error, DesparkError) else error
