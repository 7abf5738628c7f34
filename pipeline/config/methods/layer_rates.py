"""`layer_rates`, the run that learns the rates of `meta_optimizer` (the method itself: `pipeline.methods.layer_rates`).

It is no entry of the config: its hyper-parameters stand in `meta_optimizer`, which asks for it.
"""

from pipeline.config.methods.parts.auxiliary import UNCHOSEN

KEYS = ("split", "shared", "meta_lr", "interval", "episodes", "episode_steps", "held_out_batches")
"""The hyper-parameters that it has of `meta_optimizer`."""

RATES_KEYS = UNCHOSEN - {"epochs", "test_max_length", "longest_answer"}
"""Training settings of a `layer_rates` run, which is not tested."""
