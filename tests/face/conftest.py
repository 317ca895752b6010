import numpy as np
import pytest

from talking_heads.face import ARKIT_INDEX, ARKIT_NAMES, get_face


def coefficients(**values):
    """One row of coefficients; a name without its side sets both sides."""
    c = np.zeros(len(ARKIT_NAMES), np.float32)
    for name, value in values.items():
        names = [n for n in (name, name + "Left", name + "Right") if n in ARKIT_INDEX]
        assert names, name
        c[[ARKIT_INDEX[n] for n in names]] = value
    return c


@pytest.fixture(scope="session")
def make():
    return coefficients


@pytest.fixture(scope="session")
def low():
    return get_face("neutral@low")


@pytest.fixture(scope="session")
def medium():
    return get_face("neutral@medium")
