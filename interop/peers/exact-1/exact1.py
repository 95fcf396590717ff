"""A second implementation of contract exact-1, written from specs/exact-1.md alone, and run over vectors/exact-1.

Plain Python, standard library only: `float` is an IEEE 754 f64, and `fround` rounds it to f32. Slow and short on purpose.
Usage: python3 exact1.py VECTORS_DIRECTORY
"""
import base64, hashlib, json, math, struct, sys
from pathlib import Path


def fround(x):
    # struct refuses what overflows; the contract wants the infinity.
    try:
        return struct.unpack('<f', struct.pack('<f', x))[0]
    except OverflowError:
        return math.copysign(math.inf, x)


def bits32(x): return struct.pack('>f', x).hex()
def bits64(x): return struct.pack('>d', x).hex()
def f32(h): return struct.unpack('>f', bytes.fromhex(h))[0]
def f64(h): return struct.unpack('>d', bytes.fromhex(h))[0]
def f32s(text): return [f32(h) for h in text.split()]
def sha(data): return hashlib.sha256(data).digest()
def u32le(*ids): return struct.pack(f'<{len(ids)}I', *ids)


# 1, 2: sums
def dot(a, b):
    s = 0.0
    for x, y in zip(a, b): s = fround(s + fround(x * y))
    return s


def sum4(v):
    s = [0.0] * 4
    for k, x in enumerate(v): s[k % 4] = fround(s[k % 4] + x)
    return fround(fround(s[0] + s[1]) + fround(s[2] + s[3]))


class NonFinite(Exception): pass


# 3: activation blocks. Python's round is to nearest, ties to even.
def activations(x, limit):
    codes, scales = [], []
    for at in range(0, len(x), 32):
        block = x[at:at + 32]
        if not all(math.isfinite(v) for v in block): raise NonFinite
        amax = max(abs(v) for v in block)
        if amax < 2.0 ** -96:
            codes += [0] * 32; scales.append(0.0)
            continue
        inv = fround(limit / amax)
        scales.append(fround(amax / limit))
        codes += [round(fround(v * inv)) for v in block]
    return codes, scales


# 4: matrices
def half(b): return struct.unpack('<e', b)[0]


def bits(data, width, count):
    """`count` unsigned numbers of `width` bits, least significant first."""
    n = int.from_bytes(data, 'little')
    return [n >> width * k & (1 << width) - 1 for k in range(count)]


def planes(data, width, rows):
    """Fields of `width` bits of groups of `rows` bytes: first the lowest field of every byte of the group, then the next."""
    groups = [data[i:i + rows] for i in range(0, len(data), rows)]
    return [b >> shift & (1 << width) - 1 for g in groups for shift in range(0, 8, width) for b in g]


def pairs(s):
    """Scales and minima of Q4_K and Q5_K."""
    low = [(s[j] & 63, s[j + 4] & 63) for j in range(4)]
    return low + [(s[j + 8] & 15 | s[j] >> 6 << 4, s[j + 8] >> 4 | s[j + 4] >> 6 << 4) for j in range(4)]


IQ4 = (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)
SIZES = {'Q8_0': 34, 'Q4_0': 18, 'Q4_1': 20, 'Q5_0': 22, 'Q5_1': 24, 'IQ4_NL': 18, 'Q2_K': 84, 'Q3_K': 110, 'Q4_K': 144, 'Q5_K': 176, 'Q6_K': 210}
add = lambda low, high, weight: [a + weight * b for a, b in zip(low, high)]
GGML = {2: 'Q4_0', 3: 'Q4_1', 6: 'Q5_0', 7: 'Q5_1', 8: 'Q8_0', 10: 'Q2_K', 11: 'Q3_K', 12: 'Q4_K', 13: 'Q5_K', 14: 'Q6_K', 20: 'IQ4_NL'}
less = lambda codes, n: [c - n for c in codes]


def block(kind, b):
    """d, minimum or None, weights w, and per half of 16 the integers (S, m) of the types of 4.2."""
    if kind == 'Q8_0': return half(b[:2]), None, struct.unpack('<32b', b[2:]), None
    if kind == 'Q4_0': return half(b[:2]), None, less(planes(b[2:], 4, 16), 8), None
    if kind == 'IQ4_NL': return half(b[:2]), None, [IQ4[c] for c in planes(b[2:], 4, 16)], None
    if kind == 'Q5_0': return half(b[:2]), None, less(add(planes(b[6:], 4, 16), bits(b[2:6], 1, 32), 16), 16), None
    if kind == 'Q4_1': return half(b[:2]), half(b[2:4]), planes(b[4:], 4, 16), [(1, -1)] * 2
    if kind == 'Q5_1': return half(b[:2]), half(b[2:4]), add(planes(b[8:], 4, 16), bits(b[4:8], 1, 32), 16), [(1, -1)] * 2
    if kind in ('Q4_K', 'Q5_K'):
        codes = planes(b[-128:], 4, 32)
        if kind == 'Q5_K': codes = add(codes, planes(b[16:48], 1, 32), 16)
        return half(b[:2]), half(b[2:4]), codes, [p for p in pairs(b[4:16]) for _ in range(2)]
    if kind == 'Q6_K':
        codes = add(planes(b[:128], 4, 64), planes(b[128:192], 2, 32), 16)
        return half(b[208:]), None, less(codes, 32), [(s, 0) for s in struct.unpack('<16b', b[192:208])]
    if kind == 'Q3_K':
        codes = add(planes(b[32:96], 2, 32), planes(b[:32], 1, 32), 4)
        scales = add(planes(b[96:104], 4, 8), planes(b[104:108], 2, 4), 16)
        return half(b[108:]), None, less(codes, 4), [(s - 32, 0) for s in scales]
    return half(b[80:82]), half(b[82:]), planes(b[16:80], 2, 32), [(s & 15, s >> 4) for s in b[:16]]


class Matrix:
    def __init__(self, kind, rows, cols, data):
        self.kind, self.rows, self.cols, self.data = kind, rows, cols, data
        if kind == 'F32': self.values = struct.unpack(f'<{rows * cols}f', data)
        elif kind == 'F16': self.values = struct.unpack(f'<{rows * cols}e', data)
        elif kind == 'BF16': self.values = [struct.unpack('<f', b'\0\0' + data[i:i + 2])[0] for i in range(0, len(data), 2)]
        else:
            # One entry per 32 columns: d, minimum, weights, integers of both halves.
            self.blocks = []
            size = SIZES[kind]
            for at in range(0, len(data), size):
                d, m, w, s = block(kind, data[at:at + size])
                self.blocks += [(d, m, w[k:k + 32], s and s[k // 16:k // 16 + 2]) for k in range(0, len(w), 32)]

    def row(self, r):
        if hasattr(self, 'values'): return list(self.values[r * self.cols:(r + 1) * self.cols])
        # A Python integer has no negative zero: the code 0 is +0, and d carries the sign.
        row, count = [], self.cols // 32
        for d, m, w, s in self.blocks[r * count:(r + 1) * count]:
            for k, c in enumerate(w):
                S, M = s[k // 16] if s else (1, 0)
                v = fround(d * float(S * c))
                row.append(v if m is None else fround(v - fround(m * float(M))))
        return row

    def times(self, x):
        if hasattr(self, 'values'): return [dot(self.values[r * self.cols:(r + 1) * self.cols], x) for r in range(self.rows)]
        q, da = activations(x, 63 if self.kind in ('Q8_0', 'IQ4_NL') else 127)
        y = []
        for r in range(self.rows):
            s = 0.0
            for b in range(self.cols // 32):
                d, m, w, subs = self.blocks[r * (self.cols // 32) + b]
                a = q[b * 32:b * 32 + 32]
                D = [sum(u * v for u, v in zip(w[h:h + 16], a[h:h + 16])) for h in (0, 16)]
                if subs is None:
                    s = fround(s + fround(sum(D) * fround(d * da[b])))
                    continue
                t = fround(sum(S * n for (S, _), n in zip(subs, D)) * d)
                if m is not None: t = fround(t - fround(sum(M * sum(a[h:h + 16]) for (_, M), h in zip(subs, (0, 16))) * m))
                s = fround(s + fround(t * da[b]))
            y.append(s)
        return y


# 5: elementary functions
def exp32(x):
    x = min(max(x, -87.0), 88.0)
    n = round(fround(x * fround(1.44269502162933349609375)))
    r = fround(fround(x - fround(n * 0.693359375)) - fround(n * fround(-2.12194440e-4)))
    p = fround(1.9875691500e-4)
    for c in (1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1):
        p = fround(fround(p * r) + fround(c))
    y = fround(fround(fround(p * fround(r * r)) + r) + 1)
    return fround(y * 2.0 ** n)


def tanh32(y):
    if abs(y) < 0.625:
        z, p = fround(y * y), fround(-5.70498872745e-3)
        for c in (2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1): p = fround(fround(p * z) + fround(c))
        return fround(fround(fround(p * z) * y) + y)
    e = exp32(fround(-2 * abs(y)))
    return math.copysign(fround(fround(1 - e) / fround(1 + e)), y)


def softcap(x, cap): return fround(tanh32(fround(x / cap)) * cap)
def silu(x): return fround(x / fround(1 + exp32(-x)))


def gelu(x):
    w = fround(x * fround(fround(fround(x * x) * fround(0.07135481282615662)) + fround(1.5957691216057308)))
    return fround(x / fround(1 + exp32(-w)))


def exp64(x):
    if x < -745: return 0.0
    n = math.floor(x * 1.4426950408889634 + 0.5)
    r = (x - n * 0.6931471803691238) - n * 1.9082149292705877e-10
    p = 1.0
    for k in range(13, 0, -1): p = 1 + p * r / k
    return (p * 2.0 ** -1022) * 2.0 ** (n + 1022) if n < -1022 else p * 2.0 ** n


def ln64(x):
    m, e = math.frexp(x)
    m, e = m * 2, e - 1
    if m > 1.4142135623730951: m, e = m / 2, e + 1
    s = (m - 1) / (m + 1)
    z = s * s
    p = 1 / 21
    for k in range(19, 0, -2): p = 1 / k + z * p
    return e * 0.6931471803691238 + (e * 1.9082149292705877e-10 + 2 * s * p)


def horner(c, z):
    p = c[-1]
    for x in reversed(c[:-1]): p = x + z * p
    return p


def sincos64(a):
    n = math.floor(a * 0.6366197723675814 + 0.5)
    r = ((a - n * 1.5707963267341256) - n * 6.077100506303966e-11) - n * 2.0222662487959506e-21
    z = r * r
    P = [(-1) ** (i + 1) / math.factorial(2 * i + 3) for i in range(7)]
    Q = [(-1) ** (i + 1) / math.factorial(2 * i + 2) for i in range(8)]
    S = r + r * z * horner(P, z)
    C = 1 + z * horner(Q, z)
    return [(S, C), (C, -S), (-S, -C), (-C, S)][n % 4]


def to_half(x):
    # struct's 'e' rounds to nearest even and refuses what rounds above 65504.
    try:
        if not math.isfinite(x): raise NonFinite
        return half(struct.pack('<e', x))
    except OverflowError: raise NonFinite


# 6: the layer
def rope_rotations(rope, position):
    c, s = [], []
    for i in range(rope['dim'] // 2):
        theta = exp64(-(2 * i / rope['dim']) * ln64(rope['base']))
        if rope['divisors']: theta = theta / rope['divisors'][i]
        angle = (position / rope['factor'] if rope['factor'] != 1 else position) * theta
        sn, cs = sincos64(angle)
        c.append(fround(cs * rope['magnitude'])); s.append(fround(sn * rope['magnitude']))
    return c, s


def rmsnorm(x, w, eps):
    m = fround(sum4([fround(v * v) for v in x]) / len(x))
    r = fround(1 / fround(math.sqrt(fround(m + eps))))
    return [fround(fround(v * r) * k) for v, k in zip(x, w)]


class Gguf:
    """Reads a valid file; the invalid vectors are for strict readers."""
    def __init__(self, data):
        self.data, self.at = data, 8
        tensors, entries = self.take('<QQ')
        self.meta = {}
        for _ in range(entries):
            key = self.text()
            self.meta[key] = self.value(self.take('<I')[0])
        infos = []
        for _ in range(tensors):
            name = self.text()
            shape = self.take(f'<{self.take("<I")[0]}Q')
            infos.append((name, shape, *self.take('<IQ')))
        align = self.meta.get('general.alignment', 32)
        start = (self.at + align - 1) // align * align
        self.tensors = {}
        for name, shape, kind, offset in infos:
            kind, size, values = {0: ('F32', 4, 1), 1: ('F16', 2, 1), 30: ('BF16', 2, 1), **{i: (n, SIZES[n], 256 if n[-1] == 'K' else 32) for i, n in GGML.items()}}[kind]
            length = math.prod(shape) // values * size
            self.tensors[name] = Matrix(kind, math.prod(shape[1:]), shape[0], data[start + offset:start + offset + length])

    def take(self, layout):
        got = struct.unpack_from(layout, self.data, self.at)
        self.at += struct.calcsize(layout)
        return got

    def text(self):
        length = self.take('<Q')[0]
        self.at += length
        return self.data[self.at - length:self.at].decode()

    def value(self, kind):
        if kind == 8: return self.text()
        if kind == 9:
            inner, count = self.take('<IQ')
            return [self.value(inner) for _ in range(count)]
        return self.take('<' + {0: 'B', 1: 'b', 2: 'H', 3: 'h', 4: 'I', 5: 'i', 6: 'f', 7: '?', 10: 'Q', 11: 'q', 12: 'd'}[kind])[0]


class Model:
    def __init__(self, data):
        g = Gguf(data)
        a = g.meta['general.architecture']
        get = lambda key, default=None: g.meta.get(f'{a}.{key}', default)
        self.t, self.layout = g.tensors, a
        self.heads, self.layers = get('attention.head_count'), get('block_count')
        self.kv = get('attention.head_count_kv', self.heads)
        self.hd = get('attention.key_length', get('embedding_length') // self.heads)
        self.eps = fround(get('attention.layer_norm_rms_epsilon'))
        context = get('context_length')
        is_long = context > get('rope.scaling.original_context_length', context)
        divisors = self.t.get('rope_freqs.weight') or self.t.get(f'rope_factors_{"long" if is_long else "short"}.weight')
        self.rope = {'dim': get('rope.dimension_count', self.hd), 'base': get('rope.freq_base', 10000.0),
                     'factor': get('rope.scaling.factor') if get('rope.scaling.type') == 'linear' else 1, 'divisors': divisors and divisors.values,
                     'magnitude': (get('rope.scaling.attn_factor') or 1.0) if a == 'phi3' else 1.0}
        self.local = {**self.rope, 'base': get('rope.freq_base_swa', 10000.0), 'factor': 1}
        width, gemma = get('embedding_length'), a.startswith('gemma')
        self.window = get('attention.sliding_window', 4096 if a == 'gemma2' else 0) if gemma else 0
        largest = gemma and self.layers == (46 if a == 'gemma2' else 62)
        self.scale = fround(1 / fround(math.sqrt(width // self.heads if largest else self.hd)))
        self.score_cap = get('attn_logit_softcapping', 50.0) if a == 'gemma2' else 0
        self.logit_cap = get('final_logit_softcapping', 30.0 if a == 'gemma2' else 0) if gemma else 0
        self.embed, self.residual, self.out = fround(math.sqrt(width)) if gemma else 1.0, 1.0, 1.0
        if a == 'granite':
            self.scale = get('attention.scale', 0) or self.scale
            self.embed, self.residual = get('embedding_scale', 0) or 1.0, get('residual_scale', 0) or 1.0
            self.out = fround(1 / (get('logit_scale', 0) or 1.0))
        if a == 'phi3':
            q, k = self.heads * self.hd, self.kv * self.hd
            for layer in range(self.layers):
                self.split(f'blk.{layer}.', 'attn_qkv', (('attn_q', q), ('attn_k', k), ('attn_v', k)))
                f = get('feed_forward_length')
                self.split(f'blk.{layer}.', 'ffn_up', (('ffn_gate', f), ('ffn_up', f)))
        self.cache = [([], []) for _ in range(self.layers)]

    def split(self, prefix, name, parts):
        whole = self.t.pop(f'{prefix}{name}.weight')
        size, at = len(whole.data) // whole.rows, 0
        for part, rows in parts:
            self.t[f'{prefix}{part}.weight'] = Matrix(whole.kind, rows, whole.cols, whole.data[at * size:(at + rows) * size])
            at += rows

    def kind(self, layer):
        """Rotations (or none) and window of a layer."""
        if self.layout == 'smollm3' and (layer + 1) % 4 == 0: return None, 0
        every = {'gemma2': 2, 'gemma3': 6}.get(self.layout)
        if not every or not self.window or (layer + 1) % every == 0: return self.rope, 0
        return self.local if self.layout == 'gemma3' else self.rope, self.window

    def add(self, x, y, norm):
        if norm: y = rmsnorm(y, norm.values, self.eps)
        return [fround(a + fround(b * self.residual)) for a, b in zip(x, y)]

    def spin(self, x, c, s):
        half_dim = self.rope['dim'] // 2
        for h in range(0, len(x), self.hd):
            for i in range(half_dim):
                j, k = (h + 2 * i, h + 2 * i + 1) if self.layout in ('llama', 'smollm3', 'granite') else (h + i, h + i + half_dim)
                a, b = x[j], x[k]
                x[j] = fround(fround(a * c[i]) - fround(b * s[i]))
                x[k] = fround(fround(a * s[i]) + fround(b * c[i]))

    def step(self, token):
        t, position = self.t, len(self.cache[0][0])
        x = [fround(v * self.embed) for v in t['token_embd.weight'].row(token)]
        turns = {id(rope): rope_rotations(rope, position) for rope in (self.rope, self.local)}
        for layer, (keys, values) in enumerate(self.cache):
            w = lambda name: t[f'blk.{layer}.{name}.weight']
            h = rmsnorm(x, w('attn_norm').values, self.eps)
            qkv = []
            for name in ('attn_q', 'attn_k', 'attn_v'):
                y, bias = w(name).times(h), t.get(f'blk.{layer}.{name}.bias')
                qkv.append([fround(v + b) for v, b in zip(y, bias.values)] if bias else y)
            for part, name in zip(qkv, ('attn_q_norm', 'attn_k_norm')):
                norm = t.get(f'blk.{layer}.{name}.weight')
                for at in range(0, len(part) if norm else 0, self.hd): part[at:at + self.hd] = rmsnorm(part[at:at + self.hd], norm.values, self.eps)
            q, k, v = qkv
            rope, window = self.kind(layer)
            if rope: self.spin(q, *turns[id(rope)]); self.spin(k, *turns[id(rope)])
            first = max(0, position - window + 1) if window else 0
            keys.append([to_half(e) for e in k]); values.append([to_half(e) for e in v])
            mixed = []
            for head in range(self.heads):
                at = head // (self.heads // self.kv) * self.hd
                scores = [fround(dot(q[head * self.hd:(head + 1) * self.hd], row[at:at + self.hd]) * self.scale) for row in keys[first:]]
                if not all(math.isfinite(e) for e in scores): raise NonFinite
                if self.score_cap: scores = [softcap(score, self.score_cap) for score in scores]
                m = max(scores)
                e = [0.0] * first + [exp32(fround(score - m)) for score in scores]
                inverse = fround(1 / sum4(e))
                for i in range(self.hd):
                    mixed.append(fround(dot(e, [row[at + i] for row in values]) * inverse))
            x = self.add(x, w('attn_output').times(mixed), t.get(f'blk.{layer}.post_attention_norm.weight'))
            h = rmsnorm(x, w('ffn_norm').values, self.eps)
            act = gelu if self.layout.startswith('gemma') else silu
            a = [fround(act(g) * u) for g, u in zip(w('ffn_gate').times(h), w('ffn_up').times(h))]
            x = self.add(x, w('ffn_down').times(a), t.get(f'blk.{layer}.post_ffw_norm.weight'))
        h = rmsnorm(x, t['output_norm.weight'].values, self.eps)
        logits = [fround(v * self.out) for v in t.get('output.weight', t['token_embd.weight']).times(h)]
        return [softcap(v, self.logit_cap) for v in logits] if self.logit_cap else logits


# 7: sampling
def philox(counter, key):
    c, (k0, k1) = list(counter), key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k0, p1 & 0xffffffff, (p0 >> 32) ^ c[3] ^ k1, p0 & 0xffffffff]
        k0, k1 = (k0 + 0x9E3779B9) & 0xffffffff, (k1 + 0xBB67AE85) & 0xffffffff
    return c


def uniform(seed, t, i):
    key = struct.unpack('<2I', sha(b'runproof/rng/1\0' + seed + u32le(t))[:8])
    r0, r1 = philox((i, 0, 0, 0), key)[:2]
    return ((r0 >> 6) * 2.0 ** 26 + (r1 >> 6) + 0.5) / 2.0 ** 52


def sample(logits, p, prompt, output):
    z = list(logits)
    R = p['repetition_penalty']
    if R != 1:
        for i in set(prompt) | set(output):
            # Python raises where IEEE 754 gives an infinity; the page clamps both to 2^1000.
            z[i] = (z[i] / R if R > 1e-290 else math.copysign(math.inf, z[i])) if z[i] > 0 else z[i] * R
    for i in set(output): z[i] -= p['frequency_penalty'] * output.count(i) + p['presence_penalty']
    for name, bias in p['logit_bias'].items():
        if int(name) < len(z): z[int(name)] += bias
    clamp = lambda v: min(max(v, -2.0 ** 1000), 2.0 ** 1000)
    z = [clamp(v) for v in z]
    order = lambda: sorted(range(len(z)), key=lambda i: (-z[i], i))
    if p['temperature'] < 2.0 ** -20: return order()[0]
    z = [clamp(v / p['temperature']) for v in z]
    kept = order()
    top = z[kept[0]]
    weight = lambda i: exp64(max(z[i] - top, -745.0))
    if p['top_k'] > 0: kept = kept[:p['top_k']]
    if p['top_p'] < 1:
        total = 0.0
        for i in kept: total += weight(i)
        running, count = 0.0, 0
        for i in kept:
            running += weight(i); count += 1
            if running >= p['top_p'] * total: break
        kept = kept[:count]
    if p['min_p'] > 0: kept = [i for i in kept if weight(i) >= p['min_p']]
    seed = bytes.fromhex(p['seed'])
    noisy = {i: z[i] + -ln64(-ln64(uniform(seed, len(output), i))) for i in kept}
    return min(kept, key=lambda i: (-noisy[i], i))


def run(directory):
    count = 0
    def check(name, want, got):
        nonlocal count
        if want != got: sys.exit(f'{name}: expected {want}, got {got}')
        count += 1
    load = lambda kind, name: json.loads((Path(directory) / kind / f'{name}.json').read_text())['cases']
    spell = lambda v: ' '.join(bits32(x) for x in v)
    for v in load('valid', 'elementary'):
        single = {'exp32': exp32, 'tanh32': tanh32, 'gelu': gelu}.get(v['function'])
        if single: check(v['comment'], v['output'], bits32(single(f32(v['input']))))
        elif v['function'] == 'sincos64': check(v['comment'], [v['sin'], v['cos']], [bits64(x) for x in sincos64(f64(v['input']))])
        else: check(v['comment'], v['output'], bits64({'exp64': exp64, 'ln64': ln64}[v['function']](f64(v['input']))))
    for v in load('valid', 'half'): check(v['comment'], v['output'], struct.pack('>e', f32(v['input'])).hex())
    for v in load('invalid', 'half'):
        try: check(v['comment'], 'an error', to_half(f32(v['input'])))
        except NonFinite: count += 1
    for v in load('valid', 'sums'):
        x = f32s(v['input'])
        check(v['comment'], v['output'], bits32(sum4(x) if v['function'] == 'sum4' else dot(x, f32s(v['other']))))
    for v in load('valid', 'activation-blocks'):
        codes, scales = activations(f32s(v['input']), v['limit'])
        check(v['comment'], [v['codes'], v['scales']], [codes, spell(scales)])
    for v in load('invalid', 'activation-blocks'):
        try: check(v['comment'], 'an error', activations(f32s(v['input']), v['limit']))
        except NonFinite: count += 1
    for v in load('valid', 'products'):
        m = Matrix(v['type'], v['rows'], v['cols'], bytes.fromhex(v['weights']))
        check(v['comment'], [v['output'], v['row_0']], [spell(m.times(f32s(v['input']))), spell(m.row(0))])
    for v in load('valid', 'rope'):
        rope = {'dim': v['dimension'], 'base': v['base'], 'factor': v['linear_factor'], 'divisors': v['divisors'] and f32s(v['divisors']), 'magnitude': v['magnitude']}
        check(v['comment'], [v['cos'], v['sin']], [spell(x) for x in rope_rotations(rope, v['position'])])
    for v in load('valid', 'models'):
        model = Model(base64.b64decode(v['file']))
        rows = [model.step(i) for i in v['ids']]
        check(v['comment'], v['logit_hashes'], [sha(struct.pack(f'<{len(r)}f', *r)).hex() for r in rows])
        ids, row = [], rows[-1]
        while len(ids) < len(v['greedy']):
            ids.append(row.index(max(row)))
            row = model.step(ids[-1])
        check(v['comment'], v['greedy'], ids)
    for v in load('valid', 'random'):
        if v['function'] == 'uniform': check(v['comment'], v['output'], bits64(uniform(bytes.fromhex(v['seed']), v['position'], v['id'])))
        else: check(v['comment'], v['output'], philox(v['counter'], v['key']))
    for v in load('valid', 'sampler'): check(v['comment'], v['id'], sample(f32s(v['logits']), v['sampling'], v['prompt'], v['output']))
    for v in load('valid', 'trace'):
        h = sha(b'runproof/trace/1\0' + bytes.fromhex(v['model'][7:]) + sha(b'exact-1') + sha(u32le(*v['prompt'])))
        check(v['comment'], v['start'], h.hex())
        for s in v['steps']:
            logits = f32s(s['logits'])
            h = sha(h + u32le(s['id']) + sha(struct.pack(f'<{len(logits)}f', *logits)))
            check(v['comment'], s['hash'], h.hex())
    return count


if __name__ == '__main__': print(f'{run(sys.argv[1])} checks of exact-1 agree')
