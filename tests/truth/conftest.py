"""Each test of truth runs on every dump of the default set (or SET=made, CORE=PATTERN)."""

import pytest
from truth_cores import Core, chosen_set
from truth_cores import CORES, INQUEST, ROOT, share  # noqa: F401 - what tests import from here


@pytest.fixture(scope="session", params=chosen_set())
def core(request):
    core = Core(request.param)
    if not core.path.is_dir():
        pytest.fail(f"{core.path} is missing: make cores")
    return core
