"""How many threads BLAS may use while something is taught, and afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from unscrawl.teach.threads import one_thread

assert np.__version__  # loads its BLAS


def threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two() -> Iterator[None]:
    """Two threads to begin with."""
    with threadpool_limits(limits=2, user_api="blas"):
        if threads() != {2}:
            pytest.skip("this BLAS has no threads to limit")
        yield


def test_inside_there_is_one() -> None:
    with one_thread():
        assert threads() == {1}
    assert threads() == {2}


def test_of_two_that_overlap_the_last_one_takes_the_limit_back() -> None:
    first, second = one_thread(), one_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert threads() == {1}
    second.__exit__(None, None, None)
    assert threads() == {2}


def test_an_error_takes_it_back() -> None:
    with pytest.raises(ZeroDivisionError), one_thread():
        raise ZeroDivisionError
    assert threads() == {2}
