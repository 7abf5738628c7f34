"""Which languages a method meets in a phase, as `batch["language"]` numbers them."""

from pipeline.methods.contract import Trainer


def language_indices(trainer: Trainer, sources_only: bool = False) -> list[int]:
    """Return the indices of the languages of the phase's streams, or of its sources, each once, in the order of the pools."""
    pools = [pool for stream in trainer.phase.streams.values() for pool in stream.pools]
    wanted = (pool.language for pool in pools if pool.source or not sources_only)
    return [trainer.languages.index(language) for language in dict.fromkeys(wanted)]
