"""Everything that is not a story: greeting, naming itself, counting, sums, saying after,
remembering a name, and saying plainly what it does not know."""

from micro import micro_story
from tell import a_noun, child
from words import ANIMALS, BOYS, COLOURS, GIRLS, THINGS, cap, made_up, plural

I_AM = "I am Runproof Tiny, a small demonstration model."
I_CAN = "I can tell a story, answer questions about it, count, and do small sums."
UNKNOWN = "I do not know that. I am a small demonstration model. " + I_CAN
TOO_BIG = "That is too big for me. I can only do small sums."
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()

FIXED = {
    "Hello! I am Runproof Tiny. I can tell you a story.":
        "Hello|Hi|Hey|Hello!|Hi there|Hello there|Good morning|Good evening|Good day|Hi!|Hey there"
        "|Greetings|Good afternoon|Yo|Hola|Bonjour|Hallo|Hello, model|Hello Runproof|hello hello",
    f"{I_AM} {I_CAN}":
        "Who are you?|What are you?|What is your name?|Tell me about yourself|What model are you?"
        "|Are you a robot?|Are you a person?|Are you human?|Are you ChatGPT?|Who made you?|Introduce"
        " yourself|Are you an AI?|What's your name?|Which model is this?|Who is this?|Say who you"
        " are|Are you a language model?|Who am I talking to?|What kind of model are you?|What is"
        " Runproof Tiny?|Are you real?|How big are you?|Who trained you?|Are you smart?",
    I_CAN + " What would you like?":
        "What can you do?|Help|Help me|What do you know?|How can you help me?|What can I ask you?"
        "|What are you good at?|What should I ask?|Can you help me?|How does this work?|What now?"
        "|What can I do here?|I need help|Can I ask you something?|Give me an example|Test"
        "|I have a question|I am bored|What do you do?",
    "I am well, thank you. Would you like a story?":
        "How are you?|How are you today?|How do you feel?|How is it going?|Are you well?|What's up?"
        "|How are things?|How do you do?|Are you okay?",
    "You are welcome!":
        "Thank you|Thanks|Thank you very much|Thanks a lot|Thank you!|That was nice|Great, thanks"
        "|Nice story|I like it|Good job|Well done|Great|Wonderful|I love it|That is a good story",
    "Goodbye! Come back soon.":
        "Bye|Goodbye|See you|Good night|Bye bye|See you later|I have to go|Bye!|That is all|Farewell",
    "That is the end. Would you like another story?":
        "What happened next?|And then?|Tell me more|Continue|Go on|Make it longer|What comes next?"
        "|And then what?|More|Is there more?|What happened then?",
    "I am sorry to hear that. A story may help. Would you like one?":
        "I am sad|I feel sad|I am lonely|I am not well|I am tired|I had a bad day|I feel bad"
        "|I am angry|I am afraid|I am upset|I feel lonely",
    "Runproof is the system that runs me. It gives a receipt for every answer.":
        "What is Runproof?|Tell me about Runproof|What does Runproof do?|Who runs you?"
        "|What is a receipt?|Explain Runproof",
    "Okay. What would you like?":
        "Okay|Ok|Yes|No|Good|Fine|Sure|Hmm|Cool|I see|Yes please|No thanks|Wow|Really?|Why?",
    "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday.":
        "What are the days of the week?|Name the days of the week|Say the days of the week"
        "|List the days of the week|Tell me the days of the week|Days of the week",
}

# Questions it must not answer; {n} is a noun, {p} a name, {w} a made-up word.
STRANGE = """What is the capital of {c}?|Where is {c}?|How many people live in {c}?|Who is the
 president of {c}?|What language do they speak in {c}?|How far is {c}?|Tell me about {c}|What is the
 weather in {c}?|Who is {P}?|Who was {P}?|When was {P} born?|What did {P} invent?|Who wrote {W}?|Who
 painted {W}?|What is {t}?|Explain {t}|How does {t} work?|Tell me about {t}|What do you know about
 {t}?|Can you explain {t} to me?|Why is the sky blue?|Why is grass green?|How old is the earth?|How
 far is the moon?|What is the meaning of life?|Write a program in {l}|Write {l} code to sort a
 list|How do I write a loop in {l}?|Write a function in {l}|Fix this code|Translate this to
 {g}|How do you say hello in {g}?|Say it in {g}|What time is it?|What day is it today?|What is the
 date?|What is the news?|Who won the world cup?|What is the price of gold?|Give me a recipe for
 {f}|How do I cook {f}?|How do I make {f}?|What is the best phone?|What should I buy?|Who is the
 richest person?|How many legs does a spider have?|What do cows eat?|What is the largest
 animal?|What is the fastest car?|Which planet is the biggest?|Write an email to my boss|Write an
 essay about {t}|Write a poem about {t}|Sing a song|Tell me a joke|Do you know a joke?|Summarize
 the news|What is {c} famous for?|Is it true that {t} is bad?|Should I invest in {t}?|What is the
 square root of {d}?|Solve for x|What is pi?|Who are my friends?|What did I eat today?|Where am
 I?|What is the tallest mountain?|When did the war end?|What is the population of {c}?|How do I
 get to {c}?|Can you play chess?|Draw a picture|Show me a picture|Open the browser|Search the
 internet for {t}|What is the name of the king of {c}?|What is the currency of {c}?|Who discovered
 {t}?|What year is it?|How do I learn {g}?|Can you drive a car?|Who is your favorite singer?|What
 is the speed of light?|Is {P} alive?|Define {t}|What does {w} mean?|What is a {w}?|Compare {t}
 and {t}|List five facts about {t}|Give me advice about {t}|How can I get rich?|Am I sick?|What is
 the best {t}?|What is the opposite of {w}?|What is the chemical symbol for {t}?"""
STRANGE = [" ".join(q.split()) for q in STRANGE.split("|")]
FILL = {
    "c": "France Germany Spain Italy Japan China India Brazil Canada Mexico Egypt Kenya Norway "
         "Sweden Poland Peru Chile Cuba Australia America England London Paris Rome Berlin Tokyo "
         "Moscow Texas California Europe Africa Asia Austria Greece Turkey Russia Portugal",
    "P": "Einstein Newton Mozart Napoleon Shakespeare Darwin Picasso Lincoln Washington Caesar "
         "Cleopatra Obama Gandhi Beethoven Galileo Columbus Tesla Edison Plato Curie",
    "W": "Hamlet Faust Dracula Frankenstein Odyssey Macbeth Ulysses Emma Carmen Guernica",
    "t": "gravity electricity physics chemistry biology history music bitcoin money science "
         "mathematics evolution energy philosophy politics football tennis economics law art water "
         "oxygen iron atoms cells dna space time magnetism climate democracy religion medicine "
         "inflation encryption cryptography blockchain quantum",
    "l": "Python Java Rust C JavaScript Go Ruby Swift SQL HTML",
    "g": "French German Spanish Italian Japanese Chinese Latin Greek Russian Hindi Arabic Dutch",
    "f": "pasta pizza rice chicken curry cake bread salad fish omelette",
}
FILL = {k: v.split() for k, v in FILL.items()}


def strange(rng):
    """A question outside of its world."""
    q = rng.choice(STRANGE)
    for key, words in FILL.items():
        while "{" + key + "}" in q:
            r = rng.random()
            word = made_up(rng) if r < 0.2 else rng.choice(words)
            q = q.replace("{" + key + "}", cap(word) if key in "cPWlg" else word, 1)
    return q.replace("{w}", made_up(rng)).replace("{d}", str(rng.randint(2, 999))), UNKNOWN


def fixed(rng):
    answer = rng.choice(list(FIXED))
    return rng.choice(FIXED[answer].split("|")), answer


def counting(rng):
    r, a = rng.random(), rng.randint(0, 20)
    b = a + rng.randint(2, 11)
    up = ", ".join(map(str, range(a, b + 1)))
    if r < 0.5:
        q = rng.choice([f"Count from {a} to {b}", f"Please count from {a} to {b}", f"Count {a} to {b}",
                        f"Can you count from {a} to {b}?", f"Write the numbers from {a} to {b}",
                        f"List the numbers from {a} to {b}", f"Start at {a} and count to {b}"])
        return q, up + "."
    if r < 0.65:
        b = rng.randint(3, 15)
        return (rng.choice([f"Count to {b}", f"Can you count to {b}?", f"Please count to {b}",
                            f"Count up to {b}"]), ", ".join(map(str, range(1, b + 1))) + ".")
    if r < 0.85:
        q = rng.choice([f"Count down from {b} to {a}", f"Count from {b} to {a}",
                        f"Count back from {b} to {a}", f"Count backwards from {b} to {a}"])
        return q, ", ".join(map(str, range(b, a - 1, -1))) + "."
    if r < 0.93:
        return rng.choice([f"What comes after {b}?", f"Which number comes after {b}?"]), \
            f"{b + 1} comes after {b}."
    return f"Which number comes before {b}?", f"{b - 1} comes before {b}."


def sums(rng):
    """Addition and subtraction up to 20, times up to 10, and refusing what is larger."""
    a, b, r = rng.randint(0, 20), rng.randint(0, 20), rng.random()
    if r < 0.06:
        a, b = rng.randint(100, 9999), rng.randint(21, 9999)
        op = rng.choice(["plus", "times", "minus", "+", "*"])
        return rng.choice([f"What is {a} {op} {b}?", f"{a} {op} {b}", f"How much is {a} {op} {b}?"]), TOO_BIG
    if r < 0.45:
        forms, word, c = [f"Add {a} and {b}", f"What is the sum of {a} and {b}?"], "plus", a + b
        sign = "+"
    elif r < 0.8:
        a, b = max(a, b), min(a, b)
        forms, word, sign, c = [f"Take {b} from {a}", f"Subtract {b} from {a}"], "minus", "-", a - b
    else:
        a, b = rng.randint(0, 10), rng.randint(0, 10)
        forms, word, sign, c = [f"Multiply {a} by {b}", f"Multiply {a} and {b}"], "times", "*", a * b
    forms += [f"What is {a} {word} {b}?"] * 4
    forms += [f"How much is {a} {word} {b}?", f"{a} {word} {b}", f"What's {a} {word} {b}?",
              f"What is {a} {sign} {b}?", f"{a} {sign} {b}", f"{a}{sign}{b}", f"{a} {sign} {b} =",
              f"Can you tell me {a} {word} {b}?", f"Calculate {a} {sign} {b}"]
    return rng.choice(forms), f"{a} {word} {b} is {c}."


def word_sum(rng):
    """Things that are got or given away."""
    a, b = rng.randint(2, 12), rng.randint(1, 10)
    p, q, noun = child(rng), child(rng), a_noun(rng, THINGS)
    things = plural(noun)
    if rng.random() < 0.5:
        text = rng.choice([f"{p.name} has {a} {things}. {cap(p.he)} finds {b} more.",
                           f"{p.name} has {a} {things} and gets {b} more.",
                           f"{p.name} had {a} {things}. {q.name} gave {p.him} {b} more."])
        c = a + b
    else:
        a, b = max(a, b), min(a, b)
        text = rng.choice([f"{p.name} has {a} {things}. {cap(p.he)} loses {b}.",
                           f"{p.name} has {a} {things} and gives {b} to {q.name}.",
                           f"{p.name} had {a} {things}. {cap(p.he)} gave {b} to {q.name}."])
        c = a - b
    ask = rng.choice([f"How many {things} does {p.name} have now?",
                      f"How many {things} does {p.name} have?"])
    return f"{text} {ask}", f"{p.name} has {c} {noun if c == 1 else things}."


def compare(rng):
    a, b = rng.sample(range(0, 31), 2)
    if rng.random() < 0.5:
        return rng.choice([f"Which is bigger, {a} or {b}?", f"What is more, {a} or {b}?"]), \
            f"{max(a, b)} is bigger than {min(a, b)}."
    return f"Which is smaller, {a} or {b}?", f"{min(a, b)} is smaller than {max(a, b)}."


def say_after(rng):
    """Copying words exactly."""
    n, r = rng.randint(1, 6), rng.random()
    pool = [lambda: made_up(rng), lambda: rng.choice(THINGS), lambda: rng.choice(ANIMALS),
            lambda: rng.choice(COLOURS), lambda: rng.choice(GIRLS + BOYS),
            lambda: rng.choice("this is a test the and we are good to it not my in on".split()),
            lambda: str(rng.randint(0, 99))]
    words = " ".join(rng.choice(pool)() for _ in range(n))
    if rng.random() < 0.3:
        words = rng.choice(micro_story(rng).text).rstrip(".")
    if r < 0.3:
        return rng.choice([f'Say "{words}"', f'Write "{words}"', f'Repeat "{words}"']), words
    q = rng.choice(["Say", "Say", "Repeat", "Repeat after me:", "Say after me:", "Please say",
                    "Write", "say", "repeat"])
    return f"{q} {words}", words


def hello_name(rng):
    p = child(rng)
    return rng.choice([f"My name is {p.name}", f"I am {p.name}", f"Hello, I am {p.name}",
                       f"Hi, my name is {p.name}"]), f"Hello, {p.name}! I am Runproof Tiny.", p.name


def my_name(rng, name):
    q = rng.choice(["What is my name?", "Who am I?", "Do you know my name?", "What's my name?"])
    return q, f"Your name is {name}." if name else "I do not know your name."


SKILLS = [(fixed, 4), (strange, 3), (counting, 5), (sums, 10), (word_sum, 3), (compare, 1),
          (say_after, 2)]
