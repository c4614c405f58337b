"""Protocols and tables of the measurements; what computes lives in the package."""
