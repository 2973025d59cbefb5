"""The truth tests' conftest has the dumps and the program."""

import sys
import pathlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "truth"))
