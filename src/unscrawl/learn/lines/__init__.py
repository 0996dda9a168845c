"""Training of the line recogniser: transcribed lines in, an ONNX network with its card out."""
