"""What the tests of the array functions share: the same numbers in NumPy and in torch."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch

NUMPY, TORCH = np.asarray, torch.as_tensor
LIBRARIES = pytest.mark.parametrize("library", [NUMPY, TORCH], ids=["numpy", "torch"])


def normal(seed: int, *shape: int) -> np.ndarray:
    """Draw normal numbers."""
    return np.random.default_rng(seed).normal(size=shape)


def twice(function, *arrays, **options):
    """Call a function with NumPy arrays and with torch tensors, and return both results."""
    return function(*arrays, **options), function(*as_torch(arrays), **options)


def as_torch(value):
    """Turn arrays, also those inside tuples and namespaces, into tensors that share no memory."""
    if isinstance(value, np.ndarray):
        return torch.tensor(value)
    if isinstance(value, SimpleNamespace):
        return SimpleNamespace(**{name: as_torch(part) for name, part in vars(value).items()})
    if isinstance(value, tuple):
        parts = [as_torch(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value


def assert_equal_results(numpys, torches, tolerance: float = 1e-12) -> None:
    """Compare what both libraries gave: numbers, shapes and types, part by part."""
    if isinstance(numpys, tuple):
        assert len(numpys) == len(torches)
        for ours, theirs in zip(numpys, torches, strict=True):
            assert_equal_results(ours, theirs, tolerance)
    elif numpys is None:
        assert torches is None
    else:
        assert isinstance(torches, torch.Tensor)
        assert numpys.dtype == torches.numpy().dtype
        close(torches, numpys, tolerance)


def close(result, expected, tolerance: float = 1e-12) -> None:
    """Compare numbers and shapes of arrays of either library."""
    result, expected = (
        np.asarray(getattr(x, "detach", lambda x=x: x)()) for x in (result, expected)
    )
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, rtol=tolerance, atol=tolerance)


def refused(error: type[Exception], *parts: str):
    """Expect an error whose message holds the parts in this order."""
    return pytest.raises(error, match="(?s)" + ".*".join(re.escape(part) for part in parts))
