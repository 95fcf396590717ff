"""Writes a checkpoint as a GGUF file and its SHA-256 beside it.

    python export.py --build build --out runproof-tiny-q8_0.gguf
"""

import argparse
import hashlib
import os

import numpy as np

import gguf
from model import Config, matrix_shapes
from tokenizer import SPECIALS, TEMPLATE, load


def metadata(cfg, tok):
    """The GGUF keys of the model and its tokenizer."""
    u, s = gguf.U32, gguf.STRING
    kinds = [3 if t in SPECIALS else 1 for t in tok.tokens]
    return [
        ("general.architecture", s, "llama"),
        ("general.type", s, "model"),
        ("general.name", s, "runproof-tiny"),
        ("general.description", s, "A small demonstration chat model: stories, questions about "
                                   "them, counting and small sums."),
        ("general.license", s, "apache-2.0"),
        ("general.languages", gguf.ARRAY, (s, ["en"])),
        ("general.alignment", u, gguf.ALIGN),
        ("general.file_type", u, 7),
        ("general.quantization_version", u, 2),
        ("llama.context_length", u, cfg.context),
        ("llama.embedding_length", u, cfg.dim),
        ("llama.block_count", u, cfg.layers),
        ("llama.feed_forward_length", u, cfg.ff),
        ("llama.attention.head_count", u, cfg.heads),
        ("llama.attention.head_count_kv", u, cfg.kv_heads),
        ("llama.attention.layer_norm_rms_epsilon", gguf.F32, cfg.eps),
        ("llama.rope.dimension_count", u, cfg.head_dim),
        ("llama.rope.freq_base", gguf.F32, cfg.rope_base),
        ("llama.vocab_size", u, cfg.vocab),
        ("tokenizer.ggml.model", s, "gpt2"),
        ("tokenizer.ggml.pre", s, "qwen2"),
        ("tokenizer.ggml.tokens", gguf.ARRAY, (s, tok.tokens)),
        ("tokenizer.ggml.token_type", gguf.ARRAY, (gguf.I32, kinds)),
        ("tokenizer.ggml.merges", gguf.ARRAY, (s, [" ".join(m) for m in tok.merges])),
        ("tokenizer.ggml.eos_token_id", u, tok.stop),
        ("tokenizer.ggml.padding_token_id", u, tok.end),
        ("tokenizer.ggml.add_bos_token", gguf.BOOL, False),
        ("tokenizer.chat_template", s, TEMPLATE),
    ]


def tensor_list(cfg, params):
    """Tensors in llama.cpp's order: matrices Q8_0, norms F32."""
    matrices = matrix_shapes(cfg)
    names = ["token_embd.weight"]
    for n in range(cfg.layers):
        names += [f"blk.{n}.{part}.weight" for part in (
            "attn_norm", "attn_q", "attn_k", "attn_v", "attn_output",
            "ffn_norm", "ffn_gate", "ffn_up", "ffn_down")]
    names.append("output_norm.weight")
    out = []
    for name in names:
        x = np.asarray(params[name], np.float32)
        if name in matrices and x.shape != matrices[name]:
            raise ValueError(f"{name} has shape {x.shape}, expected {matrices[name]}")
        out.append((name, gguf.TYPE_Q8_0 if name in matrices else gguf.TYPE_F32, x))
    return out


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--build", default="build")
    args.add_argument("--out", default="runproof-tiny-q8_0.gguf")
    a = args.parse_args()
    tok = load(os.path.join(a.build, "tokenizer.json"))
    cfg = Config(vocab=len(tok.tokens))
    z = np.load(os.path.join(a.build, "checkpoint.npz"))
    params = {k[2:]: z[k] for k in z.files if k.startswith("p/")}
    gguf.write(a.out, metadata(cfg, tok), tensor_list(cfg, params))
    with open(a.out, "rb") as f:
        data = f.read()
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(os.path.dirname(a.out) or ".", "model.sha256"), "w") as f:
        f.write(f"{digest}  {os.path.basename(a.out)}\n")
    count = sum(int(np.prod(x.shape)) for _, _, x in tensor_list(cfg, params))
    print(f"step {int(z['step'])}, {count} parameters, {len(data)} bytes, sha256 {digest}")


if __name__ == "__main__":
    main()
