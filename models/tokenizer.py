"""Byte-level BPE as GGUF names it: model "gpt2", pre-tokenizer "qwen2".

    python tokenizer.py --corpus build/corpus/train.jsonl --out build/tokenizer.json

Also holds the chat template and the rendering that training uses, which is byte
for byte what the template produces.
"""

import argparse
import json
from collections import Counter, defaultdict

import regex

SPLIT = regex.compile(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+")
END, START, STOP = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
SPECIALS = [END, START, STOP]
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + "
    "message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")


def byte_alphabet():
    """The GPT-2 mapping of the 256 bytes to printable characters."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in keep]
    return {**{b: chr(b) for b in keep}, **{b: chr(256 + n) for n, b in enumerate(rest)}}


ALPHABET = byte_alphabet()
BACK = {c: b for b, c in ALPHABET.items()}


def pieces(text):
    """The pre-tokens of a text, written in the byte alphabet."""
    return ["".join(ALPHABET[b] for b in p.encode()) for p in SPLIT.findall(text)]


class Tokenizer:
    """Encodes and decodes with a list of merges."""

    def __init__(self, merges):
        self.merges = [tuple(m.split(" ")) for m in merges]
        self.rank = {m: n for n, m in enumerate(self.merges)}
        self.tokens = [ALPHABET[b] for b in range(256)]
        self.tokens += ["".join(m) for m in self.merges] + SPECIALS
        self.ids = {t: n for n, t in enumerate(self.tokens)}
        self.end, self.start, self.stop = (self.ids[s] for s in SPECIALS)
        self.cache = {}

    def encode_piece(self, piece):
        if piece not in self.cache:
            parts = list(piece)
            while len(parts) > 1:
                best = min(range(len(parts) - 1),
                           key=lambda n: self.rank.get((parts[n], parts[n + 1]), 1 << 30))
                if (parts[best], parts[best + 1]) not in self.rank:
                    break
                parts[best:best + 2] = [parts[best] + parts[best + 1]]
            self.cache[piece] = [self.ids[p] for p in parts]
        return self.cache[piece]

    def encode(self, text):
        """Ids of a text without special tokens."""
        return [i for p in pieces(text) for i in self.encode_piece(p)]

    def decode(self, ids):
        data = bytes(BACK[c] for i in ids for c in self.tokens[i] if i < self.end)
        return data.decode("utf-8", "replace")

    def message(self, role, content=None):
        """Ids of one message, or of the head that asks for one if content is None."""
        ids = [self.start] + self.encode(f"{role}\n" + (content or ""))
        return ids if content is None else ids + [self.stop] + self.encode("\n")


def learn(texts, count):
    """The first `count` merges: most frequent pair first, ties by spelling."""
    words = Counter(p for t in texts for p in pieces(t))
    parts = {w: list(w) for w in words}
    pairs, where = Counter(), defaultdict(set)
    for w, n in words.items():
        for pair in zip(parts[w], parts[w][1:]):
            pairs[pair] += n
            where[pair].add(w)
    merges = []
    while len(merges) < count:
        pair = max(pairs, key=lambda p: (pairs[p], p))
        merges.append(" ".join(pair))
        for w in where.pop(pair):
            old, new, n = parts[w], [], 0
            while n < len(old):
                hit = n + 1 < len(old) and (old[n], old[n + 1]) == pair
                new.append(old[n] + old[n + 1] if hit else old[n])
                n += 2 if hit else 1
            for p in zip(old, old[1:]):
                pairs[p] -= words[w]
            for p in zip(new, new[1:]):
                pairs[p] += words[w]
                where[p].add(w)
            parts[w] = new
        pairs.pop(pair, None)
    return merges


def load(path):
    with open(path, encoding="utf-8") as f:
        return Tokenizer(json.load(f)["merges"])


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--corpus", default="build/corpus/train.jsonl")
    args.add_argument("--out", default="build/tokenizer.json")
    args.add_argument("--vocab", type=int, default=1280)
    args.add_argument("--chats", type=int, default=20000)
    a = args.parse_args()
    texts = []
    with open(a.corpus, encoding="utf-8") as f:
        for _, line in zip(range(a.chats), f):
            for m in json.loads(line)["messages"]:
                texts.append(f"{m['role']}\n{m['content']}")
    merges = learn(texts, a.vocab - 256 - len(SPECIALS))
    with open(a.out, "w", encoding="utf-8") as f:
        json.dump({"merges": merges}, f, indent=0, ensure_ascii=False)
    tok = Tokenizer(merges)
    ids = sum(len(tok.encode(t)) for t in texts[:2000])
    print(f"{len(tok.tokens)} tokens, {sum(map(len, texts[:2000])) / ids:.2f} bytes per token")


if __name__ == "__main__":
    main()
