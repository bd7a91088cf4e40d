"""A stimulus as a page to step through in a browser, without Python."""

from ttfs.viewer.live import widget
from ttfs.viewer.viewer import Page, page

__all__ = ["Page", "page", "widget"]
