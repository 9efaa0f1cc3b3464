"""Settings: what may a site choose for each node, and what does it choose by saying nothing?

The files, first what there is, then how it is read:

==================  =======================================
module              what is in it
==================  =======================================
``definitions``     all settings of every node
``of_detection``    those of spark_detection
``common``          those of several nodes
``parsing``         how they are read
``suggestions``     what a misspelt one may mean
``contradictions``  those that have no effect beside others
``changed``         those that are not the defaults
``page``            the page about all of them
==================  =======================================
"""

from gadgets.settings.changed import changed_settings, named_files, names_file, without_files
from gadgets.settings.common import NodeSettings, OnFailure, Provider
from gadgets.settings.contradictions import refuse_contradictions
from gadgets.settings.definitions import (
    NODE_SETTINGS,
    AcquisitionBufferSettings,
    CalibrationSettings,
    ImageFFTSettings,
    RawRepairSettings,
)
from gadgets.settings.of_detection import SparkDetectionSettings
from gadgets.settings.parsing import (
    PART,
    SettingsT,
    path_settings,
    properties_of,
    property_names,
    read_settings,
    sees_a_part,
    strict,
    validate,
)
from gadgets.settings.suggestions import did_you_mean, meant_or_known

__all__ = [
    "NODE_SETTINGS",
    "PART",
    "AcquisitionBufferSettings",
    "CalibrationSettings",
    "ImageFFTSettings",
    "NodeSettings",
    "OnFailure",
    "Provider",
    "RawRepairSettings",
    "SettingsT",
    "SparkDetectionSettings",
    "changed_settings",
    "did_you_mean",
    "meant_or_known",
    "named_files",
    "names_file",
    "path_settings",
    "properties_of",
    "property_names",
    "read_settings",
    "refuse_contradictions",
    "sees_a_part",
    "strict",
    "validate",
    "without_files",
]
