"""Short stories that a user may tell: random moves of people and things, tracked in a state."""

from tell import a_noun, animal, child, other_than
from words import PLACES, THINGS, WEATHER
from world import Story, make_thing, where


class Micro(Story):
    """A story told in plain short sentences; things may be called "it"."""

    def __init__(self, rng):
        super().__init__(rng)
        self.it = None
        self.known = set()

    def thing(self, o):
        """The thing as object of the next sentence."""
        if self.it is o and self.rng.random() < 0.6:
            return "it"
        first, self.it = o not in self.known, o
        self.known.add(o)
        if first:
            return self.pick(o.intro(), o.intro(), o.the)
        return o.the

    def who(self, p):
        """The character as subject."""
        if p not in self.people:
            self.meet(p)
            if p.noun and not p.name.startswith("the ") and self.rng.random() < 0.5:
                self.last = p
                return f"{p.name} the {p.noun}"
        return self.ref(p)

    def spot_phrase(self, place):
        """A spot, with or without its place, or the place alone."""
        r, spot = self.rng.random(), self.rng.choice(PLACES[place][1])
        return spot if r < 0.5 else where(place) if r < 0.8 else f"{spot} {where(place)}"


def step(m, people, things):
    """One random event that the state allows."""
    rng = m.rng
    p, o = rng.choice(people), rng.choice(things)
    place, holder = rng.choice(list(PLACES)), m.holder.get(o)
    free = o not in m.known or holder is None
    r = rng.random()
    if r < 0.17:
        m.say(*[f"{m.who(p)} {rng.choice(['went', 'walked', 'ran', 'came'])} to the {place}."])
        m.arrive(p, place)
    elif free and r < 0.35:
        spot = m.spot_phrase(place)
        m.say(f"{m.who(p)} found {m.thing(o)} {spot}.")
        m.find(p, o, spot, tell=False)
    elif free and r < 0.6:
        verb = rng.choice(["took", "picked up", "took", "grabbed", "got"])
        m.say(f"{m.who(p)} {verb} {m.thing(o)}.")
        m.hold(p, o)
        m.ask(f"{p.name} took {o.the}.", f"Who took {o.the}?", f"What did {p.name} take?")
    elif free and r < 0.7 and o not in m.known:
        m.say(f"{m.who(p)} {rng.choice(['has', 'had'])} {m.thing(o)}.")
        m.hold(p, o)
    elif holder is not None or o not in m.known:
        hand_over(m, holder or p, o, [q for q in people if q is not (holder or p)], place)
    else:
        spot = m.spot_phrase(place)
        m.say(f"{m.who(p)} moved {m.thing(o)} and put it {spot}.")
        m.put(p, o, spot, tell=False)


def hand_over(m, p, o, others, place):
    """The holder puts, gives, hides or loses the thing."""
    r, rng, spot = m.rng.random(), m.rng, m.spot_phrase(place)
    m.see(o)
    if r < 0.5:
        verb = rng.choice(["put", "put", "left", "hid", "dropped", "placed"])
        m.say(f"{m.who(p)} {verb} {m.thing(o)} {spot}.")
        m.put(p, o, spot, tell=False)
        if verb in ("left", "hid"):
            base = {"left": "leave", "hid": "hide"}[verb]
            m.ask(f"{p.name} {verb} {o.the} {spot}.", f"Where did {p.name} {base} {o.the}?",
                  f"Who {verb} {o.the}?")
    elif r < 0.82 and others:
        q, verb = rng.choice(others), rng.choice(["gave", "gave", "handed"])
        m.meet(q)
        m.say(f"{m.who(p)} {verb} {m.thing(o)} to {q.name}.")
        m.give(p, q, o, tell=False)
    else:
        m.say(f"{m.who(p)} lost {m.thing(o)} {where(place)}.")
        m.lose(p, o)
        m.spot[o] = None
        m.ask(f"{p.name} lost {o.the} {where(place)}.", f"Where did {p.name} lose {o.the}?")


def micro_story(rng):
    """A finished micro story of two to seven sentences."""
    m = Micro(rng)
    people = []
    for _ in range(rng.choice([1, 2, 2, 2, 3])):
        people.append(other_than(
            lambda: child(rng) if rng.random() < 0.7 else animal(rng, 0.5), people))
    taken = {p.noun for p in people}
    things = []
    while len(things) < rng.choice([1, 1, 2, 2, 3]):
        noun = a_noun(rng, THINGS)
        if noun not in taken:
            taken.add(noun)
            things.append(make_thing(rng, noun))
    if rng.random() < 0.12:
        m.weather(rng.choice(list(WEATHER)))
    for _ in range(rng.choice([1, 2, 2, 3, 3, 4, 5, 6])):
        step(m, people, things)
    if rng.random() < 0.2 and m.people:
        m.feel(rng.choice(m.people), rng.choice(["happy", "sad", "proud", "upset", "tired", "angry"]))
    if not m.asks:
        return micro_story(rng)
    return m.finish()
