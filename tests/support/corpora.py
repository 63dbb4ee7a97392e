"""Where the shared test corpora are, and how a test that needs one skips."""

from pathlib import Path

import pytest

#: Beside the repository: third-party data that is not part of it.
SHARED = Path(__file__).resolve().parents[3] / "shared" / "corpora"
#: Our own samples.
OWN = Path(__file__).resolve().parents[1] / "corpus"


def shared_corpus(name: str) -> Path:
    """The folder of a shared corpus; skips the test where it is absent."""
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"the shared corpus {name!r} is not beside the repository")
    return folder
