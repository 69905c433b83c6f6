"""A Dask cluster of two worker processes on this machine, for all tests that want one."""

import logging

import pytest


@pytest.fixture(scope="session")
def cluster():
    """The address of its scheduler."""
    distributed = pytest.importorskip("distributed")
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        host="127.0.0.1",
    ) as made:
        yield made.scheduler_address
