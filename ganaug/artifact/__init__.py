"""The exported ONNX file: its format, its reader, its run time. Imports no training code."""
