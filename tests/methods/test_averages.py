"""Means of weights and of probabilities, by hand."""

import numpy as np
import pytest
import torch

from pipeline.methods.ensemble import mean_probabilities
from pipeline.methods.weight_average import mean_weights
from tests.methods.building import build_method
from tests.methods.test_settings import SETTING


def test_weights_are_averaged_in_float64_and_keep_their_precision():
    ones = {"w": torch.tensor([1.0, 4.0]), "half": torch.tensor([1.0], dtype=torch.float16), "count": torch.tensor(7)}
    other = {"w": torch.tensor([2.0, 1.0]), "half": torch.tensor([2.0], dtype=torch.float16), "count": torch.tensor(9)}
    mean = mean_weights([ones, other])
    assert mean["w"].tolist() == [1.5, 2.5] and mean["w"].dtype == torch.float32
    assert (mean["half"].item(), mean["half"].dtype, mean["count"].item()) == (1.5, torch.float16, 7)
    third = torch.rand(50) / 3
    assert torch.equal(mean_weights([{"w": third}] * 3)["w"], third), "a mean of equal weights is those weights"


@pytest.mark.parametrize("other", [{"w": torch.zeros(3)}, {}, {"w": torch.zeros(2), "v": torch.zeros(1)}])
def test_other_shapes_and_names_are_refused(other):
    with pytest.raises(ValueError, match="is of shape"):
        mean_weights([{"w": torch.zeros(2)}, other])


def test_probabilities_are_averaged_and_the_first_of_equals_wins():
    members = [np.float16([0.5, 0.25, 0.25, 0.0, 1.0, 0.0]), np.float16([0.25, 0.5, 0.25, 1.0, 0.0, 0.0])]
    mean, best = mean_probabilities(members, 3)
    assert mean.tolist() == [[0.375, 0.375, 0.25], [0.5, 0.5, 0.0]] and mean.dtype == np.float32
    assert best.tolist() == [0, 0]


def test_nothing_is_trained():
    assert [build_method(name, {}).phases(SETTING) for name in ("weight_average", "ensemble")] == [[], []]
