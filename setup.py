"""What a wheel has beside the package: the workflow, from where a clone has it. All else about building is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

WORKFLOW = ("Snakefile", "rules", "config", "profiles", "envs", "published")


class WithWorkflow(build_py):
    """Builds the package with the workflow in `pipeline/_workflow/`; an editable installation uses that of the clone."""

    def run(self) -> None:
        """Build."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib, "pipeline", "_workflow")
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name in WORKFLOW:
            source = Path(__file__).parent / name
            if source.is_dir():
                shutil.copytree(source, target / name)
            else:
                shutil.copy2(source, target)


setup(cmdclass={"build_py": WithWorkflow})
