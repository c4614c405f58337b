"""onnxruntime, imported here and nowhere else: what it may do is settled before it is loaded.

Since 1.31 it otherwise writes a device id and a database under the user's cache folder, and queues
facts about machine and runs to be sent. Switching that off after the import leaves the files.
"""

from __future__ import annotations

import os

# a user who set the variable has decided
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime

__all__ = ["onnxruntime"]
