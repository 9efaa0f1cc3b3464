"""Value assignment: a network says what the samples of a burst should be, receiver by receiver.

Source document: a value assignment model gives the abnormal points their values (repair by a network). It looks at
windows of the k-space around the burst, and gives what is to be added to what interpolation filled in. A network that
gives nothing is interpolation.
"""

from __future__ import annotations

from gadgets.arrays import ComplexArray
from gadgets.process import warm_store
from gadgets.repair.network.windows import WINDOW_SET, Windows
from gadgets.settings import CalibrationSettings
from onnx_models.loader import open_model
from onnx_models.manifest import models_folder, read_manifest
from onnx_models.model import Model


class ValueAssignment:
    """The opened model.

    Parameters
    ----------
    model
        Takes windows and gives what is to be added to the fill, real and imaginary part.
    """

    def __init__(self, model: Model) -> None:
        self._model = model

    @property
    def provider(self) -> str:
        """What the opened session runs on."""
        return self._model.provider

    def correction(self, windows: Windows) -> ComplexArray:
        """Give what is to be added to the fill of a burst, shape ``(receiver, sample)``."""
        # Real and imaginary part, in the windows' unit: in it the fill's usual error is 1.
        parts = self._model.run(windows=windows.values)["correction"][windows.here]
        correction: ComplexArray = (parts[:, 0] + 1j * parts[:, 1]) * windows.unit[:, None]
        return correction


def open_value_assignment(settings: CalibrationSettings) -> ValueAssignment | None:
    """Open the model that a repair needs, and warm it; None where the settings ask for no network.

    Raises
    ------
    ModelError
        The model is missing, damaged, or made for other windows.
    ProviderError
        The provider asked for is not there.
    """
    if settings.method != "network":
        return None
    # Only a server keeps models from scan to scan.
    warm = warm_store()
    if warm is None:
        return load_value_assignment(settings)
    key = (models_folder(settings.models).resolve(), settings.provider)
    return warm.open("value assignment", key, lambda: load_value_assignment(settings))


def load_value_assignment(settings: CalibrationSettings) -> ValueAssignment:
    """Open and warm the model anew; raises as :func:`open_value_assignment`."""
    entry = read_manifest(settings.models).find("value_assignment", normalisation=WINDOW_SET)
    model = open_model(entry, settings.models, settings.provider)
    model.warm_up()
    return ValueAssignment(model)
