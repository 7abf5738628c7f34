"""`multi_task`: one encoder, a head for each language (MT-DNN, Liu et al. 2019; MGL's "Multi-task").

Every example goes through its own language's head; the target's is the model's head, and the sources' heads are dropped after
training. All start alike, each with its own copy of whatever is pretrained in a head. `batches` as in `joint`.
"""

import copy
from collections.abc import Mapping
from typing import Literal

import numpy as np
from torch import Tensor, nn

from pipeline.methods.contract import Method, Trainer
from pipeline.methods.joint import balanced_phases, balanced_step, concatenated_phases
from pipeline.methods.parts.languages import language_indices
from pipeline.methods.parts.supervised import one_loss
from pipeline.tasks.model import hidden_states
from pipeline.tasks.transfer import sent


class Heads(nn.Module):
    """The sources' heads; `languages` are their indices."""

    def __init__(self, head: nn.Module, languages: tuple[int, ...]) -> None:
        super().__init__()
        self.languages = languages
        self.heads = nn.ModuleList(copy.deepcopy(head) for _ in languages)


class ByLanguage(nn.Module):
    """The model with a head for each language: a batch → logits, each row's by its language's head."""

    def __init__(self, model: nn.Module, heads: Heads) -> None:
        super().__init__()
        self.model, self.heads = model, heads

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the logits of a batch in any languages; a head that no row needs is not run."""
        hidden = hidden_states(self.model, batch)
        own: dict[int, nn.Module] = dict(zip(self.heads.languages, self.heads.heads, strict=True))
        head: nn.Module = self.model.head  # type: ignore[assignment]
        out: Tensor | None = None
        for language in sorted(set(batch["language"].tolist())):
            rows = sent(np.flatnonzero(batch["language"].numpy() == language), hidden.device)
            logits = own.get(language, head)(hidden[rows])
            out = logits.new_zeros(len(hidden), *logits.shape[1:]) if out is None else out
            out = out.index_copy(0, rows, logits)
        assert out is not None
        return out


def setup(trainer: Trainer) -> None:
    """Make the sources' heads; they are trained with θ."""
    languages = tuple(language_indices(trainer, sources_only=True))
    trainer.own("heads", Heads(trainer.model.head, languages))  # type: ignore[arg-type]


def by_language(trainer: Trainer) -> ByLanguage:
    """Return the model with all heads."""
    heads = trainer.modules["heads"]
    assert isinstance(heads, Heads)
    return ByLanguage(trainer.model, heads)


def build(*, batches: Literal["balanced", "concatenated"]) -> Method:
    """Return the method with `batches` formed one way or the other."""
    if batches == "concatenated":
        return Method(concatenated_phases, lambda trainer, draw: one_loss(trainer, draw, by_language(trainer)), setup)
    return Method(balanced_phases, lambda trainer, draw: balanced_step(trainer, draw, by_language(trainer)), setup)
