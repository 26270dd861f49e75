from pathlib import Path

import pytest
from little import Little, make_little


@pytest.fixture
def little(tmp_path: Path) -> Little:
    """Two people and a practice."""
    return make_little(tmp_path)
