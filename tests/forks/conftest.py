"""What forks are tested on."""

from tests.training.conftest import world

__all__ = ["world"]
