"""Static files under names that change with their content, packed for the first start not to wait.

Brotli's highest quality takes twenty times as long as the one used here and saves 4 % of the bytes.
"""

from __future__ import annotations

from typing import Any

import brotli  # type: ignore[import-untyped]
from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

_QUALITY = 7


class QuickCompressor(Compressor):  # type: ignore[misc]
    """Packs with a quality that takes milliseconds a file."""

    @staticmethod
    def compress_brotli(data: bytes) -> bytes:
        """The data in Brotli."""
        packed: bytes = brotli.compress(data, quality=_QUALITY)
        return packed


class StaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """What `collectstatic` writes to and pages take addresses from."""

    def create_compressor(self, **kwargs: Any) -> QuickCompressor:
        """Our own, quicker one."""
        return QuickCompressor(**kwargs)
