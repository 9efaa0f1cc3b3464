"""The image against the definition of the transform, and against what Gadgetron makes of real files."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
from helpers.builders import CONFIG, encoding, head, raw_file_items, readout, stream
from helpers.connections import parse, run_on_connection
from helpers.naive import image_slowly

from gadgets.acquisition_buffer import acquisition_buffer
from gadgets.errors import RawDataError
from gadgets.image.reconstruction import centred_inverse_fft, reconstruct
from gadgets.image_fft import image_fft
from gadgets.kspace.assembly.assembler import assemble
from gadgets.kspace.readout import ACQ_IS_REVERSE, Encoding, Limits


def kspace_of(item, lines=None, n_partitions=1, **fields):
    readouts = [
        readout(line, partition, **fields)
        for partition in range(n_partitions)
        for line in (lines or range(item.lines.maximum + 1))
    ]
    (acquired,) = assemble(readouts, [item])
    return acquired.kspace


@pytest.mark.parametrize(
    ("item", "fields"),
    [
        (encoding(n_lines=6), {}),
        (encoding(n_lines=7, n_samples=9, recon_x=5), {"n_samples": 9, "centre": 4}),
        (encoding(n_lines=6, n_samples=16, recon_x=8), {"n_samples": 12, "centre": 4}),
        (encoding(n_lines=4, n_partitions=3), {"n_partitions": 3}),
        (encoding(n_lines=8, acceleration=2), {"lines": [0, 2, 3, 4, 6]}),
    ],
    ids=["even", "odd", "asymmetric", "3d", "undersampled"],
)
def test_the_image_is_that_of_the_definition(item, fields):
    kspace = kspace_of(item, **fields)
    np.testing.assert_allclose(reconstruct(kspace, item), image_slowly(kspace, item), rtol=2e-5, atol=1e-5)


def test_reversed_readouts_are_turned_round():
    item = encoding(n_lines=4)
    readouts = [readout(line, flags=ACQ_IS_REVERSE if line % 2 else 0) for line in range(4)]
    (acquired,) = assemble(readouts, [item])
    expected = image_slowly(acquired.kspace, item)
    np.testing.assert_allclose(reconstruct(acquired.kspace, item), expected, rtol=2e-5, atol=1e-5)


def test_a_partial_fourier_centre_is_moved_to_the_middle_of_the_matrix():
    whole = encoding(n_lines=8)
    partial = Encoding((16, 8, 1), (16, 8, 1), lines=Limits(0, 2, 5))
    readouts = [readout(line) for line in range(2, 8)]
    shifted = [readout(line) for line in range(2, 8)]
    (first,) = assemble(readouts, [whole])
    moved = [type(item)(**{**vars_of(item), "line": item.line - 2}) for item in shifted]
    (second,) = assemble(moved, [partial])
    np.testing.assert_array_equal(reconstruct(first.kspace, whole), reconstruct(second.kspace, partial))


def vars_of(item):
    return {name: getattr(item, name) for name in item.__dataclass_fields__}


def test_a_header_that_does_not_fit_costs_no_sample():
    item = Encoding((8, 4, 1), (8, 4, 1), lines=Limits(0, 0, 3))
    (acquired,) = assemble([readout(line, n_samples=12, centre=0) for line in range(4)], [item])
    energy = np.sum(np.abs(acquired.kspace.data) ** 2)
    image = reconstruct(acquired.kspace, Encoding((12, 4, 1), (12, 4, 1), lines=Limits(0, 0, 3)))
    assert np.sum(image**2) == pytest.approx(energy, rel=1e-5)
    assert reconstruct(acquired.kspace, item).shape == (1, 4, 8)


def test_the_transform_keeps_the_energy_and_a_centre_sample_is_a_constant():
    generator = np.random.default_rng(0)
    data = (generator.normal(size=(5, 6)) + 1j * generator.normal(size=(5, 6))).astype(np.complex64)
    image = centred_inverse_fft(data.copy(), (0, 1))
    assert image.dtype == np.complex64
    assert np.sum(np.abs(image) ** 2) == pytest.approx(np.sum(np.abs(data) ** 2), rel=1e-5)
    centre = np.zeros((5, 6), np.complex64)
    centre[2, 3] = 1
    np.testing.assert_allclose(centred_inverse_fft(centre, (0, 1)), np.full((5, 6), 1 / np.sqrt(30)), atol=1e-7)


@pytest.mark.parametrize(
    ("matrix", "limit", "said"),
    [
        ((900, 900, 300), "", "at most 64 times the 128 samples that came"),
        ((60000, 8, 60000), "", "of an image of at most"),
        ((64, 64, 8), "0.0001", "of an image of at most 107374 bytes, found one of 262144 bytes"),
    ],
)
def test_no_image_is_larger_than_what_came_of_it(matrix, limit, said, monkeypatch):
    kspace, item = kspace_of(encoding()), replace(encoding(), encoded_matrix=matrix)
    monkeypatch.setenv("DESPARK_MEMORY_LIMIT", limit)
    with pytest.raises(RawDataError, match=said):
        reconstruct(kspace, item)


def test_images_that_are_filled_up_with_zeros_may_be_large_or_rather_empty():
    kspace = kspace_of(encoding())
    for matrix in ((4000, 1000, 1), (16, 8, 64)):
        assert reconstruct(kspace, replace(encoding(), encoded_matrix=matrix)).shape[:2] == matrix[2:0:-1]


def test_images_of_real_files_are_those_of_gadgetron(data_folder, reference_images_folder):
    # Gadgetron's chain does not turn the reversed lines of EPI round.
    references = [path for path in sorted(reference_images_folder.glob("*.h5")) if "epi" not in path.stem]
    assert references
    for path in references:
        xml, items = raw_file_items(data_folder / path.name)
        kspaces = run_on_connection(acquisition_buffer, stream(items, xml), hang_up=False)
        images = run_on_connection(image_fft, head(CONFIG, xml) + kspaces, hang_up=False)
        messages = [item for message_id, item in parse(images) if message_id == 1022]
        with h5py.File(path) as file:
            expected, headers = file["images/image_0/data"][:], file["images/image_0/header"][:]
        assert len(messages) == len(expected), path.stem
        for number, message in enumerate(messages):
            compare(message, expected[number], headers[number], path.stem)


def compare(message, expected, expected_header, name):
    header = np.frombuffer(message.parts[0], expected_header.dtype)[0]
    image = np.frombuffer(message.parts[3], np.float32).reshape(expected.shape)
    assert np.linalg.norm(image - expected) / np.linalg.norm(expected) <= 1e-6, name
    assert abs(np.vdot(image, expected) / np.vdot(expected, expected) - 1) <= 1e-5, name
    # Only our images carry meta data.
    for field in set(expected_header.dtype.names) - {"attribute_string_len"}:
        np.testing.assert_array_equal(header[field], expected_header[field], err_msg=f"{field} of {name}")
