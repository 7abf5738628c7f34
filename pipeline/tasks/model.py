"""The model of every task: an encoder and a head."""

from collections.abc import Mapping

from torch import Tensor, nn

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
"""What of a batch an encoder reads."""


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
        read = {key: batch[key] for key in INPUTS if key in batch}
        logits: Tensor = self.head(self.encoder(**read).last_hidden_state)  # (B, T, H) -> logits
        return logits
