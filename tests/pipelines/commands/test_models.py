from helpers.small_models import make_folder

from onnx_models.listing import listing
from pipelines.commands.models import models, scored_together


def test_models_with_the_same_scores_are_shown_together(tmp_path):
    for name in ("m1", "m2"):
        make_folder(tmp_path, name, scores={"found": "8 of 9"})
    make_folder(tmp_path, "m3", scores={})
    assert scored_together(listing(tmp_path, "cpu")) == {("m1", "m2"): (("found", "8 of 9"),)}


def test_the_listing_says_role_hash_and_provider(tmp_path, capsys):
    entry = make_folder(tmp_path, scores={"found": "8 of 9"})
    models(tmp_path, "cpu")
    output = capsys.readouterr().out
    for word in ("first_classification", entry.sha256[:12], "CPUExecutionProvider", "8 of 9"):
        assert word in output
