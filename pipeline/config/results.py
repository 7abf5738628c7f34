"""The config's section about results that are there already, as a pydantic model."""

from pydantic import Field

from pipeline.config.section import Section
from pipeline.config.values import CodeHash, Several


class Results(Section):
    """What is taken as it is."""

    accept_code: Several[CodeHash] = Field(
        default=[],
        description="hashes of earlier code: what it made is kept, and not made again by the code of today. Every table says how "
        "many of its cells rest on it. `metalingua plan` and the error that refuses stale runs name the hashes",
        examples=[["0123456789ab"]],
    )
