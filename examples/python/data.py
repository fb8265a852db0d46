"""The images, initial weights and result of examples/README.md, for the programs in Python."""

import gzip
import pathlib
import sys

import numpy

IMAGES, BATCH, EPOCHS = 4096, 64, 5
STEPS = EPOCHS * IMAGES // BATCH


def read(images_path: str, labels_path: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    images = numpy.frombuffer(_content(images_path)[16:], numpy.uint8)[: IMAGES * 784].reshape(IMAGES, 784)
    labels = numpy.frombuffer(_content(labels_path)[8:], numpy.uint8)[:IMAGES]
    return images.astype(numpy.float32) / numpy.float32(255), labels.astype(numpy.int64)


def _content(path: str) -> bytes:
    content = pathlib.Path(path).read_bytes()
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def initial_weights() -> list[numpy.ndarray]:
    state, weights = 20170813, []
    for inputs, outputs in ((784, 100), (100, 10)):
        values = []
        for _ in range(inputs * outputs):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            values.append(((state >> 40) / 2**24 - 0.5) * 2 / inputs**0.5)
        weights.append(numpy.array(values, numpy.float64).astype(numpy.float32).reshape(inputs, outputs))
    return weights


def report(losses: numpy.ndarray, right: numpy.ndarray) -> None:
    print(f"final loss {losses.mean(dtype=numpy.float64):.4f}, accuracy {right.mean():.4f}")


def arguments() -> tuple[str, str]:
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} IMAGES LABELS")
    return sys.argv[1], sys.argv[2]
