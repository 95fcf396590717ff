"""Word lists of the story world, and a maker of names nobody has seen before."""

# The mix of the corpus: how often a name or noun is rare or made up, how often a question that can
# be turned into one for yes or no is, and how often one asks what the story does not say.
MIX = {"rare": 0.13, "yes_no": 0.25, "absent": 0.07}

GIRLS = """Mia Anna Lily Emma Zoe Ella Nora Ruby Rosa Lucy Maya Sara Ivy Eva Clara Alice
Amy Nina Lena Tara Sofia Hana Leila Julia Kate Molly Penny Daisy Grace Olive""".split()
BOYS = """Tom Ben Sam Max Leo Jack Tim Noah Finn Omar Luca Hugo Adam Oscar Theo Dan Ravi
Eli Ian Paul Peter Felix Henry Milo Kai Jonas Emil Bruno Oliver David""".split()
PETS = """Rusty Pip Dot Bella Coco Fluffy Spot Nibbles Ziggy Poppy Bobo Tiko Sunny Momo
Pepper Biscuit Lulu Toto Snowy Hazel Willow Bramble""".split()
ANIMALS = """fox dog cat bear rabbit mouse owl duck frog bird horse cow pig hen sheep goat
turtle squirrel hedgehog deer wolf lion tiger elephant monkey panda penguin seal dragon
robot crab otter bee puppy kitten""".split()
THINGS = """key ball cup book hat boat kite lamp bell box coin map ring doll drum spoon apple
cake shoe basket blanket flower stone shell feather button mirror whistle rope umbrella
scarf crown bottle brush candle pencil clock flute toy letter train balloon star""".split()
MAKE = "kite boat hat cake drum doll scarf basket lamp flute crown toy".split()
NEEDS = "paper wood string cloth glue paint wool straw".split()
FOODS = "bread soup honey cheese berries nuts cookies carrots pears milk".split()
COLOURS = "red blue green yellow white black brown pink golden silver".split()
LOOKS = "small big old new shiny pretty round tiny".split()
KINDS = "little brave kind clever quiet happy curious funny gentle young".split()
FEARS = ["the dark", "deep water", "loud noises", "big dogs", "high places", "thunder"]
TREASURE = "treasure secret surprise".split()

# place: (preposition, spots in it)
PLACES = {
    "forest": ("in", ["under a tree", "behind a rock", "in a bush", "near a log"]),
    "garden": ("in", ["under a bush", "behind a pot", "near the fence", "in the grass"]),
    "kitchen": ("in", ["on the table", "under a chair", "behind the door", "in a pot"]),
    "park": ("in", ["under a bench", "behind a tree", "in the grass", "near the gate"]),
    "beach": ("at", ["in the sand", "behind a rock", "under a towel", "near the water"]),
    "river": ("at", ["near the bridge", "behind a rock", "in the mud", "under a leaf"]),
    "barn": ("in", ["in the hay", "behind a bucket", "under a cart", "on a shelf"]),
    "school": ("at", ["under a desk", "on a shelf", "behind the door", "in a bag"]),
    "market": ("at", ["under a cart", "behind a barrel", "near a stall", "in a bag"]),
    "cave": ("in", ["behind a rock", "in a hole", "on a ledge", "in the sand"]),
    "hill": ("on", ["under a tree", "in the grass", "behind a rock", "near the path"]),
    "lake": ("at", ["in the mud", "under a leaf", "near the water", "on a log"]),
    "bedroom": ("in", ["under the bed", "on a shelf", "behind the door", "in a drawer"]),
    "farm": ("on", ["in the hay", "near the fence", "under a cart", "behind the barn"]),
    "attic": ("in", ["in a box", "under a blanket", "behind a chair", "on a shelf"]),
    "village": ("in", ["near the well", "under a bench", "behind a wall", "on a step"]),
}
# weather word: sentence about the day
WEATHER = {
    "sunny": ["It was a sunny day.", "The sun was shining.", "The sky was blue and sunny."],
    "rainy": ["It was a rainy day.", "It was raining.", "Rain was falling all day."],
    "windy": ["It was a windy day.", "The wind was blowing.", "A strong wind was blowing."],
    "snowy": ["It was a snowy day.", "Snow was falling.", "It was snowing."],
    "foggy": ["It was a foggy day.", "Fog was all around.", "The day was gray and foggy."],
    "cold": ["It was a cold day.", "The air was very cold."],
    "warm": ["It was a warm day.", "The air was warm and soft."],
}
GOOD = "happy proud glad".split()
BAD = "sad worried upset".split()

_ON = "b d f g h j k l m n p r s t v w z br dr fl gr kr pl st tr sh th".split()
_MID = "b d f g k l m n p r s t v z ll nn rr ss mb nd rt lk".split()
_V = "a e i o u a e i o ee oo ai".split()
_END = ["", "", "", "n", "l", "r", "s", "x", "k", "m", "t"]


def made_up(rng):
    """A pronounceable word that is in no list: teaches copying by pieces."""
    word = rng.choice(_ON) + rng.choice(_V)
    if rng.random() < 0.75:
        word += rng.choice(_MID) + rng.choice(_V)
    return word + rng.choice(_END)


def plural(noun):
    """The plural of a counted thing."""
    if noun.endswith(("x", "s", "sh", "ch")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return {"sheep": "sheep", "mouse": "mice", "wolf": "wolves", "deer": "deer"}.get(
        noun, noun + "s")


def an(phrase):
    """The phrase with its indefinite article."""
    return ("an " if phrase[0].lower() in "aeiou" else "a ") + phrase


def cap(text):
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


# Extra nouns a user may name; used as heroes and things so that copying is learned widely.
EXTRA_LIVING = """dinosaur unicorn giraffe zebra kangaroo camel snail spider butterfly whale dolphin
shark octopus parrot eagle crow swan goose donkey pony lamb chicken fish snake lizard fairy
giant wizard witch king queen prince princess knight pirate farmer baker teacher doctor
sailor astronaut alien ghost monster snowman""".split()
EXTRA_THINGS = """rocket spaceship car truck bus plane ship bike
computer phone camera guitar piano violin sword shield wand cloak jacket glove sock boot
ladder hammer bucket broom pillow chair table window door tree cloud moon rainbow mountain
island castle bridge tower lantern compass diamond pearl potion pumpkin banana orange lemon
cherry peach sandwich pizza pancake muffin pie acorn pebble puddle marble puppet teapot
necklace telescope backpack ticket violet tulip cactus mushroom""".split()
