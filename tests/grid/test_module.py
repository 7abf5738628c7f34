"""What a `module` statement may say of this workflow, and whose files its errors name."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.path_modifier import PathModifier

from pipeline.common.errors import UserError
from pipeline.grid.module import check_module, files_of


def statement(
    config: dict[str, Any], prefix: str | None = None, replaced: dict[str, str] | None = None, main: bool = False
) -> Any:
    """Snakemake's account of a module statement."""
    workflow = SimpleNamespace(storage_settings=SimpleNamespace(default_storage_provider=None))
    return SimpleNamespace(
        namespace=None if main else "metalingua",
        globals={"config": config},
        path_modifier=PathModifier(replaced, prefix, workflow),
        is_main_snakefile=lambda: main,
    )


def test_a_module_with_a_config_is_fine():
    check_module(statement({"datasets": {}}))
    check_module(statement({}, main=True))  # no module at all


def test_a_module_without_a_config_is_told_how_to_give_one():
    with pytest.raises(UserError, match=r"^module metalingua has no config; .* config: config\['metalingua'\]$"):
        check_module(statement({}))


@pytest.mark.parametrize("given", [{"prefix": "ours"}, {"replaced": {"results/": "ours/"}}])
def test_stages_write_where_they_write(given):
    with pytest.raises(UserError, match=r"results/ and resources/ .* leave it out"):
        check_module(statement({"datasets": {}}, **given))


def test_files_are_named_where_they_say_what_the_module_is_given(tmp_path: Path):
    file = tmp_path / "config.yaml"
    file.write_text("metalingua: {training: {epochs: 2}}\n")
    assert files_of({"metalingua": {"training": {"epochs": 2}}}, [str(file)]) == [file]
    assert files_of({"training": {"epochs": 2}}, [str(file)]) == []
    assert files_of({"training": {"epochs": 2}}, []) == []
