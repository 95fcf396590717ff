"""Ed25519 verification, RFC 8032 §5.1.7, in plain integers. Slow, and short enough to read.

The equation is the one with the factor 8. Encodings that are not canonical and public keys of small order are refused.
"""
import hashlib

P = 2 ** 255 - 19
L = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1, 1, 0)


def add(a, b):
    """Sum of two points in extended coordinates (X, Y, Z, T), RFC 8032 §5.1.4."""
    x = (a[1] - a[0]) * (b[1] - b[0]) % P
    y = (a[1] + a[0]) * (b[1] + b[0]) % P
    t = 2 * a[3] * b[3] * D % P
    z = 2 * a[2] * b[2] % P
    e, f, g, h = y - x, z - t, z + t, y + x
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar, point):
    result = NEUTRAL
    while scalar > 0:
        if scalar & 1: result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def same(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def decode(data):
    """The point of 32 bytes, RFC 8032 §5.1.3, or None."""
    y = int.from_bytes(data, 'little')
    sign, y = y >> 255, y & (2 ** 255 - 1)
    if y >= P: return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0: x = x * ROOT % P
    if (x * x - square) % P != 0 or (x == 0 and sign == 1): return None
    if x & 1 != sign: x = P - x
    return x, y, 1, x * y % P


BASE = decode((4 * pow(5, P - 2, P) % P).to_bytes(32, 'little'))


def verify(key, message, signature):
    if len(key) != 32 or len(signature) != 64: return False
    a, r = decode(key), decode(signature[:32])
    s = int.from_bytes(signature[32:], 'little')
    if a is None or r is None or s >= L or same(multiply(8, a), NEUTRAL): return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), 'little') % L
    return same(multiply(8 * s, BASE), add(multiply(8, r), multiply(8 * k, a)))
