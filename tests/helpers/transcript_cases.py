"""The recorded server-to-external streams, and what each of our nodes has to do with each kind of them.

``CASES`` names every recorded stream (its file, without ``.server_to_external.bin``) and what it carries;
``EXPECTED`` says what a node that receives such a stream sends.
"""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """What a stream carries after configuration and header."""

    ACQUISITIONS = "acquisitions, and waveforms between them"
    RECON_DATA = "ReconData, and waveforms between them"
    BUCKET = "buckets"
    IMAGE = "images"
    IMAGE_ARRAY = "image arrays"
    FOREIGN_SETTINGS = "a configuration that was meant for another gadget"
    UNPARSABLE = "acquisitions whose headers belie their length"


class Reply(Enum):
    """What a node sends, CLOSE apart."""

    WHOLE = "the same bytes"
    K_SPACES = "a ReconData per k-space, and all else as it came"
    REPAIRED = "the same acquisitions, changed at the points only"
    DETECTED = "the same bytes, behind waveforms with what was found"
    IMAGES = "an image per k-space"
    NOTHING = "nothing: these data end here"
    ERROR = "an ERROR with the reason"


NODES = ("acquisition_buffer", "spark_detection", "calibration", "image_fft", "raw_repair")
_NOT_OURS = dict.fromkeys(NODES, Reply.WHOLE)
_REFUSED = dict.fromkeys(NODES, Reply.ERROR)

EXPECTED = {
    Kind.ACQUISITIONS: {
        "acquisition_buffer": Reply.K_SPACES,
        "spark_detection": Reply.WHOLE,
        "calibration": Reply.WHOLE,
        "image_fft": Reply.NOTHING,
        "raw_repair": Reply.REPAIRED,
    },
    # Calibration, too: without points before it, a k-space stays as it is.
    Kind.RECON_DATA: {**_NOT_OURS, "spark_detection": Reply.DETECTED, "image_fft": Reply.IMAGES},
    Kind.BUCKET: _NOT_OURS,
    Kind.IMAGE: _NOT_OURS,
    Kind.IMAGE_ARRAY: _NOT_OURS,
    Kind.FOREIGN_SETTINGS: _REFUSED,
    Kind.UNPARSABLE: _REFUSED,
}

FITTING = {
    Kind.ACQUISITIONS: ("acquisition_buffer", "raw_repair"),
    Kind.RECON_DATA: ("spark_detection", "calibration", "image_fft"),
    Kind.BUCKET: NODES,
    Kind.IMAGE: NODES,
    Kind.IMAGE_ARRAY: NODES,
}
"""The nodes that stand where such a stream goes."""

CASES = {
    "a_recon_acquisitions.ext_examples.recon_acquisitions": Kind.ACQUISITIONS,
    "b2_recon_buffers.ext_examples.recon_buffers": Kind.RECON_DATA,
    "b3_recondata_with_ref.ext_examples.pass_through": Kind.RECON_DATA,
    "b_recondata_passthrough.ext_examples.pass_through": Kind.RECON_DATA,
    "c2_bucket_with_ref.ext_examples.recon_buffers": Kind.BUCKET,
    "c_bucket_recon_buffers.ext_examples.recon_buffers": Kind.BUCKET,
    "d_density_two_externals.ext_gtprobe.density_get": Kind.RECON_DATA,
    "d_density_two_externals.ext_gtprobe.density_set": Kind.RECON_DATA,
    "e2_external_raises_at_start.ext_gtprobe.raise_now": Kind.ACQUISITIONS,
    "e3_external_sends_error8.ext_gtprobe.error_id8": Kind.ACQUISITIONS,
    "e4_external_exits_no_close.ext_gtprobe.kill_after_all": Kind.ACQUISITIONS,
    "e5_external_raises_mid.ext_gtprobe.raise_mid": Kind.ACQUISITIONS,
    "e6_import_error.ext_no_such_module.foo": Kind.ACQUISITIONS,
    "f_configuration_xml.ext_gtprobe.envdump": Kind.FOREIGN_SETTINGS,
    "g2_imagearray_external.ext_examples.pass_through": Kind.IMAGE_ARRAY,
    "g_image_external_meta.ext_gtprobe.image_meta": Kind.IMAGE,
    "h_four_node_chain.ext_chain4.buffer_": Kind.ACQUISITIONS,
    "h_four_node_chain.ext_chain4.calibrate": Kind.RECON_DATA,
    "h_four_node_chain.ext_chain4.detect": Kind.RECON_DATA,
    "h_four_node_chain.ext_chain4.image": Kind.RECON_DATA,
    "k1_traj_acquisitions.ext_gtprobe.passthru": Kind.ACQUISITIONS,
    "k2_traj_bucket_no_ro.ext_gtprobe.bucket_patched": Kind.BUCKET,
    "k3_traj_recondata.ext_examples.pass_through": Kind.RECON_DATA,
    "k4_traj_after_ro_desync.ext_gtprobe.passthru": Kind.UNPARSABLE,
    "k_connect_recon_buffers": Kind.FOREIGN_SETTINGS,
    "p_parallel_external.ext_gtprobe.passthru": Kind.IMAGE,
    "w2_waveform_to_client.ext_gtprobe.wave_sender": Kind.IMAGE,
    "w3_bucket_with_waveforms.ext_gtprobe.wave_receiver": Kind.BUCKET,
    "w3_bucket_with_waveforms.ext_gtprobe.wave_sender": Kind.ACQUISITIONS,
    "w_waveforms_direct.ext_gtprobe.wave_receiver": Kind.ACQUISITIONS,
    "w_waveforms_direct.ext_gtprobe.wave_sender": Kind.ACQUISITIONS,
}

REASONS = {
    "f_configuration_xml.ext_gtprobe.envdump": "found <param>",
    "k_connect_recon_buffers": "unknown property 'hello'",
    "k4_traj_after_ro_desync.ext_gtprobe.passthru": "found message id 55344",
}
"""What the ERROR says."""

NOISE_FREE_IMAGES = [
    "d_density_two_externals",
    "e4_external_exits_no_close",
    "f_configuration_xml",
    "g_image_external_meta",
    "p_parallel_external",
    "w2_waveform_to_client",
    "w_waveforms_direct",
]
"""Sessions without noise measurement in which Gadgetron returned the whole image of a Cartesian scan."""
