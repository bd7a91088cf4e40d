"""A stimulus as a page for the browser, to step through without Python."""

from ttfs.viewer.viewer import Page, page

__all__ = ["Page", "page"]
