"""What all tests share: the real encoder, where a folder of one is named."""

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--real-encoder",
        metavar="FOLDER",
        type=Path,
        help="a pretrained multilingual encoder that tests marked `real` run on, as multilingual-e5-small",
    )


@pytest.fixture(scope="session")
def real_encoder(request: pytest.FixtureRequest) -> Path:
    folder: Path | None = request.config.getoption("--real-encoder")
    if folder is None:
        pytest.skip("no real encoder is named: make real ENCODER=FOLDER")
    return folder.expanduser().resolve()
