"""Writes the training and held-out chats as JSON lines, deterministic from a seed.

    python make_corpus.py --out build/corpus --chats 120000 --seed 7

A chat is a list of messages; the training and the held-out split come from
disjoint seeds, and a held-out chat that also occurs in training is dropped.
"""

import argparse
import json
import os
import random

import skills
from micro import micro_story
from tell import a_noun, child, request, tell
from words import BAD, COLOURS, GOOD, MIX, THINGS, cap

SYSTEMS = ["You are a helpful assistant.", "You are Runproof Tiny.", "You are a kind assistant.",
           "You are a small demonstration model.", "Answer briefly.", "You tell stories.",
           "You are a helpful assistant. Answer in short sentences.", "Be brief and kind.",
           "You are a friendly assistant who tells stories to children.", "You are an AI model."]
NOT_SAID = "The story does not say."
BASE = {"found": "find", "lost": "lose", "took": "take", "gave": "give", "put": "put", "won": "win",
        "fixed": "fix", "helped": "help", "made": "make", "left": "leave", "hid": "hide"}


def noise(rng, text):
    """The many ways people type the same request."""
    r = rng.random()
    if r < 0.12:
        text = text.lower()
    elif r < 0.2:
        text = text[0].lower() + text[1:]
    if rng.random() < 0.12:
        text = text.rstrip("?.")
    elif text[-1] not in "?.!=\"" and rng.random() < 0.55:
        text += rng.choice([".", ".", "!"]) if not text.lower().startswith("wh") else "?"
    return text


def lower_first(text, story):
    """Lower-case the first word of an answer unless it is a name."""
    word = text.split()[0].rstrip(".")
    return text if any(p.name == word for p in story.people) else text[0].lower() + text[1:]


def yes_no(rng, story, question, answer):
    """Turn a question into one that is answered with yes or no, or return None."""
    if " was " in answer and question.startswith(("What colo", "How did", "How was")):
        *subject, is_so = answer.rstrip(".").split(" ")
        pool = COLOURS if question.startswith("What") else GOOD + BAD
        said = is_so if rng.random() < 0.5 else rng.choice([c for c in pool if c != is_so])
        end = " at the end" if question.endswith("end?") else ""
        yes = "Yes" if said == is_so else "No"
        plain = lower_first(answer, story)
        return f"Was {lower_first(' '.join(subject[:-1]), story)} {said}{end}?", f"{yes}, {plain}"
    words = question.rstrip("?").split()
    if words[0] != "Who" or words[1] not in BASE or len(story.people) < 2:
        return None
    rest = " ".join(words[2:])
    real = next((p for p in story.people if answer.startswith(cap(p.name) + " ")), None)
    who = rng.choice([p for p in story.people if p is not real]) if rng.random() < 0.5 else real
    if real is None:
        return None
    q = f"Did {who.name} {BASE[words[1]]} {rest}?"
    return q, f"Yes, {lower_first(answer, story)}" if who is real else f"No, {lower_first(answer, story)}"


def absent(rng, story):
    """A question about something that the story does not tell."""
    thing = next(t for t in iter(lambda: a_noun(rng, THINGS), "")
                 if t not in " ".join(story.text))
    name = next(n for n in iter(lambda: child(rng).name, "") if n not in " ".join(story.text))
    q = [f"Who found the {thing}?", f"Where is the {thing}?", f"Who has the {thing}?",
         f"What color is the {thing}?", f"Where is {name}?", f"What did {name} find?",
         f"Where did {name} go?", f"Who took the {thing}?", f"How did {name} feel?",
         f"Where did {name} put the {thing}?", f"Who lost the {thing}?"]
    return rng.choice(q), NOT_SAID


def question(rng, story):
    """One question about the story with its answer."""
    if rng.random() < MIX["absent"]:
        return absent(rng, story)
    groups = {}
    for q, a in story.asks.items():
        groups.setdefault(a, []).append(q)
    answer = rng.choice(list(groups))
    q = rng.choice(groups[answer])
    if rng.random() < MIX["yes_no"]:
        q, answer = yes_no(rng, story, q, answer) or (q, answer)
    r = rng.random()
    if r < 0.04 and q.startswith("Wh"):
        q = f"Tell me {q[0].lower() + q[1:-1]}"
    elif r < 0.08 and not q.startswith(("Did", "Was")):
        q = f"And {q[0].lower() + q[1:]}"
    return q, answer


def told_by_user(rng, story, q):
    """How a user gives a story together with a question."""
    text = " ".join(story.text)
    form = rng.choice(["{t} {q}"] * 5 + ["{t}\n{q}", "{t}\n\n{q}", "Story: {t}\nQuestion: {q}",
                                         "Read this: {t} {q}", "Here is a story. {t} {q}",
                                         "Listen. {t} {q}", "{t} Now tell me: {q}"])
    return form.format(t=text, q=q)


class Chat:
    """Messages of one conversation; `cost` estimates its tokens."""

    def __init__(self, rng):
        self.rng, self.messages, self.cost, self.name = rng, [], 0, None
        self.kinds = []
        if rng.random() < 0.4:
            self.messages.append({"role": "system", "content": rng.choice(SYSTEMS)})

    def turn(self, user, assistant, kind, dirty=True):
        user = noise(self.rng, user) if dirty else user
        self.messages += [{"role": "user", "content": user},
                          {"role": "assistant", "content": assistant}]
        self.cost += 12 + int(1.35 * len((user + " " + assistant).split()))
        self.kinds.append(kind)

    def questions(self, story, count):
        seen = set()
        for _ in range(count):
            q, a = question(self.rng, story)
            if q not in seen and self.cost < 330:
                seen.add(q)
                self.turn(q, a, "qa")

    def story(self, again=False):
        s = tell(self.rng)
        self.turn(request(s, again), " ".join(s.text), "story")
        self.questions(s, self.rng.choice([0, 1, 2, 3, 4, 5]))

    def micro(self):
        s = micro_story(self.rng) if self.rng.random() < 0.85 else tell(self.rng)
        if self.rng.random() < 0.1:
            start = self.rng.choice(["", "", "Here is a story. ", "Listen to this story. "])
            self.turn(start + " ".join(s.text), "Thank you for the story. Ask me about it!", "heard",
                      dirty=False)
        else:
            q, a = question(self.rng, s)
            self.turn(told_by_user(self.rng, s, noise(self.rng, q)), a, "qa", dirty=False)
        self.questions(s, self.rng.choice([0, 1, 2, 3, 4]))

    def skill(self):
        made = self.rng.choices([s for s, _ in skills.SKILLS], [w for _, w in skills.SKILLS])[0]
        self.turn(*made(self.rng), made.__name__, dirty=made is not skills.say_after)

    def introduce(self):
        q, a, self.name = skills.hello_name(self.rng)
        self.turn(q, a, "name")


def make_chat(seed):
    """The chat of a seed."""
    rng = random.Random(seed)
    chat = Chat(rng)
    if rng.random() < 0.06:
        chat.introduce()
    for part in range(rng.choice([1, 1, 1, 2, 2, 3])):
        r = rng.random()
        if chat.cost > 170:
            r = 0.65 + 0.35 * r
        if r < 0.33:
            chat.story(again="story" in chat.kinds and rng.random() < 0.5)
        elif r < 0.65:
            chat.micro()
        else:
            for _ in range(rng.choice([1, 1, 2, 3, 4, 6])):
                chat.skill()
        if rng.random() < (0.3 if chat.name else 0.01):
            chat.turn(*skills.my_name(rng, chat.name), "name")
    return {"messages": chat.messages, "kinds": chat.kinds}


def write(path, seeds, skip):
    """Write the chats of the seeds that are not in skip; returns the requests written."""
    seen = set()
    with open(path, "w", encoding="utf-8") as out:
        for seed in seeds:
            chat = make_chat(seed)
            line = json.dumps(chat["messages"])
            if line in skip or line in seen:
                continue
            seen.add(line)
            out.write(json.dumps(chat) + "\n")
    return seen


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--out", default="build/corpus")
    args.add_argument("--chats", type=int, default=120000)
    args.add_argument("--heldout", type=int, default=1200)
    args.add_argument("--seed", type=int, default=7)
    args.add_argument("--not-in", help="leave out chats that occur in this file")
    for knob, value in MIX.items():
        args.add_argument(f"--{knob}", type=float, default=value)
    a = args.parse_args()
    MIX.update({knob: getattr(a, knob) for knob in MIX})
    os.makedirs(a.out, exist_ok=True)
    skip = set()
    if a.not_in:
        with open(a.not_in, encoding="utf-8") as f:
            skip = {json.dumps(json.loads(line)["messages"]) for line in f}
    train = write(os.path.join(a.out, "train.jsonl"),
                  (f"{a.seed}/train/{n}" for n in range(a.chats)), skip)
    held = write(os.path.join(a.out, "heldout.jsonl"),
                 (f"{a.seed}/heldout/{n}" for n in range(a.heldout)), train)
    print(f"{len(train)} training chats, {len(held)} held-out chats")


if __name__ == "__main__":
    main()
