"""`python -m pipeline.config.documentation`: see `generate`."""

from pipeline.common.errors import run_stage
from pipeline.config.documentation.generate import main

if __name__ == "__main__":
    run_stage(main)
