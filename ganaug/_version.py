"""The version, in one place: the package metadata and `ganaug --version` read it here."""

__version__ = "0.2.0"
