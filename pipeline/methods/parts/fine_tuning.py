"""What few-shot fine-tuning on the target is told, when it ends a method that has trained otherwise before.

Nothing here imports PyTorch: the config asks it which settings there are.
"""

FINE_TUNE_KEYS = (
    *("optimizer", "learning_rate", "weight_decay", "batch_size", "epochs"),
    *("warmup", "schedule", "clip_norm"),
)
"""The training settings that such a phase has of its own; all others are the whole run's."""
