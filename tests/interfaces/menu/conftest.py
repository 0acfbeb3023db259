"""Fixtures of the menu."""

from support.menu_driver import loaded, sit

__all__ = ["loaded", "sit"]
