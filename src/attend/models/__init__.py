"""The model in three hosts: torch, NumPy and ONNX Runtime, around one tree of parameters."""
