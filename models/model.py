"""The network: a small Llama-architecture decoder in JAX.

Grouped-query attention, RMS norm, SwiGLU and rotary position embedding in the
llama "NORM" layout (the pair at positions 2i and 2i+1 is rotated together), so
that the exported matrices need no permutation. Input and output embedding are
one matrix. Parameters are a flat dict named exactly as the GGUF tensors are,
and every matrix is stored as GGUF stores it: one row per output.
"""

from dataclasses import asdict, dataclass

import jax
import jax.numpy as jnp
import numpy as np

CHUNK = 64  # queries per attention chunk


@dataclass(frozen=True)
class Config:
    """The shape of the network."""

    vocab: int = 1024
    dim: int = 192
    layers: int = 6
    heads: int = 4
    kv_heads: int = 2
    ff: int = 512
    context: int = 512
    eps: float = 1e-5
    rope_base: float = 10000.0

    @property
    def head_dim(self):
        return self.dim // self.heads

    def to_dict(self):
        return asdict(self)


def matrix_shapes(cfg):
    """Name to shape (rows, columns) of every matrix, in file order."""
    kv = cfg.kv_heads * cfg.head_dim
    shapes = {"token_embd.weight": (cfg.vocab, cfg.dim)}
    for n in range(cfg.layers):
        b = f"blk.{n}."
        shapes[b + "attn_q.weight"] = (cfg.dim, cfg.dim)
        shapes[b + "attn_k.weight"] = (kv, cfg.dim)
        shapes[b + "attn_v.weight"] = (kv, cfg.dim)
        shapes[b + "attn_output.weight"] = (cfg.dim, cfg.dim)
        shapes[b + "ffn_gate.weight"] = (cfg.ff, cfg.dim)
        shapes[b + "ffn_up.weight"] = (cfg.ff, cfg.dim)
        shapes[b + "ffn_down.weight"] = (cfg.dim, cfg.ff)
    return shapes


def init(cfg, seed):
    """Fresh parameters; the matrices that write to the residual stream start small."""
    rng = np.random.default_rng(seed)
    params = {}
    for name, (rows, cols) in matrix_shapes(cfg).items():
        std = 0.02 if name.startswith("token_embd") else 0.5 / np.sqrt(cols)
        if name.endswith(("attn_output.weight", "ffn_down.weight")):
            std /= np.sqrt(2 * cfg.layers)
        params[name] = jnp.asarray(rng.normal(0, std, (rows, cols)), jnp.float32)
    for n in range(cfg.layers):
        params[f"blk.{n}.attn_norm.weight"] = jnp.ones(cfg.dim)
        params[f"blk.{n}.ffn_norm.weight"] = jnp.ones(cfg.dim)
    params["output_norm.weight"] = jnp.ones(cfg.dim)
    return params


def rope_tables(cfg, positions):
    """cos and sin per position and pair: shape (T, head_dim / 2)."""
    half = cfg.head_dim // 2
    freq = cfg.rope_base ** (-np.arange(half) * 2.0 / cfg.head_dim)
    angle = positions[:, None].astype(jnp.float32) * freq[None, :].astype(np.float32)
    return jnp.cos(angle), jnp.sin(angle)


def rope(x, cos, sin):
    """Rotate adjacent pairs of the last axis; x is (B, T, H, head_dim)."""
    b, t, h, d = x.shape
    x = x.reshape(b, t, h, d // 2, 2)
    x0, x1 = x[..., 0], x[..., 1]
    c, s = cos[None, :, None, :], sin[None, :, None, :]
    return jnp.stack([x0 * c - x1 * s, x0 * s + x1 * c], -1).reshape(b, t, h, d)


def rms_norm(x, weight, eps):
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + eps) * weight


def attention(cfg, p, b, x, cos, sin, bias):
    """Grouped-query attention of one block; bias is (B, T, T), 0 where visible.

    The queries are taken in chunks, each against the keys up to its end, which
    skips most of what the causal mask would hide.
    """
    bs, t, _ = x.shape
    hd, kv = cfg.head_dim, cfg.kv_heads
    group = cfg.heads // kv
    q = rope((x @ p[b + "attn_q.weight"].T).reshape(bs, t, cfg.heads, hd), cos, sin)
    k = rope((x @ p[b + "attn_k.weight"].T).reshape(bs, t, kv, hd), cos, sin)
    v = (x @ p[b + "attn_v.weight"].T).reshape(bs, t, kv, hd)
    q = (q * hd ** -0.5).reshape(bs, t, kv, group, hd).transpose(0, 2, 3, 1, 4)
    k, v = k.transpose(0, 2, 1, 3), v.transpose(0, 2, 1, 3)
    parts = []
    for lo in range(0, t, CHUNK):
        hi = min(t, lo + CHUNK)
        n = hi - lo
        qc = q[:, :, :, lo:hi].reshape(bs, kv, group * n, hd)
        score = jnp.einsum("bkqd,bksd->bkqs", qc, k[:, :, :hi]).reshape(bs, kv, group, n, hi)
        prob = jax.nn.softmax(score + bias[:, None, None, lo:hi, :hi], axis=-1)
        out = jnp.einsum("bkqs,bksd->bkqd", prob.reshape(bs, kv, group * n, hi), v[:, :, :hi])
        parts.append(out.reshape(bs, kv, group, n, hd))
    out = jnp.concatenate(parts, 3).transpose(0, 3, 1, 2, 4).reshape(bs, t, cfg.dim)
    return out @ p[b + "attn_output.weight"].T


def feed_forward(p, b, x):
    gate = jax.nn.silu(x @ p[b + "ffn_gate.weight"].T)
    return (gate * (x @ p[b + "ffn_up.weight"].T)) @ p[b + "ffn_down.weight"].T


def forward(cfg, p, tokens, segments):
    """Logits (B, T, vocab). A token sees earlier tokens of its own segment only."""
    t = tokens.shape[1]
    cos, sin = rope_tables(cfg, np.arange(t))
    causal = jnp.tril(jnp.ones((t, t), bool))[None]
    seen = causal & (segments[:, :, None] == segments[:, None, :])
    bias = jnp.where(seen, 0.0, -1e30)
    x = p["token_embd.weight"][tokens]
    for n in range(cfg.layers):
        b = f"blk.{n}."
        h = rms_norm(x, p[b + "attn_norm.weight"], cfg.eps)
        x = x + attention(cfg, p, b, h, cos, sin, bias)
        h = rms_norm(x, p[b + "ffn_norm.weight"], cfg.eps)
        x = x + feed_forward(p, b, h)
    x = rms_norm(x, p["output_norm.weight"], cfg.eps)
    return x @ p["token_embd.weight"].T


def loss_fn(cfg, p, tokens, segments, weights):
    """Mean cross entropy of the next token, weighted per target token."""
    logits = forward(cfg, p, tokens[:, :-1], segments[:, :-1])
    logp = jax.nn.log_softmax(logits, -1)
    picked = jnp.take_along_axis(logp, tokens[:, 1:, None], -1)[..., 0]
    w = weights[:, 1:] * (segments[:, 1:] == segments[:, :-1])
    return -(picked * w).sum() / jnp.maximum(w.sum(), 1.0)
