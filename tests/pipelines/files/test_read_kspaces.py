import numpy as np
import pytest

from gadgets.errors import RawDataError
from gadgets.kspace.readout import ACQ_IS_NOISE_MEASUREMENT
from pipelines.files.raw_file import RawFile
from pipelines.files.raw_writer import write_raw_file
from pipelines.files.read_kspaces import read_kspaces


def test_every_imaging_readout_of_a_real_file_is_in_a_kspace(each_raw_file):
    with RawFile(each_raw_file) as raw:
        acquisitions = list(raw.acquisitions())
    n_readouts = 0
    for acquired in read_kspaces(each_raw_file):
        for readout in acquired.readouts:
            assert np.array_equal(readout.data, acquisitions[readout.source].data)
        assert acquired.kspace.acquired_lines.sum() == len(acquired.readouts)
        n_readouts += len(acquired.readouts)
    n_other = 3 if each_raw_file.stem == "siemens_epi_2ch" else 0
    assert n_readouts == len(acquisitions) - n_other


def test_a_file_without_imaging_data_is_refused(phantom_file, tmp_path):
    with RawFile(phantom_file) as raw:
        noise = [item for item in raw.acquisitions() if int(item.fields["flags"]) & ACQ_IS_NOISE_MEASUREMENT]
        write_raw_file(tmp_path / "noise.h5", raw.header_xml, noise)
    with pytest.raises(RawDataError, match="holds no imaging readouts"):
        list(read_kspaces(tmp_path / "noise.h5"))
