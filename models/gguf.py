"""Writing and reading GGUF v3 with the two tensor types used here: F32 and Q8_0."""

import struct

import numpy as np

MAGIC, VERSION, ALIGN = b"GGUF", 3, 32
U32, I32, F32, BOOL, STRING, ARRAY, U64 = 4, 5, 6, 7, 8, 9, 10
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", U32: "<I", I32: "<i", F32: "<f", BOOL: "<?",
           U64: "<Q", 11: "<q", 12: "<d"}
TYPE_F32, TYPE_Q8_0, BLOCK = 0, 8, 32


def quantise(x):
    """Q8_0 bytes of a matrix: per 32 values one f16 scale and 32 signed bytes."""
    b = np.ascontiguousarray(x, np.float32).reshape(-1, BLOCK)
    d = (np.abs(b).max(1) / np.float32(127)).astype(np.float32)
    inverse = np.divide(np.float32(1), d, out=np.zeros_like(d), where=d > 0)
    scaled = b * inverse[:, None]
    q = np.trunc(scaled + np.copysign(np.float32(0.5), scaled)).astype(np.int8)
    out = np.zeros(len(b), dtype=[("d", "<f2"), ("q", "i1", BLOCK)])
    out["d"], out["q"] = d.astype(np.float16), q
    return out.tobytes()


def dequantise(data, shape):
    """The float32 matrix that Q8_0 bytes stand for."""
    b = np.frombuffer(data, dtype=[("d", "<f2"), ("q", "i1", BLOCK)])
    return (b["d"].astype(np.float32)[:, None] * b["q"].astype(np.float32)).reshape(shape)


def pack_string(text):
    raw = text.encode("utf-8")
    return struct.pack("<Q", len(raw)) + raw


def pack_value(kind, value):
    """A metadata value; an array is (element kind, list)."""
    if kind == STRING:
        return pack_string(value)
    if kind == ARRAY:
        of, items = value
        return struct.pack("<IQ", of, len(items)) + b"".join(pack_value(of, v) for v in items)
    return struct.pack(SCALARS[kind], value)


def write(path, metadata, tensors):
    """metadata: list of (key, kind, value); tensors: list of (name, type, float32 array)."""
    head = MAGIC + struct.pack("<IQQ", VERSION, len(tensors), len(metadata))
    for key, kind, value in metadata:
        head += pack_string(key) + struct.pack("<I", kind) + pack_value(kind, value)
    blobs, offset = [], 0
    for name, kind, x in tensors:
        data = quantise(x) if kind == TYPE_Q8_0 else np.asarray(x, "<f4").tobytes()
        head += pack_string(name) + struct.pack("<I", x.ndim)
        head += b"".join(struct.pack("<Q", n) for n in reversed(x.shape))
        head += struct.pack("<IQ", kind, offset)
        data += b"\0" * (-len(data) % ALIGN)
        blobs.append(data)
        offset += len(data)
    with open(path, "wb") as f:
        f.write(head + b"\0" * (-len(head) % ALIGN))
        f.write(b"".join(blobs))


class Reader:
    """Parses a GGUF file into `meta` (key to value) and `tensors` (name to float32 array)."""

    def __init__(self, path):
        with open(path, "rb") as f:
            self.data = f.read()
        self.at = 0
        if self.data[:4] != MAGIC:
            raise ValueError("not a GGUF file")
        self.at = 4
        version, count, keys = self.take("<I"), self.take("<Q"), self.take("<Q")
        if version != VERSION:
            raise ValueError(f"GGUF version {version}, expected {VERSION}")
        self.meta = {}
        for _ in range(keys):
            key = self.string()
            self.meta[key] = self.value(self.take("<I"))
        infos = [self.info() for _ in range(count)]
        base = self.at + -self.at % ALIGN
        self.tensors = {name: self.tensor(base + offset, kind, shape)
                        for name, shape, kind, offset in infos}

    def take(self, form):
        value = struct.unpack_from(form, self.data, self.at)[0]
        self.at += struct.calcsize(form)
        return value

    def string(self):
        n = self.take("<Q")
        self.at += n
        return self.data[self.at - n:self.at].decode("utf-8")

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            of, n = self.take("<I"), self.take("<Q")
            return [self.value(of) for _ in range(n)]
        return self.take(SCALARS[kind])

    def info(self):
        name, dims = self.string(), self.take("<I")
        shape = tuple(reversed([self.take("<Q") for _ in range(dims)]))
        return name, shape, self.take("<I"), self.take("<Q")

    def tensor(self, start, kind, shape):
        n = int(np.prod(shape))
        if kind == TYPE_F32:
            return np.frombuffer(self.data, "<f4", n, start).reshape(shape)
        if kind == TYPE_Q8_0:
            return dequantise(self.data[start:start + n // BLOCK * (BLOCK + 2)], shape)
        raise ValueError(f"tensor type {kind} is not read here")
