"""Casts a story, tells it around a plot, and writes the request that asks for it."""

from plots import HINTS, PLOTS, make
from words import (ANIMALS, BOYS, COLOURS, EXTRA_LIVING, EXTRA_THINGS, GIRLS, GOOD, KINDS, MAKE,
                   MIX, PETS, PLACES, THINGS, WEATHER, an, made_up)
from world import Person, Story, make_thing, where


def a_name(rng, girl):
    if rng.random() < MIX["rare"]:
        return made_up(rng).capitalize()
    return rng.choice(GIRLS if girl else BOYS)


def a_noun(rng, usual):
    """A usual noun of the kind, or a rarer or made-up one."""
    r = rng.random() * 0.13 / MIX["rare"]
    if r < 0.13:
        rare = EXTRA_LIVING if usual is ANIMALS and r < 0.12 else EXTRA_THINGS
        return made_up(rng) if r < 0.06 else rng.choice(rare)
    return rng.choice(usual)


def child(rng):
    girl = rng.random() < 0.5
    p = Person(a_name(rng, girl), girl)
    p.girl = girl
    return p


def animal(rng, unnamed):
    girl, noun = rng.random() < 0.5, a_noun(rng, ANIMALS)
    if rng.random() < unnamed:
        return Person("the " + noun, girl, noun)
    r = rng.random()
    return Person(rng.choice(PETS) if r < 0.5 else a_name(rng, girl), girl, noun)


def other_than(make_one, taken):
    """Make until name and noun differ from those taken."""
    while True:
        p = make_one()
        if all(p.name != t.name and (p.noun is None or p.noun != t.noun) for t in taken):
            return p


def cast(rng):
    """A story with hero, friend, thing and two places, not yet told."""
    s = Story(rng)
    s.h = child(rng) if rng.random() < 0.5 else animal(rng, 0.0)
    s.f = other_than(lambda: child(rng) if rng.random() < 0.4 else animal(rng, 0.55), [s.h])
    s.plot = rng.choice(PLOTS)
    s.kind = rng.choice(KINDS) if rng.random() < 0.6 else None
    usual = MAKE if s.plot is make and rng.random() < 0.8 else THINGS
    taken = {s.h.noun, s.f.noun}
    s.o = make_thing(rng, next(n for n in iter(lambda: a_noun(rng, usual), "") if n not in taken))
    s.extra_thing = lambda: make_thing(
        rng, rng.choice([t for t in THINGS if t != s.o.noun and t not in taken]))
    s.place, s.place2 = rng.sample(list(PLACES), 2)
    s.sky = rng.choice(list(WEATHER)) if rng.random() < 0.55 else None
    return s


def opening(s):
    h, kind = s.h, s.kind
    noun = h.noun or ("girl" if h.he == "she" else "boy")
    s.meet(h)
    start = s.pick("Once upon a time, there was", "Once there was", "There once was", "There was")
    who = f"a {kind} {noun}" if kind else s.pick(an(noun), f"a little {noun}")
    s.text.append(f"{start} {who} named {h.name}.")
    s.last = h
    if not h.noun:
        s.ask(f"{h.name} is {an(noun)}.", f"Who is {h.name}?")
    if kind:
        s.ask(f"{h.name} was {kind}.", f"What was {h.name} like?")
    s.ask(f"The {noun} is named {h.name}.", f"What is the name of the {noun}?",
          f"What is the {noun}'s name?", f"What was the {noun} called?")
    s.ask(f"The story is about {h.name}.", "Who is the story about?", "What is the story about?",
          "Who is the main character?")
    if s.sky:
        s.weather(s.sky)


def ending(s):
    h, f = s.h, s.f
    if s.rng.random() < 0.75:
        s.feel(h, s.rng.choice(GOOD))
    s.say(f"From that day on, {h.name} and {f.name} were best friends.",
          f"{h.name} went home with a big smile.", "They were friends forever.",
          f"That night {h.name} slept very well.", f"{h.name} never forgot that day.",
          f"{h.name} and {f.name} laughed and went home.", "It was a very good day.")
    if s.rng.random() < 0.35:
        s.text.append("The end.")


def tell(rng):
    """A told story, ready to be asked about."""
    s = cast(rng)
    opening(s)
    s.plot(s)
    ending(s)
    return s.finish()


FORMS = """Tell me a story about {x}|Tell me a story about {x}|Tell a story about {x}
Write a story about {x}|Write me a story about {x}|Please tell me a story about {x}
Can you tell me a story about {x}?|Could you write a story about {x}?|I want a story about {x}
Tell me a short story about {x}|Write a short story about {x}|A story about {x}, please
Make up a story about {x}|I would like to hear a story about {x}|Story about {x}
Give me a story about {x}|Can you write a short story about {x}?|Let us have a story about {x}
Tell me a little story about {x}|Please write a story about {x}|a story about {x}
Do you know a story about {x}?|Tell us a story about {x}|Tell me about {x} in a story
I want to hear about {x}|Once more, a story about {x}|Create a story about {x}
Tell me a nice story about {x}|Tell my child a story about {x}|Write a tale about {x}"""
FORMS = [f for line in FORMS.split("\n") for f in line.split("|")]
PLAIN = """Tell me a story|Please tell me a story|Write a story|I want a story|Can you tell me a story?
Tell me a short story|Write me a short story|Story please|Tell a story|Can you write a story?
Make up a story|I would like to hear a story|Tell me something nice|Do you know a story?""".replace(
    "\n", "|").split("|")
AGAIN = ["Tell me another story about {x}", "Now tell me a story about {x}",
         "Another story, please, about {x}", "Another one about {x}", "And one about {x}"]


def hero_words(s):
    """How a request names the hero."""
    h, rng = s.h, s.rng
    if s.kind and rng.random() < 0.12:
        noun = h.noun or ("girl" if h.he == "she" else "boy")
        return rng.choice([f"a {s.kind} {noun}", f"a {s.kind} {noun} named {h.name}"])
    if h.noun is None:
        noun = "girl" if h.he == "she" else "boy"
        return rng.choice([h.name] * 5 + [f"a {noun} named {h.name}", f"a {noun} called {h.name}",
                                          f"a {noun}"])
    return rng.choice([an(h.noun)] * 5 + [f"{an(h.noun)} named {h.name}", f"{h.name} the {h.noun}",
                                          f"{an(h.noun)} called {h.name}", f"the {h.noun}"])


def request(s, again=False):
    """A user's request that this story answers."""
    rng, r = s.rng, s.rng.random()
    if r < 0.06 and not again:
        return rng.choice(PLAIN)
    thing = s.o.intro() if rng.random() < 0.5 else an(s.o.noun)
    if s.o.look and s.o.look not in COLOURS:
        thing = an(s.o.noun)
    thing = f"the {s.o.noun}" if rng.random() < 0.06 else thing
    friend = (s.f.name if s.f.noun is None else an(s.f.noun))
    hero = hero_words(s)
    if rng.random() < 0.1:
        x = rng.choice(HINTS[s.plot]).format(h=hero, f=friend, o=thing, n=s.o.noun)
    elif r < 0.40:
        x = hero
    elif r < 0.66:
        x = f"{hero} and {thing}" if rng.random() < 0.85 else f"{hero} with {thing}"
    elif r < 0.78:
        x = f"{hero} and {friend}"
    elif r < 0.88:
        x = thing
    elif r < 0.94:
        x = f"{hero}, {friend} and {thing}"
    else:
        x = f"{hero} and {s.h.his} {s.o.noun}" if s.h.noun is None else f"{hero} and {thing}"
    told = " ".join(s.text)
    if rng.random() < 0.12 and where(s.place).split()[-1] in told:
        x += " " + where(s.place)
    elif s.sky and rng.random() < 0.08:
        x += f" on a {s.sky} day"
    return rng.choice(AGAIN if again else FORMS).format(x=x)
