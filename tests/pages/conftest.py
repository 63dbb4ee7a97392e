"""Every page test may open a browser."""

from tests.support.browser import browse, chromium, look

__all__ = ["browse", "chromium", "look"]
