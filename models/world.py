"""The story world: a state that events change, the text they tell, and what can be asked.

Every event says one sentence and updates who has what and who is where; the
questions are answered from that state, never from the text.
"""

from words import COLOURS, LOOKS, PLACES, WEATHER, an, cap


class Person:
    """A character: a named child, a named animal, or an unnamed animal ("the owl")."""

    def __init__(self, name, girl, noun=None):
        self.name, self.noun = name, noun
        self.he, self.him, self.his = ("she", "her", "her") if girl else ("he", "him", "his")

    @property
    def call(self):
        """How others speak to the character."""
        return cap(self.noun) if self.name.startswith("the ") else self.name

    def intro(self):
        """How the character is first mentioned."""
        if self.noun is None:
            return self.name
        if self.name.startswith("the "):
            return an(self.noun)
        return f"{an(self.noun)} named {self.name}"


class Thing:
    """An object of the story; `look` is its adjective, colour or None."""

    def __init__(self, noun, look=None):
        self.noun, self.look = noun, look
        self.the = "the " + noun

    def intro(self):
        """How the thing is first mentioned."""
        return an(f"{self.look} {self.noun}" if self.look else self.noun)


def make_thing(rng, noun):
    """A thing with or without a look."""
    r = rng.random()
    look = rng.choice(COLOURS) if r < 0.45 else rng.choice(LOOKS) if r < 0.7 else None
    return Thing(noun, look)


def where(place):
    """ "in the forest" for "forest". """
    return f"{PLACES[place][0]} the {place}"


class Story:
    """Sentences told so far, the state of the world, and the questions it can answer."""

    def __init__(self, rng):
        self.rng = rng
        self.text = []
        self.asks = {}      # question -> its one answer
        self.unclear = set()  # questions with two different answers
        self.holder = {}    # thing -> person
        self.spot = {}      # thing -> where phrase
        self.at = {}        # person -> place
        self.last = None    # subject of the last sentence
        self.topic = {}     # what the request may name: hero, friend, thing, place
        self.things, self.people = [], []

    def pick(self, *options):
        return self.rng.choice(options)

    def ref(self, p):
        """The character as subject: a pronoun if the last sentence was about them too."""
        pron = self.last is p and self.rng.random() < 0.6
        self.last = p
        return cap(p.he if pron else p.name)

    def say(self, *options, **names):
        """Tell one of the sentences."""
        self.text.append(cap(self.rng.choice(options).format(**names)))

    def ask(self, answer, *questions):
        """Record what an event lets one ask; two different answers void the question."""
        for q in map(cap, questions):
            if self.asks.setdefault(q, cap(answer)) != cap(answer):
                self.unclear.add(q)

    def now(self, answer, *questions):
        """Record what can be asked about a state; a later state replaces an earlier one."""
        for q in map(cap, questions):
            self.asks[q] = cap(answer)
            self.unclear.discard(q)

    def meet(self, *people):
        for p in people:
            if p not in self.people:
                self.people.append(p)
            if p.noun and not p.name.startswith("the "):
                self.ask(f"{p.name} is {an(p.noun)}.", f"What is {p.name}?", f"Who is {p.name}?",
                         f"What kind of animal is {p.name}?")

    def see(self, *things):
        for o in things:
            if o not in self.things:
                self.things.append(o)
            if o.look in COLOURS:
                self.ask(f"{o.the} was {o.look}.", f"What color was {o.the}?",
                         f"What colour was {o.the}?", f"What color is {o.the}?")

    # Events: each tells one sentence and changes the state.

    def weather(self, kind):
        self.text.append(self.rng.choice(WEATHER[kind]))
        self.last = None
        self.ask(f"It was {kind}.", "What was the weather like?", "How was the weather?")

    def go(self, p, place):
        self.say(*[f"{self.ref(p)} {v} to the {place}." for v in ("went", "walked", "ran")])
        self.arrive(p, place)

    def arrive(self, p, place):
        self.at[p] = place
        self.ask(f"{p.name} went to the {place}.", f"Where did {p.name} go?")

    def find(self, p, o, spot, tell=True):
        if tell:
            self.say(f"{self.ref(p)} found {o.the} {spot}.")
        self.hold(p, o)
        self.ask(f"{p.name} found {o.the}.", f"Who found {o.the}?")
        self.ask(f"{p.name} found {o.the} {spot}.", f"Where did {p.name} find {o.the}?",
                 f"Where was {o.the}?", f"Where did {p.he} find {o.the}?")
        self.ask(f"{p.name} found {o.the}.", f"What did {p.name} find?")

    def hold(self, p, o):
        self.see(o)
        self.holder[o], self.spot[o] = p, None

    def take(self, p, o):
        self.say(f"{self.ref(p)} {self.pick('took', 'picked up', 'got')} {o.the}.")
        self.hold(p, o)
        self.ask(f"{p.name} took {o.the}.", f"Who took {o.the}?", f"What did {p.name} take?")

    def put(self, p, o, spot, tell=True):
        if tell:
            self.say(f"{self.ref(p)} put {o.the} {spot}.")
        self.holder[o], self.spot[o] = None, spot
        self.ask(f"{p.name} put {o.the} {spot}.", f"Where did {p.name} put {o.the}?")
        self.ask(f"{p.name} put {o.the} {spot}.", f"Who put {o.the} {spot}?")

    def lose(self, p, o, tell=None):
        if tell:
            self.say(*tell)
        self.holder[o] = None
        self.ask(f"{p.name} lost {o.the}.", f"Who lost {o.the}?", f"What did {p.name} lose?")

    def give(self, a, b, o, tell=True):
        if tell:
            verb = self.pick("gave", "handed", "gave")
            self.say(f"{self.ref(a)} {verb} {o.the} to {b.name}.")
        self.hold(b, o)
        self.ask(f"{a.name} gave {o.the} to {b.name}.", f"Who gave {o.the} to {b.name}?",
                 f"What did {a.name} give to {b.name}?", f"Who got {o.the}?",
                 f"Who did {a.name} give {o.the} to?", f"What did {a.name} give {b.name}?")

    def feel(self, p, feeling, *options, why=None):
        self.say(*(options or (f"{self.ref(p)} was very {feeling}.", f"{p.name} felt {feeling}.",
                               f"This made {p.name} very {feeling}.")))
        self.now(f"{p.name} was {feeling}.", f"How did {p.name} feel?",
                 f"How did {p.name} feel at the end?", f"How was {p.name} at the end?")
        if why:
            self.ask(f"{p.name} was {feeling} because {why}.", f"Why was {p.name} {feeling}?",
                     f"Why did {p.name} feel {feeling}?")

    def told(self, q, text):
        """False for a question about a colour or kind that the text never told."""
        for o in self.things:
            if "colo" in q and q.endswith(f" {o.the}?") and f"{o.look} {o.noun}" not in text:
                return False
        for p in self.people:
            if p.noun and q.startswith("Wh") and q.endswith(f" is {p.name}?"):
                return p.noun in text
        return True

    def finish(self):
        """Questions about the state in which the story ends."""
        for o in self.things:
            p, spot = self.holder.get(o), self.spot.get(o)
            if p is not None:
                self.now(f"{p.name} has {o.the}.", f"Who has {o.the}?", f"Who has {o.the} now?",
                         f"Who had {o.the} at the end?")
                self.now(f"{p.name} has {o.the}.", f"Where is {o.the} now?")
            elif spot is not None:
                self.now(f"{o.the} is {spot}.", f"Where is {o.the}?", f"Where is {o.the} now?",
                         f"Where was {o.the} at the end?")
        for p in self.people:
            had = [o for o in self.things if self.holder.get(o) is p]
            if len(had) == 1:
                self.now(f"{p.name} has {had[0].the}.", f"What does {p.name} have?")
        for p, place in self.at.items():
            self.now(f"{p.name} is {where(place)}.", f"Where is {p.name}?",
                     f"Where is {p.name} now?")
        told = " ".join(self.text)
        for q in list(self.asks):
            if q in self.unclear or not self.told(q, told):
                del self.asks[q]
        return self
