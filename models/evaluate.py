"""Measures an exported GGUF on held-out chats, with its weights as de-quantised.

    python evaluate.py --model runproof-tiny-q8_0.gguf --corpus build/corpus/heldout.jsonl

Everything is greedy. Generation runs in numpy with a key-value cache, written apart
from the training code; the perplexity uses the training code. The two are compared.
"""

import argparse
import json
import random

import numpy as np

import skills
from gguf import Reader
from model import Config
from tell import request, tell
from tokenizer import Tokenizer

SAMPLES = [
    ["Hello", "Who are you?", "What is the capital of France?"],
    ["Tell me a story about a fox"],
    ["Write a story about Mia and a boat", "Who is the story about?", "Who has the boat now?"],
    ["tell me a story about a little dragon named Zazu and a lantern"],
    ["Please tell me a story about a lost key in the garden."],
    ["Tom put the cup on the table. Mia took the cup to the garden. Where did Tom put the cup?"],
    ["Anna had a red key. She lost it in the park. Ben found the key under a bench. He gave it "
     "to Anna. Who found the key?", "Where did Anna lose the key?", "What color was the key?",
     "Who has the key now?", "Where is the boat?"],
    ["Count from 3 to 9", "Count down from 10 to 5", "What is 7 plus 5?", "What is 8 times 6?",
     "Mia has 9 apples and gives 4 to Tom. How many apples does Mia have?"],
    ["My name is Oskar.", "Tell me a story about Oskar and a train.", "What is my name?"],
    ["Say blue fox river", "Write a Python program", "Thank you", "Bye"],
]


class Network:
    """The exported model: prefill and greedy decoding in numpy."""

    def __init__(self, path):
        r = Reader(path)
        m = r.meta
        self.w = r.tensors
        self.tok = Tokenizer(m["tokenizer.ggml.merges"])
        if self.tok.tokens != m["tokenizer.ggml.tokens"]:
            raise ValueError("the token list does not follow from the merges")
        self.cfg = Config(
            vocab=len(self.tok.tokens), dim=m["llama.embedding_length"],
            layers=m["llama.block_count"], heads=m["llama.attention.head_count"],
            kv_heads=m["llama.attention.head_count_kv"], ff=m["llama.feed_forward_length"],
            context=m["llama.context_length"], eps=m["llama.attention.layer_norm_rms_epsilon"],
            rope_base=m["llama.rope.freq_base"])
        half = self.cfg.head_dim // 2
        freq = self.cfg.rope_base ** (-np.arange(half) * 2.0 / self.cfg.head_dim)
        angle = np.arange(self.cfg.context)[:, None] * freq
        self.cos, self.sin = np.cos(angle).astype("f4"), np.sin(angle).astype("f4")
        self.reset()

    def reset(self):
        c = self.cfg
        self.cache = np.zeros((c.layers, 2, c.kv_heads, c.context, c.head_dim), "f4")
        self.n = 0

    def turn(self, x, lo, hi):
        """Rotate (T, heads, head_dim) for positions lo..hi."""
        cos, sin = self.cos[lo:hi, None], self.sin[lo:hi, None]
        out = np.empty_like(x)
        out[..., 0::2] = x[..., 0::2] * cos - x[..., 1::2] * sin
        out[..., 1::2] = x[..., 0::2] * sin + x[..., 1::2] * cos
        return out

    def norm(self, x, name):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.cfg.eps) * self.w[name]

    def feed(self, ids):
        """Logits after each of the ids, which follow those fed before."""
        c, w, lo, hi = self.cfg, self.w, self.n, self.n + len(ids)
        if hi > c.context:
            raise ValueError("the context is full")
        x = w["token_embd.weight"][ids]
        hidden = np.arange(hi)[None, :] > np.arange(lo, hi)[:, None]
        for layer in range(c.layers):
            b = f"blk.{layer}."
            h = self.norm(x, b + "attn_norm.weight")
            q, k, v = ((h @ w[f"{b}attn_{n}.weight"].T).reshape(len(ids), -1, c.head_dim)
                       for n in "qkv")
            keys, values = self.cache[layer]
            keys[:, lo:hi] = self.turn(k, lo, hi).transpose(1, 0, 2)
            values[:, lo:hi] = v.transpose(1, 0, 2)
            q = self.turn(q, lo, hi).transpose(1, 0, 2)
            group = c.heads // c.kv_heads
            kk, vv = (np.repeat(a[:, :hi], group, 0) for a in (keys, values))
            score = q @ kk.transpose(0, 2, 1) * np.float32(c.head_dim ** -0.5)
            score = np.where(hidden, np.float32(-1e30), score)
            p = np.exp(score - score.max(-1, keepdims=True))
            out = (p / p.sum(-1, keepdims=True)) @ vv
            x = x + out.transpose(1, 0, 2).reshape(len(ids), -1) @ w[b + "attn_output.weight"].T
            h = self.norm(x, b + "ffn_norm.weight")
            gate = h @ w[b + "ffn_gate.weight"].T
            gate = gate / (1 + np.exp(-gate)) * (h @ w[b + "ffn_up.weight"].T)
            x = x + gate @ w[b + "ffn_down.weight"].T
        self.n = hi
        return self.norm(x, "output_norm.weight") @ w["token_embd.weight"].T

    def reply(self, messages, limit=260):
        """The greedy answer to the messages, and whether it stopped by itself."""
        ids = [i for m in messages for i in self.tok.message(m["role"], m["content"])]
        ids += self.tok.message("assistant")
        self.reset()
        out, nxt = [], int(self.feed(ids)[-1].argmax())
        while nxt != self.tok.stop and len(out) < limit and self.n < self.cfg.context - 1:
            out.append(nxt)
            nxt = int(self.feed([nxt])[-1].argmax())
        return self.tok.decode(out), nxt == self.tok.stop


def ask(net, *turns):
    """Answers to user turns asked one after the other."""
    messages, answers = [], []
    for t in turns:
        messages.append({"role": "user", "content": t})
        text, stopped = net.reply(messages)
        messages.append({"role": "assistant", "content": text})
        answers.append((text, stopped))
    return answers


def perplexity(net, path, chats):
    """Perplexity of the assistant's tokens in held-out chats, all of weight one."""
    import jax.numpy as jnp

    from model import forward
    total, count, worst = 0.0, 0, 0.0
    with open(path, encoding="utf-8") as f:
        lines = [json.loads(line)["messages"] for _, line in zip(range(chats), f)]
    params = {k: jnp.asarray(v) for k, v in net.w.items()}
    for n, messages in enumerate(lines):
        ids, learned = [], []
        for m in messages:
            one = net.tok.message(m["role"], m["content"])
            head = len(net.tok.message("assistant"))
            said = m["role"] == "assistant"
            learned += [said and head <= i < len(one) - 1 for i in range(len(one))]
            ids += one
        if len(ids) > net.cfg.context:
            continue
        net.reset()
        logits = net.feed(ids[:-1])
        if n < 4:
            other = forward(net.cfg, params, jnp.asarray([ids[:-1]]), jnp.ones((1, len(ids) - 1), int))
            worst = max(worst, float(np.abs(np.asarray(other)[0] - logits).max()))
        top = logits.max(-1)
        logp = logits[np.arange(len(ids) - 1), ids[1:]] - top
        logp -= np.log(np.exp(logits - top[:, None]).sum(-1))
        keep = np.array(learned[1:])
        total, count = total - float(logp[keep].sum()), count + int(keep.sum())
    return np.exp(total / count), count, worst


def answers_in_chats(net, path, count):
    """Exact matches of the answers about stories, each given the true chat before it."""
    right = {"told": [0, 0], "not told": [0, 0], "yes or no": [0, 0]}
    wrong = []
    with open(path, encoding="utf-8") as f:
        for chat in map(json.loads, f):
            replies = [i for i, m in enumerate(chat["messages"]) if m["role"] == "assistant"]
            for i, kind in zip(replies, chat["kinds"]):
                truth = chat["messages"][i]["content"]
                if kind != "qa" or sum(n for _, n in right.values()) >= count:
                    continue
                said, _ = net.reply(chat["messages"][:i], 60)
                group = ("not told" if truth == "The story does not say." else
                         "yes or no" if truth.startswith(("Yes,", "No,")) else "told")
                right[group][0] += said == truth
                right[group][1] += 1
                if said != truth:
                    wrong.append((chat["messages"][i - 1]["content"], truth, said))
    return right, wrong


def skill(net, make, count, keep=lambda answer: True):
    """Exact matches on fresh exercises of one skill."""
    rng, good, done, wrong = random.Random(f"evaluate/{make.__name__}"), 0, 0, []
    while done < count:
        q, a = make(rng)
        if not keep(a):
            continue
        said = ask(net, q)[0][0]
        good, done = good + (said == a), done + 1
        if said != a:
            wrong.append((q, a, said))
    return good, done, wrong


def stories(net, count):
    """How often a story stops by itself, and names all that the request names."""
    stops = names = 0
    wrong = []
    for n in range(count):
        s = tell(random.Random(f"evaluate/story/{n}"))
        q = request(s)
        text, stopped = ask(net, q)[0]
        wanted = [w for w in (s.h.name, s.h.noun, s.f.name, s.f.noun, s.o.noun)
                  if w and not w.startswith("the ") and w in q]
        ok = all(w in text for w in wanted)
        stops, names = stops + stopped, names + ok
        if not (stopped and ok):
            wrong.append((q, wanted, text))
    return stops, names, count, wrong


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--model", default="runproof-tiny-q8_0.gguf")
    args.add_argument("--corpus", default="build/corpus/heldout.jsonl")
    args.add_argument("--chats", type=int, default=600)
    args.add_argument("--count", type=int, default=200)
    args.add_argument("--wrong", type=int, default=0, help="print this many mistakes per task")
    a = args.parse_args()
    net = Network(a.model)
    ppl, tokens, worst = perplexity(net, a.corpus, a.chats)
    print(f"held-out perplexity {ppl:.3f} over {tokens} tokens; numpy and JAX differ by {worst:.1e}")
    right, mistakes = answers_in_chats(net, a.corpus, 3 * a.count)
    for group, (good, n) in right.items():
        print(f"questions about a story, {group}: {good} of {n} ({good / max(n, 1):.1%})")
    tasks = [(skills.sums, lambda t: t != skills.TOO_BIG), (skills.word_sum, bool),
             (skills.counting, bool), (skills.say_after, bool), (skills.strange, bool),
             (skills.fixed, bool), (skills.compare, bool)]
    for make, keep in tasks:
        good, n, wrong = skill(net, make, a.count, keep)
        print(f"{make.__name__}: {good} of {n} ({good / n:.1%})")
        mistakes += wrong[:a.wrong]
    stops, names, n, wrong = stories(net, a.count // 2)
    print(f"stories: {stops} of {n} stop by themselves, {names} of {n} name all that was asked for")
    for m in (mistakes + wrong)[:6 * a.wrong]:
        print("  mistake:", *map(repr, m))
    for number, turns in enumerate(SAMPLES, 1):
        print(f"\n### {number}\n")
        for q, (text, _) in zip(turns, ask(net, *turns)):
            print(f"> **user** {q}\n>\n> **model** {text}\n>")


if __name__ == "__main__":
    main()
