"""The pretrained pooler of a checkpoint: its bits where there is one, an error that helps where there is none."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.common.errors import UserError
from pipeline.common.files import write_json
from pipeline.encoders.pooler import pretrained_pooler, read_pooler
from tests.encoders.models import save_tiny


def edit_weights(folder, change):
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def make(folder, architecture="bert", bias=1.0, prefix=""):
    """An encoder with a pooler, whose weights are returned; `prefix` as of a checkpoint saved with a head."""
    save_tiny(folder, architecture, head=False)
    wanted = {"weight": torch.randn(16, 16), "bias": torch.full((16,), bias)}

    def change(weights):
        for part, tensor in wanted.items():
            weights[f"pooler.dense.{part}"] = tensor
        for key in list(weights):
            weights[prefix + key] = weights.pop(key)

    edit_weights(folder, change)
    return wanted


@pytest.mark.parametrize(("architecture", "prefix"), [("bert", ""), ("bert", "bert."), ("xlm-roberta", "roberta.")])
def test_the_checkpoints_own_bits(tmp_path, architecture, prefix):
    wanted = make(tmp_path, architecture, prefix=prefix)
    state = torch.random.get_rng_state()
    pooler = pretrained_pooler(tmp_path)
    assert torch.equal(state, torch.random.get_rng_state()), "no random number is drawn"
    assert all(torch.equal(getattr(pooler, part), tensor) for part, tensor in wanted.items())
    assert all(p.requires_grad and p.dtype == torch.float32 for p in pooler.parameters())


def test_shards_and_half_precision(tmp_path):
    wanted = make(tmp_path)
    weights = {k: t.half() for k, t in load_file(tmp_path / "model.safetensors").items()}
    (tmp_path / "model.safetensors").unlink()
    where = {}
    for i, part in enumerate((sorted(weights)[::2], sorted(weights)[1::2])):  # bias in one, weight in the other
        save_file({name: weights[name] for name in part}, tmp_path / f"part-{i}.safetensors")
        where |= dict.fromkeys(part, f"part-{i}.safetensors")
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    assert torch.equal(pretrained_pooler(tmp_path).weight, wanted["weight"].half().float())


def test_none_is_said_with_what_works(tmp_path):
    save_tiny(tmp_path / "mine-0", "bert")  # saved with a masked-language head: no pooler
    assert read_pooler(tmp_path / "mine-0") is None
    with pytest.raises(UserError) as error:
        pretrained_pooler(tmp_path / "mine-0")
    said = str(error.value)
    assert said.startswith("training.head is pooler, and encoder mine-0 has no pretrained pooler (no pooler.dense in ")
    assert "set training.head to fresh or linear" in said


def test_one_that_was_never_trained_is_refused(tmp_path):
    make(tmp_path, "xlm-roberta", bias=0.0, prefix="roberta.")
    with pytest.raises(UserError, match=r"was never trained: the bias of pooler\.dense .* set training\.head to fresh"):
        pretrained_pooler(tmp_path)


def test_an_extension_of_earlier_code_is_to_be_made_anew(tmp_path):
    make(tmp_path / "base-1")
    save_tiny(tmp_path / "new-2", "bert")
    write_json(tmp_path / "new-2/manifest.json", {"spec": {"from": "extend", "base": "base-1"}})
    with pytest.raises(UserError, match=r"its base base-1 has one.*snakemake --force .*new-2/manifest\.json"):
        pretrained_pooler(tmp_path / "new-2")
    edit_weights(tmp_path / "base-1", lambda weights: weights.pop("pooler.dense.bias"))
    with pytest.raises(UserError, match=r"set training\.head to fresh or linear"):
        pretrained_pooler(tmp_path / "new-2")


def test_a_pooler_of_another_shape_and_truncated_weights_are_named(tmp_path):
    make(tmp_path)
    edit_weights(tmp_path, lambda weights: weights.update({"pooler.dense.weight": torch.zeros(16, 8)}))
    with pytest.raises(UserError, match=r"pooler\.dense\.weight is of shape \(16, 8\), expected \(16, 16\)"):
        pretrained_pooler(tmp_path)
    whole = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[:-100])
    with pytest.raises(UserError, match="not readable safetensors"):
        pretrained_pooler(tmp_path)
