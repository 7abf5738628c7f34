"""`multi_task`: one encoder, a head for each language (MT-DNN, Liu et al. 2019; MGL's "Multi-task").

Every example goes through its own language's head; the target's is the model's head, and the sources' heads are dropped after
training. All start alike. `batches` as in `joint`.
"""

import copy
from collections.abc import Mapping
from typing import Literal

from torch import Tensor, nn

from pipeline.methods.contract import Draw, Method, Trainer
from pipeline.methods.joint import balanced_phases, concatenated_phases
from pipeline.tasks.model import INPUTS


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
        read = {key: batch[key] for key in INPUTS if key in batch}
        hidden = self.model.encoder(**read).last_hidden_state  # type: ignore[operator]
        own: dict[int, nn.Module] = dict(zip(self.heads.languages, self.heads.heads, strict=True))
        head: nn.Module = self.model.head  # type: ignore[assignment]
        out: Tensor | None = None
        for language in sorted(set(batch["language"].tolist())):
            rows = batch["language"] == language
            logits = own.get(language, head)(hidden[rows])
            out = logits.new_zeros(len(rows), *logits.shape[1:]) if out is None else out
            out = out.index_copy(0, rows.nonzero()[:, 0], logits)
        assert out is not None
        return out


def setup(trainer: Trainer) -> None:
    """Make the sources' heads; they are trained with θ."""
    pools = [pool for stream in trainer.phase.streams.values() for pool in stream.pools]
    languages = dict.fromkeys(trainer.languages.index(pool.language) for pool in pools if pool.source)
    trainer.own("heads", Heads(trainer.model.head, tuple(languages)))  # type: ignore[arg-type]


def loss_by_language(trainer: Trainer, draw: Draw, stream: str) -> Tensor:
    """Return the next batch's loss, each row through its language's head."""
    heads = trainer.modules["heads"]
    assert isinstance(heads, Heads)
    return trainer.loss(draw(stream), module=ByLanguage(trainer.model, heads))


def balanced_step(trainer: Trainer, draw: Draw) -> dict[str, Tensor]:
    """Descend ½ (L_s + L_t)."""
    source_loss = loss_by_language(trainer, draw, "source")
    target_loss = trainer.loss(draw("target"))
    loss = (source_loss + target_loss) / 2
    trainer.optimise(loss)
    return {"loss": loss.detach(), "source_loss": source_loss.detach(), "target_loss": target_loss.detach()}


def concatenated_step(trainer: Trainer, draw: Draw) -> dict[str, Tensor]:
    """Descend the loss of a batch of all languages."""
    loss = loss_by_language(trainer, draw, "train")
    trainer.optimise(loss)
    return {"loss": loss.detach()}


def build(batches: Literal["balanced", "concatenated"] = "balanced") -> Method:
    """Return the method with `batches` formed one way or the other."""
    if batches == "concatenated":
        return Method(concatenated_phases, concatenated_step, setup)
    return Method(balanced_phases, balanced_step, setup)
