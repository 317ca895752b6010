from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from talking_heads.view.container import pack, unpack

TYPES = st.sampled_from([np.uint8, np.int8, np.int16, np.uint16, np.uint32, np.float32])


@given(
    st.dictionaries(
        st.text("abcxyz", min_size=1, max_size=5),
        TYPES.flatmap(
            lambda t: hnp.arrays(t, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0))
        ),
        max_size=4,
    ),
    st.dictionaries(st.text(max_size=5).filter(lambda k: k != "arrays"), st.integers(), max_size=3),
)
def test_what_is_packed_comes_back(arrays, header):
    data = pack(header, arrays)
    again, back = unpack(data)
    assert again == header
    assert list(back) == list(arrays)
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        assert back[name].shape == array.shape
        assert back[name].tobytes() == array.tobytes()
    assert pack(header, arrays) == data


def test_arrays_begin_where_a_browser_can_read_them():
    data = pack({}, {"a": np.zeros(3, np.uint8), "b": np.ones(2, np.float32)})
    length = int.from_bytes(data[4:8], "little")
    assert (8 + length) % 8 == 0
    assert data[-8:] == np.ones(2, "<f4").tobytes()


def test_types_that_no_browser_reads_are_refused():
    with pytest.raises(TypeError, match="float64"):
        pack({}, {"a": np.zeros(2)})
    with pytest.raises(ValueError, match="not a container"):
        unpack(b"PK\x03\x04 something else")
