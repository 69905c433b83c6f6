"""Kernels need an event loop of their own, and the browser of other tests leaves one running."""

import asyncio

import pytest


@pytest.fixture(scope="module", autouse=True)
def no_running_loop():
    """Hide the loop that Playwright runs in this thread while a module's tests drive kernels."""
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(loop)
