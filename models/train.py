"""Trains the network: Muon for the matrices, Adam for embedding and norms.

    python train.py --steps 3600 --decay 2000

Deterministic from --seed. The learning rate warms up, stays, and decays linearly
to zero over the last --decay steps; a run can be paused and resumed, then also with
another --steps and --decay.
"""

import argparse
import json
import os
import time

# Two one-threaded devices, each with its share of the batch: they meet only once a step,
# so that a busy machine does not make one thread wait for the other in every operation.
DEVICES = 2
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_prefer_vector_width=512 "
                      f"--xla_force_host_platform_device_count={DEVICES} "
                      "--xla_cpu_multi_thread_eigen=false")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

from model import Config, init, loss_fn  # noqa: E402
from tokenizer import load  # noqa: E402

ROW = 384          # tokens a training row predicts
# A story has many right words; of a sum, only the digits at its end are hard.
WEIGHT = {"story": 0.5, "strange": 0.5, "heard": 0.5, "sums": 2.0, "word_sum": 2.0}


def encode_chat(tok, chat):
    """Ids and loss weights of one chat: only what the assistant says is learned."""
    ids, weights, kinds = [], [], iter(chat["kinds"])
    for m in chat["messages"]:
        one = tok.message(m["role"], m["content"])
        w = [0.0] * len(one)
        if m["role"] == "assistant":
            head = len(tok.message("assistant"))
            value = WEIGHT.get(next(kinds), 1.0)
            w[head:-1] = [value] * (len(one) - head - 1)
        ids += one
        weights += w
    return ids, weights


def pack(tok, path):
    """Rows of ROW + 1 tokens, each filled with whole chats: tokens, segments, weights."""
    rows, open_rows = [], []
    with open(path, encoding="utf-8") as f:
        for line in f:
            ids, w = encode_chat(tok, json.loads(line))
            if len(ids) > ROW + 1:
                continue
            row = next((r for r in open_rows if len(r[0]) + len(ids) <= ROW + 1), None)
            if row is None:
                row = ([], [], [])
                open_rows.append(row)
            number = row[1][-1] + 1 if row[1] else 1
            row[0].extend(ids)
            row[1].extend([number] * len(ids))
            row[2].extend(w)
            if len(open_rows) > 24:
                rows.append(open_rows.pop(0))
    rows += open_rows
    out = [np.zeros((len(rows), ROW + 1), t) for t in (np.uint16, np.uint8, np.float16)]
    for n, row in enumerate(rows):
        for array, values in zip(out, row):
            array[n, :len(values)] = values
    return out


def packed(folder, tok):
    """The packed training rows, kept beside the corpus so that resuming is quick."""
    path = os.path.join(folder, "packed.npz")
    if not os.path.exists(path):
        np.savez(path, *pack(tok, os.path.join(folder, "train.jsonl")))
    z = np.load(path)
    return [z[f"arr_{n}"] for n in range(3)]


def orthogonalise(g):
    """Newton-Schulz: the nearest matrix to g with all singular values near one."""
    x = g.T if g.shape[0] > g.shape[1] else g
    x = x / (jnp.linalg.norm(x) + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if g.shape[0] > g.shape[1] else x


def is_matrix(name):
    return name.startswith("blk.") and "norm" not in name


def update(params, grads, state, step, rate):
    """One optimiser step; rate is the schedule's factor in 0..1."""
    new_p, new_s = {}, {}
    for k, p in params.items():
        g = grads[k]
        if is_matrix(k):
            m = 0.95 * state[k][0] + g
            o = orthogonalise(g + 0.95 * m) * max(1.0, p.shape[0] / p.shape[1]) ** 0.5
            new_p[k] = p * (1 - 0.02 * 0.05 * rate) - 0.02 * rate * o
            new_s[k] = (m,)
        else:
            m = 0.9 * state[k][0] + 0.1 * g
            v = 0.98 * state[k][1] + 0.02 * g * g
            u = (m / (1 - 0.9 ** step)) / (jnp.sqrt(v / (1 - 0.98 ** step)) + 1e-9)
            new_p[k] = p - 0.004 * rate * u
            new_s[k] = (m, v)
    return new_p, new_s


def fresh_state(params):
    return {k: tuple(jnp.zeros_like(p) for _ in range(1 if is_matrix(k) else 2))
            for k, p in params.items()}


def schedule(step, steps, decay):
    """Factor of the learning rate at a step counted from one."""
    return min(1.0, step / 60, max(0.0, (steps - step + 1) / decay))


def save(path, params, state, step):
    flat = {f"p/{k}": np.asarray(v) for k, v in params.items()}
    for k, values in state.items():
        flat |= {f"s/{k}/{n}": np.asarray(v) for n, v in enumerate(values)}
    np.savez(path + ".part.npz", step=step, **flat)
    os.replace(path + ".part.npz", path)


def restore(path):
    z = np.load(path)
    params = {k[2:]: jnp.asarray(z[k]) for k in z.files if k.startswith("p/")}
    state = {k: tuple(jnp.asarray(z[f"s/{k}/{n}"]) for n in range(1 if is_matrix(k) else 2))
             for k in params}
    return params, state, int(z["step"])


def batch_order(rows, batch, seed):
    """Endless batches of row numbers: every epoch a new permutation from the seed."""
    epoch = 0
    while True:
        order = np.random.default_rng([seed, epoch]).permutation(rows)
        for n in range(0, rows - batch + 1, batch):
            yield order[n:n + batch]
        epoch += 1


def batch_gradient(grad, add, params, data, rows):
    """Loss and gradient of the rows, a share of them computed on every device."""
    parts = []
    for device, share in zip(jax.devices(), np.array_split(rows, DEVICES)):
        t, s, w = (x[share] for x in data)
        inputs = (t.astype(np.int32), s.astype(np.int32), w.astype(np.float32))
        parts.append(grad(jax.device_put(params, device), *jax.device_put(inputs, device)))
    loss = sum(float(one) for one, _ in parts) / DEVICES
    total = parts[0][1]
    for _, g in parts[1:]:
        total = add(total, jax.device_put(g, jax.devices()[0]))
    return loss, total


def run(cfg, data, a):
    """The training loop."""
    grad = jax.jit(jax.value_and_grad(lambda p, t, s, w: loss_fn(cfg, p, t, s, w)))
    add = jax.jit(lambda x, y: jax.tree.map(jnp.add, x, y), donate_argnums=0)
    step_fn = jax.jit(update, donate_argnums=(0, 2))
    ckpt = os.path.join(a.build, "checkpoint.npz")
    if a.resume:
        params, state, done = restore(ckpt)
    else:
        params = init(cfg, a.seed)
        state, done = fresh_state(params), 0
    log = open(os.path.join(a.build, "train.log"), "a", encoding="utf-8")
    began, total, seen = time.time(), 0.0, 0
    for step, rows in enumerate(batch_order(len(data[0]), a.batch, a.seed), 1):
        if step > min(a.steps, a.stop):
            break
        if step <= done:
            continue
        loss, grads = batch_gradient(grad, add, params, data, rows)
        params, state = step_fn(params, grads, state, step, schedule(step, a.steps, a.decay))
        total, seen = total + loss, seen + 1
        if step % 20 == 0 or step == a.steps:
            speed = (step - done) * a.batch * ROW / (time.time() - began)
            line = f"step {step} loss {total / seen:.4f} tokens/s {speed:.0f}"
            print(line, flush=True)
            print(line, file=log, flush=True)
            total, seen = 0.0, 0
        if step % a.every == 0 or step in (a.steps, a.stop):
            save(ckpt, params, state, step)


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--build", default="build")
    args.add_argument("--corpus", help="folder of train.jsonl, if not BUILD/corpus")
    args.add_argument("--steps", type=int, default=3600)
    args.add_argument("--decay", type=int, default=2000)
    args.add_argument("--stop", type=int, default=1 << 30, help="pause after this step")
    args.add_argument("--batch", type=int, default=8)
    args.add_argument("--every", type=int, default=100)
    args.add_argument("--seed", type=int, default=7)
    args.add_argument("--resume", action="store_true")
    a = args.parse_args()
    tok = load(os.path.join(a.build, "tokenizer.json"))
    cfg = Config(vocab=len(tok.tokens))
    data = packed(a.corpus or os.path.join(a.build, "corpus"), tok)
    used = (data[1] > 0).mean()
    print(f"{len(data[0])} rows, {used:.1%} filled, {(data[2] > 0).mean():.1%} learned", flush=True)
    run(cfg, data, a)


if __name__ == "__main__":
    main()
