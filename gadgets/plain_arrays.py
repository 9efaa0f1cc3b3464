"""Sparks in a k-space that is a NumPy array: found and repaired without a Gadgetron, files or a header.

These are the functions that the nodes use; what comes out is bit for bit what ``raw_repair`` gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gadgets.arrays import ComplexArray
from gadgets.detection import open_detector
from gadgets.errors import ArrayError, SettingsError
from gadgets.failing_open import calibrate, extent_of
from gadgets.kspace import kspace_of
from gadgets.process import one_blas_thread
from gadgets.records import Detection, Point
from gadgets.repair import open_value_assignment
from gadgets.settings import RawRepairSettings, validate


class SparkDetector:
    """Finds and repairs sparks in any number of k-spaces, with models that are opened once.

    Parameters
    ----------
    settings
        Those of the nodes by name, as on the command line: ``{"spark_detection.threshold": 0.9}``. All names:
        ``gadgets/SETTINGS.md``.

    Raises
    ------
    SettingsError
        A setting is unknown, or its value is of the wrong type.
    ModelError, ProviderError
        A model is missing or damaged, or a GPU was asked for and is not there.
    """

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        if not isinstance(settings or {}, Mapping):
            found = type(settings).__name__
            raise SettingsError(f"expected settings by name, {{'spark_detection.threshold': 0.9}}, found a {found}")
        asked = validate(settings or {}, RawRepairSettings, "raw_repair")
        if any(each.report for each in (asked, asked.acquisition_buffer, asked.spark_detection, asked.calibration)):
            raise SettingsError("report: expected no report file, what is found is returned; found one")
        # Whoever calls from Python sees a failure as an exception, and decides himself what to go on with.
        self._calibration = asked.calibration.model_copy(update={"on_failure": "fail"})
        with one_blas_thread():
            # Limited only while despark works: the rest of the program keeps its threads.
            self._detector = open_detector(asked.spark_detection)
            self._assignment = open_value_assignment(asked.calibration)

    @property
    def provider(self) -> str:
        """What the models run on: ``CPUExecutionProvider``, ``CUDAExecutionProvider``; empty where there are none."""
        return self._detector.provider

    def find(
        self,
        kspace: ArrayLike,
        sampled: ArrayLike | None = None,
        centre: Sequence[int] | None = None,
        reversed_lines: ArrayLike | None = None,
        *,
        is_gridded: bool = True,
    ) -> Detection:
        """Find the abnormal samples of one k-space.

        Parameters
        ----------
        kspace
            Complex samples as the receivers gave them, shape ``(coil, ky, kx)`` or ``(coil, kz, ky, kx)``; not changed.
            Zero where nothing was sampled. Before any filter, crop, coil compression or removal of oversampling.
        sampled
            Which samples were acquired, shape ``(ky, kx)`` or ``(kz, ky, kx)``. None: all that are not zero in every
            receiver.
        centre
            Index of the k-space centre along each axis but the first. None: the middle, ``n // 2``.
        reversed_lines
            Readouts that were acquired from right to left and are stored so (EPI), shape ``(ky,)`` or ``(kz, ky)``.
            None: none.
        is_gridded
            Whether lines are places in k-space; False where they only number the readouts (radial, spiral).

        Returns
        -------
        Detection
            Its ``points`` have partition, line, sample, receivers and probability; ``warning`` says why a k-space was
            not judged (fewer than 8 lines, for example).

        Raises
        ------
        ArrayError
            The array is not complex, has other axes, or holds NaN or Inf; or another argument does not fit it.
        """
        acquired = kspace_of(kspace, sampled, centre, reversed_lines, is_gridded=is_gridded)
        with one_blas_thread():
            found = self._detector.detect(acquired)
        return found.model_copy(update=extent_of(acquired))

    def repair(
        self,
        kspace: ArrayLike,
        found: Detection | Sequence[Point],
        sampled: ArrayLike | None = None,
        centre: Sequence[int] | None = None,
        reversed_lines: ArrayLike | None = None,
        *,
        is_gridded: bool = True,
    ) -> ComplexArray:
        """Repair the samples that were found, in the receivers that were hit.

        Parameters
        ----------
        found
            What :meth:`find` gave for this k-space, or some points of it.
        kspace, sampled, centre, reversed_lines, is_gridded
            As in :meth:`find`.

        Returns
        -------
        ComplexArray
            A new array of the same shape and type. Samples that were not repaired are bit for bit the same.

        Raises
        ------
        ArrayError
            As in :meth:`find`; or the sparks were found in a k-space of another shape.
        NodeError
            The points do not belong to this k-space, or the repair failed.
        """
        given = np.asarray(kspace)
        acquired = kspace_of(kspace, sampled, centre, reversed_lines, is_gridded=is_gridded)
        if isinstance(found, Detection):
            if found.shape != acquired.data.shape:
                raise ArrayError(
                    f"expected the k-space in which the sparks were found, of shape {found.shape}, "
                    f"found one of shape {acquired.data.shape}"
                )
            points, more = found.points, (found.target_patches, found.repairs)
        else:
            # Points alone tell of no patches, and not what detection knows of their repair.
            points, more = tuple(found), ((), ())
        with one_blas_thread():
            data, _ = calibrate(acquired, points, self._calibration, self._assignment, *more)
        # In the type and shape that was given, not in those of the method.
        result = given.copy()
        if data is not None:
            changed = (data != acquired.data).reshape(given.shape)
            # Only what changed: the method works in single precision, and samples given in double keep all their
            # digits.
            result[changed] = data.reshape(given.shape)[changed]
        return result


def find_sparks(kspace: ArrayLike, settings: Mapping[str, Any] | None = None, **about: Any) -> Detection:  # noqa: ANN401
    """Find the abnormal samples of one k-space; opens the models anew, see :class:`SparkDetector` for many.

    Parameters
    ----------
    kspace
        Complex samples, shape ``(coil, ky, kx)`` or ``(coil, kz, ky, kx)``.
    settings
        See :class:`SparkDetector`.
    about
        What else is known of the k-space: see :meth:`SparkDetector.find`, which says what is given and raised.
    """
    return SparkDetector(settings).find(kspace, **about)


def repair_sparks(
    kspace: ArrayLike,
    found: Detection | Sequence[Point] | None = None,
    settings: Mapping[str, Any] | None = None,
    **about: Any,  # noqa: ANN401
) -> ComplexArray:
    """Repair the samples that were found, or find them first; gives a new array.

    Parameters
    ----------
    kspace
        Complex samples, shape ``(coil, ky, kx)`` or ``(coil, kz, ky, kx)``; not changed.
    found
        What :func:`find_sparks` gave. None: it is called first.
    settings, about
        As in :func:`find_sparks`; what is given and raised: :meth:`SparkDetector.repair`.
    """
    detector = SparkDetector(settings)
    return detector.repair(kspace, detector.find(kspace, **about) if found is None else found, **about)
