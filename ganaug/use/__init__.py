"""The generator in a torch pipeline: transform, data sets, sampler. Imports no training code."""
