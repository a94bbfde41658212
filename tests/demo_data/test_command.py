"""The script as `project.yml` calls it."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_the_script_finds_its_package_from_anywhere(tmp_path):
    """Also if Python is not to look for modules next to the script."""
    (tmp_path / "manifest.json").write_text("[]")
    result = subprocess.run(
        [sys.executable, SCRIPTS / "demo_data", ".", "--force"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONSAFEPATH": "1"},
    )
    assert result.returncode == 1
    assert "is not the manifest" in result.stdout
