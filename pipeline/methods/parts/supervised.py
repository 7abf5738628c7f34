"""What the plain supervised methods share: one stream, one loss, one phase."""

from torch import Tensor, nn

from pipeline.methods.contract import Draw, Phase, Pool, Setting, Stream, Trainer


def one_loss(trainer: Trainer, draw: Draw, module: nn.Module | None = None) -> dict[str, Tensor]:
    """Draw one batch of the stream `train` and descend its loss, through `module` where there is one, in the model's place."""
    loss = trainer.loss(draw("train"), module=module)
    trainer.optimise(loss)
    return {"loss": loss.detach()}


def one_phase(setting: Setting, pools: tuple[Pool, ...], dev: tuple[Pool, ...]) -> list[Phase]:
    """One phase over `pools`, an epoch being one pass; the dev data `dev` choose the epoch, where there are any."""
    stream = Stream(pools, setting.batch_size)
    return [Phase("train", {"train": stream}, "train", setting.epochs, dev, setting.patience)]


def no_step(trainer: Trainer, draw: Draw) -> dict[str, Tensor]:
    """The step of a method without phases: never called.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError("a method without phases takes no step")
