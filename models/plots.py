"""The plots: each takes a story with its cast and tells it through events.

A plot may use `s.h` (hero), `s.f` (friend), `s.o` (thing), `s.place` and
`s.place2`. It tells the middle of the story; `tell.py` writes the opening and
the end around it.
"""

from words import FEARS, FOODS, NEEDS, PLACES
from world import Thing, where


def spot_in(s, place):
    return s.rng.choice(PLACES[place][1])


def enter_friend(s):
    """The friend appears where the hero is."""
    h, f = s.h, s.f
    s.meet(f)
    s.say(f"There {h.he} met {f.intro()}.", f"There {h.he} saw {f.intro()}.",
          f"Then {f.intro()} came by.", f"{h.name} met {f.intro()} on the way.")
    s.last = None
    s.ask(f"{h.name} met {f.name}.", f"Who did {h.name} meet?", f"Who did {h.he} meet?")


def thank(s, a, b):
    """a thanks b."""
    s.say(f'"Thank you, {b.call}!" said {a.name}.', f'"Thank you so much!" {a.name} said.',
          f"{a.name} thanked {b.name}.", f'{a.name} said, "Thank you, my friend!"')
    s.last = None
    s.ask(f"{a.name} thanked {b.name}.", f"Who did {a.name} thank?")


def lost_and_found(s):
    h, f, o, p = s.h, s.f, s.o, s.place
    s.see(o)
    s.say(f"{h.name} had {o.intro()} and loved it very much.",
          f"{h.name} always carried {o.intro()}.", f"{h.name} had {o.intro()}.")
    s.say(f"{h.he} went to the {p} to play.", f"One morning {h.he} took it to the {p}.")
    s.arrive(h, p)
    s.lose(h, o, [f"But then {h.he} lost {o.the}.", f"In the {p} {h.he} lost {o.the}."
                  if PLACES[p][0] == "in" else f"There {h.he} lost {o.the}."])
    s.ask(f"{h.name} lost {o.the} {where(p)}.", f"Where did {h.name} lose {o.the}?")
    bad = s.pick("sad", "worried", "upset")
    s.feel(h, bad, why=f"{h.he} lost {o.the}")
    enter_friend(s)
    s.say(f'"I will help you look," said {f.name}.', f'"Do not cry," said {f.name}. "I will help."',
          f"{f.name} said, \"Let us look for {o.the} together.\"")
    s.ask(f"{f.name} helped {h.name}.", f"Who helped {h.name}?")
    a, b = s.rng.sample(PLACES[p][1], 2)
    s.say(f"They looked {a}, but {o.the} was not there.", f"First they looked {a}. It was not there.")
    s.find(s.pick(h, f, f), o, b)
    if s.holder[o] is f:
        s.give(f, h, o)
    thank(s, h, f)


def moved(s):
    h, f, o, p, q = s.h, s.f, s.o, s.place, s.place2
    s.see(o)
    s.say(f"{h.name} had {o.intro()}.", f"One day {h.he} got {o.intro()}.")
    a, b = spot_in(s, p), spot_in(s, q)
    s.say(f"{h.he} put {o.the} {a} {where(p)} and went away.",
          f"{h.he} left {o.the} {a} {where(p)} and went to eat.")
    s.put(h, o, f"{a} {where(p)}", tell=False)
    s.meet(f)
    s.say(f"Then {f.intro()} came and took {o.the} to the {q}.",
          f"Later {f.intro()} saw {o.the} and carried it to the {q}.")
    s.ask(f"{f.name} took {o.the}.", f"Who took {o.the}?")
    s.say(f"{f.he} put it {b}.", f"{f.name} put {o.the} {b}.")
    s.put(f, o, f"{b} {where(q)}", tell=False)
    s.say(f"When {h.name} came back, {o.the} was gone.",
          f"{h.name} came back and looked {a}, but {o.the} was gone.")
    s.feel(h, s.pick("sad", "worried", "upset"), why=f"{o.the} was gone")
    s.say(f'"I took it to the {q}," said {f.name}. "I am sorry."',
          f'"Come with me to the {q}," said {f.name}. "I put it there."')
    s.say(f"They went to the {q} together.", f"So they walked to the {q}.")
    s.arrive(h, q)
    s.find(h, o, b)


def gift(s):
    h, f, o, p = s.h, s.f, s.o, s.place
    s.meet(f)
    s.say(f"It was the birthday of {f.intro()}, a good friend.",
          f"{h.name} had a friend, {f.intro()}. It was {f.his} birthday.")
    s.last = None
    s.ask(f"It was {f.name}'s birthday.", "Whose birthday was it?")
    s.say(f"{h.name} wanted to find a nice gift.", f"{h.name} wanted to give {f.him} something nice.")
    s.last = h
    s.go(h, p)
    s.say(f"{h.he} looked and looked.", f"{h.he} looked all around.", f"{h.he} looked for a long time.")
    a = spot_in(s, p)
    s.see(o)
    s.say(f"At last {h.he} found {o.intro()} {a}.", f"Then {h.he} found {o.intro()} {a}.")
    s.find(h, o, a, tell=False)
    s.say(f'"This is perfect!" {h.he} said.', f'"{f.call} will love it!" {h.he} said.')
    s.give(h, f, o)
    thank(s, f, h)
    s.feel(f, s.pick("happy", "glad"), why=f"{f.he} got {o.the}")


def trade(s):
    h, f, o = s.h, s.f, s.o
    x = s.extra_thing()
    s.see(o, x)
    s.say(f"{h.name} had {x.intro()}, but {h.he} wanted {o.intro()}.",
          f"{h.name} wanted {o.intro()}, but {h.he} only had {x.intro()}.")
    s.ask(f"{h.name} wanted {o.the}.", f"What did {h.name} want?", f"Who wanted {o.the}?")
    s.last = h
    s.go(h, s.place)
    enter_friend(s)
    s.say(f"{f.name} had {o.the}.", f"{f.he} had {o.the} in {f.his} hands.")
    s.say(f'"I will give you my {x.noun} for your {o.noun}," said {h.name}.',
          f'"Can we trade?" asked {h.name}. "My {x.noun} for your {o.noun}?"')
    s.say(f'"Yes!" said {f.name}.', f'"That is a good idea," said {f.name}.')
    s.last = None
    s.give(h, f, x)
    s.give(f, h, o)
    s.feel(f, "happy", "Now both friends had what they wanted.", "It was a good trade.")


def storm(s):
    h, f, o, p, q = s.h, s.f, s.o, s.place, s.place2
    s.go(h, p)
    s.say(f"{h.he} took {h.his} {o.noun} along.", f"{h.he} had {h.his} {o.noun} with {h.him}.")
    s.hold(h, o)
    kind = s.pick("rain", "snow", "a storm")
    s.say(f"Suddenly {kind} came, and the wind was cold.", f"Then the sky became dark and {kind} came.")
    s.feel(h, s.pick("worried", "upset", "sad"), why=f"{kind} came")
    s.meet(f)
    s.say(f'"Come in here!" called {f.intro()} from the {q}.',
          f'Then {f.intro()} called, "Come to the {q}! It is dry here."')
    s.ask(f"{f.name} helped {h.name}.", f"Who helped {h.name}?")
    s.last = h
    s.say(f"{h.name} ran to the {q}.", f"{h.name} ran to the {q} as fast as {h.he} could.")
    s.arrive(h, q)
    food = s.pick(*FOODS)
    s.say(f"They ate {food} and waited.", f"They sat together and ate {food}.")
    s.ask(f"They ate {food}.", "What did they eat?")
    s.say("Soon the sky was blue again.", "Soon the sun came out again.")
    s.give(h, f, o)
    thank(s, f, h)


def make(s):
    h, f, o, p = s.h, s.f, s.o, s.place
    s.see(o)
    a, b = s.rng.sample(NEEDS, 2)
    s.say(f"{h.name} wanted to make {o.intro()}.", f"One day {h.he} wanted to make {o.intro()}.")
    s.ask(f"{h.name} wanted to make {o.the}.", f"What did {h.name} want to make?")
    s.say(f"{h.he} needed {a} and {b}.", f"For this {h.he} needed {a} and {b}.")
    s.ask(f"{h.name} needed {a} and {b}.", f"What did {h.name} need?")
    s.last = h
    s.go(h, p)
    s.say(f"{h.he} found {a} {spot_in(s, p)}.", f"There {h.he} found some {a}.")
    s.ask(f"{h.name} found the {a}.", f"Who found the {a}?")
    enter_friend(s)
    s.say(f'"I have {b} for you," said {f.name}.', f"{f.name} gave {h.him} some {b}.")
    s.ask(f"{f.name} gave {h.name} the {b}.", f"Who gave {h.name} the {b}?")
    s.say(f"They worked together until {o.the} was ready.", f"Together they made {o.the}.")
    s.hold(h, o)
    s.ask(f"{h.name} made {o.the}.", f"Who made {o.the}?")
    s.say(f"It was the best {o.noun} of all.", f"It was a very good {o.noun}.")


def hide_and_seek(s):
    h, f, o, p = s.h, s.f, s.o, s.place
    s.meet(f)
    s.say(f"{h.name} and {f.intro()} played hide and seek {where(p)}.",
          f"{h.name} played hide and seek with {f.intro()} {where(p)}.")
    s.at[h] = s.at[f] = p
    s.ask("They played hide and seek.", "What did they play?")
    a, b = s.rng.sample(PLACES[p][1], 2)
    s.say(f"{f.name} hid {b}.", f"{f.name} ran and hid {b}.")
    s.ask(f"{f.name} hid {b}.", f"Where did {f.name} hide?")
    s.ask(f"{f.name} hid {b}.", f"Who hid {b}?")
    s.say(f"{h.name} counted to ten and looked {a}.", f"{h.name} looked {a} first.")
    s.say(f"Nobody was there, but {h.he} saw {o.intro()}!",
          f"{h.he} did not see {f.name}, but {h.he} found {o.intro()}!")
    s.last = None
    s.find(h, o, a, tell=False)
    s.say(f"Then {h.he} heard a laugh and found {f.name} {b}.", f"Then {h.he} looked {b} and found {f.name}.")
    s.say(f"They played with {o.the} until the evening.", f"After that they both played with {o.the}.")


def rescue(s):
    h, f, o, p = s.h, s.f, s.o, s.place
    s.go(h, p)
    s.say(f"{h.he} heard a small voice.", '"Help! Help!" called a voice.')
    s.meet(f)
    spot = spot_in(s, p)
    s.say(f"It was {f.intro()}, stuck {spot}.", f"There was {f.intro()}, stuck {spot}.")
    s.last = None
    s.ask(f"{f.name} was stuck {spot}.", f"Where was {f.name} stuck?")
    s.ask(f"{f.name} was stuck.", "Who was stuck?")
    s.say(f"{h.name} was strong and pulled and pulled.", f"{h.name} pulled as hard as {h.he} could.")
    s.say(f"At last {f.name} was free!", f"Then {f.name} was free!")
    s.ask(f"{h.name} helped {f.name}.", f"Who helped {f.name}?")
    thank(s, f, h)
    s.see(o)
    s.say(f"{f.name} gave {h.him} {o.intro()} as a gift.",
          f"{f.name} had {o.intro()} and gave it to {h.name}.")
    s.last = None
    s.give(f, h, o, tell=False)


def race(s):
    h, f, o, p = s.h, s.f, s.o, s.place
    s.meet(f)
    s.say(f"{h.name} and {f.intro()} wanted to race to the {p}.",
          f"One day {h.name} and {f.intro()} had a race to the {p}.")
    s.see(o)
    s.say(f"The prize was {o.intro()}.", f"The winner would get {o.intro()}.")
    s.ask(f"The prize was {o.the}.", "What was the prize?")
    w, lo = s.pick((h, f), (f, h))
    s.say(f"{lo.name} was fast, but {lo.he} stopped to rest.",
          f"{lo.name} ran fast, but then {lo.he} fell asleep.")
    s.last = None
    s.say(f"{w.name} was slow, but {w.he} did not stop.", f"{w.name} ran on and on.")
    s.say(f"{w.name} won the race!", f"So {w.name} won!")
    s.last = w
    s.hold(w, o)
    s.at[h] = s.at[f] = p
    s.ask(f"{w.name} won the race.", "Who won the race?", "Who won?")
    s.say(f"{w.he} got {o.the}.", f"{w.he} was given {o.the}.")
    s.ask(f"{w.name} got {o.the}.", f"Who got {o.the}?")
    s.say(f'"Well done, {w.call}!" said {lo.name}.', f'{lo.name} said, "You are a great runner!"')
    s.last = None


def broken(s):
    h, f, o, p = s.h, s.f, s.o, s.place
    s.see(o)
    s.say(f"{h.name} played with {o.intro()} {where(p)}.", f"{h.name} took {o.intro()} to the {p}.")
    s.at[h] = p
    s.say(f"{o.the} fell down and broke.", f"But {h.he} fell, and {o.the} broke.")
    s.ask(f"{o.the} broke.", "What broke?")
    s.feel(h, s.pick("sad", "upset"), why=f"{o.the} broke")
    enter_friend(s)
    tool = s.pick("glue", "string", "a nail", "some tape")
    s.say(f'"I can fix it," said {f.name}.', f'"Do not be sad. I can fix it," said {f.name}.')
    s.say(f"{f.he} used {tool} to fix {o.the}.", f"{f.name} fixed {o.the} with {tool}.")
    s.last = None
    s.ask(f"{f.name} fixed {o.the}.", f"Who fixed {o.the}?")
    s.ask(f"{f.name} used {tool}.", f"What did {f.name} use?")
    s.hold(h, o)
    s.say(f"Soon {o.the} was as good as new.", f"Now {o.the} was good again.")
    thank(s, h, f)


def delivery(s):
    h, f, o, p, q = s.h, s.f, s.o, s.place, s.place2
    who = s.pick("Grandma", "Grandpa", "Mother", "Father")
    s.see(o)
    s.say(f"{who} gave {h.name} {o.intro()}.", f"One morning {who} gave {h.name} {o.intro()}.")
    s.ask(f"{who} gave {o.the} to {h.name}.", f"Who gave {o.the} to {h.name}?")
    s.meet(f)
    s.say(f'"Take it to {f.intro()} {where(q)}," {who} said.',
          f'"Please bring it to {f.intro()} {where(q)}," said {who}.')
    s.last = h
    s.say(f"{h.name} walked through the {p}.", f"{h.name} went through the {p}.")
    s.say(f"The way was long, but {h.he} did not stop.", f"{h.he} was tired, but {h.he} went on.",
          f"{h.he} sang a song on the way.")
    s.say(f"At last {h.he} came to the {q}.", f"Then {h.he} came to the {q}.")
    s.arrive(h, q)
    s.at[f] = q
    s.last = h
    s.give(h, f, o)
    thank(s, f, h)
    food = s.pick(*FOODS)
    s.say(f"They ate {food} together.", f"Then they ate {food}.")
    s.ask(f"They ate {food}.", "What did they eat?")


def afraid(s):
    h, f, o, p = s.h, s.f, s.o, s.place
    fear = s.pick(*FEARS)
    s.say(f"{h.name} was afraid of {fear}.", f"{h.name} was always afraid of {fear}.")
    s.ask(f"{h.name} was afraid of {fear}.", f"What was {h.name} afraid of?",
          f"Who was afraid of {fear}?")
    s.last = h
    s.go(h, p)
    enter_friend(s)
    s.see(o)
    s.say(f'"Take my {o.noun}," said {f.name}. "It will make you brave."',
          f'"I will give you my {o.noun}," said {f.name}. "Then you are not alone."')
    s.give(f, h, o, tell=False)
    s.say(f"{h.name} took {o.the} and was not afraid anymore.",
          f"With {o.the} {h.name} was not afraid anymore.")
    s.ask(f"{f.name} helped {h.name}.", f"Who helped {h.name}?")
    thank(s, h, f)


def treasure(s):
    h, f, o, p, q = s.h, s.f, s.o, s.place, s.place2
    a, b = spot_in(s, p), spot_in(s, q)
    m = Thing("note" if o.noun == "map" else "map")
    s.say(f"{h.name} found an old {m.noun} {a} {where(p)}.",
          f"One day {h.he} found an old {m.noun} {a} {where(p)}.")
    s.find(h, m, f"{a} {where(p)}", tell=False)
    s.unclear.add(f"What did {h.name} find?")
    s.meet(f)
    s.say(f"{h.he} showed it to {f.intro()}.", f"{h.he} took it to {f.intro()}.")
    s.last = None
    s.say(f'"It shows a treasure {where(q)}!" said {f.name}.',
          f'"There is a treasure {where(q)}!" said {f.name}.')
    s.say(f"They went to the {q}.", f"Together they ran to the {q}.")
    s.arrive(h, q)
    who = s.pick(h, f)
    s.see(o)
    s.say(f"{who.name} looked {b} and found {o.intro()}!", f"{who.name} found {o.intro()} {b}!")
    s.find(who, o, b, tell=False)
    s.ask(f"The treasure was {o.the}.", "What was the treasure?")
    s.say("They shared the treasure.", "They danced and laughed.")


def sharing(s):
    h, f, o, p = s.h, s.f, s.o, s.place
    food = s.pick(*FOODS)
    s.say(f"{h.name} had some {food} for lunch.", f"{h.name} took some {food} for lunch.")
    s.last = h
    s.go(h, p)
    enter_friend(s)
    s.say(f"{f.name} was hungry.", f'"I am so hungry," said {f.name}.')
    s.ask(f"{f.name} was hungry.", "Who was hungry?")
    s.say(f"{h.name} shared the {food}.", f'"You can have some {food}," said {h.name}.')
    s.ask(f"{h.name} shared the {food}.", f"What did {h.name} share?", f"Who shared the {food}?")
    s.see(o)
    s.say(f"{f.name} ate and smiled and gave {h.him} {o.intro()}.",
          f'"You are kind. Take my {o.noun}," said {f.name}.')
    s.give(f, h, o, tell=False)
    thank(s, h, f)


# How a request may tell what is to happen.
HINTS = {
    lost_and_found: ["{h} who lost {o}", "{h} and a lost {n}", "a lost {n}", "how {h} lost {o}"],
    gift: ["{h} who gave {f} {o}", "a birthday", "{h} who found {o}"],
    trade: ["{h} who wanted {o}"], storm: ["{h} in a storm", "a storm and {o}"],
    make: ["{h} who made {o}", "{h} who wanted to make {o}", "how {h} made {o}"],
    hide_and_seek: ["{h} and {f} who played hide and seek", "hide and seek"],
    rescue: ["{h} who helped {f}"], race: ["a race", "{h} and {f} and a race"],
    broken: ["a broken {n}", "{h} and a broken {n}"], moved: ["{h} who put {o} away"],
    delivery: ["{h} who brought {o} to {f}"], afraid: ["{h} who was afraid"],
    treasure: ["a treasure", "{h} and a treasure", "{h} who found {o}"],
    sharing: ["{h} and {f} who shared food", "{h} who was kind"],
}
PLOTS = [lost_and_found, moved, gift, trade, storm, make, hide_and_seek, rescue, race, broken,
         delivery, afraid, treasure, sharing]
