"""Pure functions on arrays: coverage, precision, spread, copying, calibration, features."""
