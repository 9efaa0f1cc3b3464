"""Images: read from messages, written as Gadgetron's own client writes them."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from helpers.foreign_messages import META, TYPES, image_bytes

from gadgets.errors import WireError
from pipelines.files.images.raw_image import ImageWriter, RawImage


def write(path, *bodies):
    with h5py.File(path, "w") as file:
        writer = ImageWriter(file)
        for body in bodies:
            writer.append(RawImage.from_bytes(body))
    return h5py.File(path, "r")


@pytest.mark.parametrize("data_type", TYPES)
def test_every_type_is_written_with_its_values(tmp_path, data_type):
    with write(tmp_path / "images.h5", image_bytes(data_type=data_type)) as file:
        data = file["images/image_0/data"][()]
        assert data.shape == (1, 1, 1, 3, 4)
        np.testing.assert_array_equal(data.view(TYPES[data_type]).ravel(), np.arange(12).astype(TYPES[data_type]))


def test_the_layout_is_that_of_the_stock_client(tmp_path, reference_images_folder):
    with (
        write(tmp_path / "images.h5", *[image_bytes((1, 1, 128, 128), meta="")] * 3) as ours,
        h5py.File(reference_images_folder / "bruker_tubes_1ch_3sl.h5") as theirs,
    ):
        names = []
        theirs.visit(names.append)
        for name in names:
            assert type(ours[name]) is type(theirs[name])
            if isinstance(ours[name], h5py.Dataset):
                for what in ("dtype", "shape", "maxshape", "chunks"):
                    assert getattr(ours[name], what) == getattr(theirs[name], what), (name, what)
                ours_type, theirs_type = ours[name].id.get_type(), theirs[name].id.get_type()
                assert ours_type.get_class() == theirs_type.get_class()
        assert h5py.check_string_dtype(ours["images/image_0/attributes"].dtype).encoding == "ascii"


def test_images_are_grouped_by_series_and_size(tmp_path):
    bodies = [
        image_bytes(series=0),
        image_bytes(series=1),
        image_bytes(series=0, index=2),
        image_bytes((1, 1, 5, 5), series=0),
    ]
    with write(tmp_path / "images.h5", *bodies) as file:
        sizes = {name: group["data"].shape for name, group in file["images"].items()}
        assert list(file["images/image_0/header"]["image_index"]) == [1, 2]
    assert sizes == {"image_0": (2, 1, 1, 3, 4), "image_1": (1, 1, 1, 3, 4), "image_2": (1, 1, 1, 5, 5)}


def test_meta_data_are_kept_and_read(tmp_path):
    body = image_bytes(meta=META.replace("7", "Schädel"))
    assert RawImage.from_bytes(body).meta == {"despark_points_found": "Schädel"}
    with write(tmp_path / "images.h5", body) as file:
        assert file["images/image_0/attributes"][0].decode() == META.replace("7", "Schädel")
    assert RawImage.from_bytes(image_bytes(meta=META + "\0")).meta == {"despark_points_found": "7"}
    with write(tmp_path / "images.h5", image_bytes(meta=META + "\0")) as file:
        assert file["images/image_0/attributes"][0].decode() == META
    long = "x" * 100_000
    assert RawImage.from_bytes(image_bytes(meta=META.replace("7", long))).meta == {"despark_points_found": long}
    assert RawImage.from_bytes(image_bytes(meta="<broken")).meta == {}
    assert RawImage.from_bytes(image_bytes(meta="")).meta == {}


def test_the_ismrmrd_package_reads_the_images(tmp_path):
    import ismrmrd

    write(tmp_path / "images.h5", image_bytes(), image_bytes(index=2)).close()
    with ismrmrd.Dataset(str(tmp_path / "images.h5"), "images", create_if_needed=False) as dataset:
        assert dataset.number_of_images("image_0") == 2
        image = dataset.read_image("image_0", 1)
    assert (image.image_index, image.data.shape) == (2, (1, 1, 3, 4))


@pytest.mark.parametrize("change", [lambda body: body[:-1], lambda body: body + b"\0"])
def test_a_body_of_another_length_is_refused(change):
    with pytest.raises(WireError, match=r"image: expected .* bytes by its header"):
        RawImage.from_bytes(change(image_bytes()))


@pytest.mark.parametrize("shape", [(0, 1, 3, 4), (1, 0, 3, 4), (1, 1, 0, 4), (1, 1, 3, 0)])
def test_an_image_without_pixels_is_refused(shape):
    with pytest.raises(WireError, match="image: expected channels and a matrix above 0"):
        RawImage.from_bytes(image_bytes(shape))
