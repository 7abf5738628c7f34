"""The model of every task: an encoder and a head."""

from collections.abc import Mapping

from torch import Tensor, nn

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
"""What of a batch an encoder reads."""


def hidden_states(model: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
    """Return the last hidden states (B, T, H) that a task model's encoder makes of a batch."""
    read = {key: batch[key] for key in INPUTS if key in batch}
    hidden: Tensor = model.encoder(**read).last_hidden_state  # type: ignore[operator]
    return hidden


class TaskModel(nn.Module):
    """An encoder with a task's head on its last hidden states.

    `forward` maps a batch to logits: (B, T, C) for tagging, (B, C) for classes, (B, T, 2) for spans.
    """

    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the logits of a batch."""
        logits: Tensor = self.head(hidden_states(self, batch))  # (B, T, H) -> logits
        return logits
