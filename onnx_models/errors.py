"""The root of despark's exception tree, and the part of it that concerns trained models."""


class DesparkError(Exception):
    """Anything that despark itself reports: one line that says what was expected, what was found and where."""


class ModelError(DesparkError):
    """A model is missing, has the wrong hash or the wrong shape, or its manifest entry is not valid."""


class ProviderError(DesparkError):
    """The processor that was asked for (``provider=cuda``) is not the one that an opened session runs on."""
