"""Simple facts, as tables."""

CAPITALS = {
    row.split(":")[0]: row.split(":")[1]
    for row in (
        "France:Paris Germany:Berlin Italy:Rome Spain:Madrid Portugal:Lisbon Austria:Vienna Switzerland:Bern "
        "Belgium:Brussels Denmark:Copenhagen Sweden:Stockholm Norway:Oslo Finland:Helsinki Iceland:Reykjavik "
        "Ireland:Dublin Poland:Warsaw Hungary:Budapest Romania:Bucharest Bulgaria:Sofia Greece:Athens Turkey:Ankara "
        "Russia:Moscow Ukraine:Kyiv Estonia:Tallinn Latvia:Riga Lithuania:Vilnius Croatia:Zagreb Serbia:Belgrade "
        "Slovenia:Ljubljana Slovakia:Bratislava Albania:Tirana Malta:Valletta Cyprus:Nicosia England:London "
        "Scotland:Edinburgh Wales:Cardiff Japan:Tokyo China:Beijing India:Delhi Thailand:Bangkok Vietnam:Hanoi "
        "Indonesia:Jakarta Philippines:Manila Nepal:Kathmandu Iran:Tehran Iraq:Baghdad Egypt:Cairo "
        "Kenya:Nairobi Nigeria:Abuja Ghana:Accra Ethiopia:Addis_Ababa Morocco:Rabat Tunisia:Tunis Algeria:Algiers "
        "Senegal:Dakar Canada:Ottawa Mexico:Mexico_City Cuba:Havana Brazil:Brasilia Argentina:Buenos_Aires "
        "Chile:Santiago Peru:Lima Colombia:Bogota Venezuela:Caracas Ecuador:Quito Uruguay:Montevideo "
        "Australia:Canberra New_Zealand:Wellington South_Korea:Seoul North_Korea:Pyongyang Luxembourg:Luxembourg "
        "Saudi_Arabia:Riyadh Pakistan:Islamabad Bangladesh:Dhaka Mongolia:Ulaanbaatar"
    )
    .replace("_", "\0")
    .split(" ")
}
CAPITALS = {key.replace("\0", " "): value.replace("\0", " ") for key, value in CAPITALS.items()}
CAPITALS |= {
    "the Netherlands": "Amsterdam",
    "the Czech Republic": "Prague",
    "the United Kingdom": "London",
    "the United States": "Washington",
    "the USA": "Washington",
    "the UK": "London",
}

COLOURS = {
    "the sky": "blue",
    "grass": "green",
    "snow": "white",
    "coal": "black",
    "a lemon": "yellow",
    "a banana": "yellow",
    "a strawberry": "red",
    "blood": "red",
    "a ripe tomato": "red",
    "milk": "white",
    "an orange": "orange",
    "a carrot": "orange",
    "the sun": "yellow",
    "a raven": "black",
    "a swan": "white",
    "gold": "yellow",
    "the sea": "blue",
    "a frog": "green",
    "a leaf in summer": "green",
    "chocolate": "brown",
    "an aubergine": "purple",
    "a flamingo": "pink",
    "an elephant": "grey",
    "a cucumber": "green",
    "a sunflower": "yellow",
    "salt": "white",
    "a polar bear": "white",
    "a cherry": "red",
    "ash": "grey",
    "a fire engine": "red",
    "lavender": "purple",
    "rice": "white",
    "broccoli": "green",
    "a pumpkin": "orange",
}

_OPPOSITE_PAIRS = (
    "hot-cold big-small up-down left-right day-night black-white good-bad fast-slow open-closed happy-sad old-young "
    "long-short high-low light-dark full-empty wet-dry hard-soft rich-poor early-late first-last true-false yes-no "
    "in-out on-off near-far loud-quiet strong-weak clean-dirty heavy-light thick-thin wide-narrow deep-shallow "
    "easy-difficult new-old begin-end push-pull buy-sell win-lose give-take love-hate war-peace life-death always-never "
    "everything-nothing inside-outside above-below before-after front-back north-south east-west summer-winter "
    "sweet-sour sharp-blunt public-private"
)
OPPOSITES = tuple(tuple(pair.split("-")) for pair in _OPPOSITE_PAIRS.split(" "))

CONTINENTS = {
    "Europe": "France Germany Italy Spain Portugal Austria Switzerland Sweden Norway Finland Poland Greece Ireland Hungary",
    "Asia": "Japan China India Thailand Vietnam Nepal Iran Mongolia Pakistan Indonesia",
    "Africa": "Egypt Kenya Nigeria Ghana Ethiopia Morocco Tunisia Senegal Algeria",
    "North America": "Canada Mexico Cuba",
    "South America": "Brazil Argentina Chile Peru Colombia Ecuador Uruguay",
}
LANGUAGES = {
    "France": "French",
    "Germany": "German",
    "Italy": "Italian",
    "Spain": "Spanish",
    "Portugal": "Portuguese",
    "Austria": "German",
    "Japan": "Japanese",
    "China": "Chinese",
    "Russia": "Russian",
    "Brazil": "Portuguese",
    "Mexico": "Spanish",
    "Argentina": "Spanish",
    "Sweden": "Swedish",
    "Norway": "Norwegian",
    "Denmark": "Danish",
    "Finland": "Finnish",
    "Poland": "Polish",
    "Greece": "Greek",
    "Turkey": "Turkish",
    "Hungary": "Hungarian",
    "England": "English",
    "Australia": "English",
    "Egypt": "Arabic",
    "Vietnam": "Vietnamese",
    "Thailand": "Thai",
}
SOUNDS = {
    "a dog": "barks",
    "a cat": "meows",
    "a cow": "moos",
    "a sheep": "bleats",
    "a lion": "roars",
    "a bee": "buzzes",
    "a horse": "neighs",
    "a wolf": "howls",
    "a duck": "quacks",
    "a pig": "grunts",
    "a snake": "hisses",
    "an owl": "hoots",
}
YOUNG = {
    "dog": "puppy",
    "cat": "kitten",
    "cow": "calf",
    "sheep": "lamb",
    "horse": "foal",
    "pig": "piglet",
    "goose": "gosling",
    "duck": "duckling",
    "bear": "cub",
    "frog": "tadpole",
    "hen": "chick",
    "goat": "kid",
    "kangaroo": "joey",
    "swan": "cygnet",
}
COUNTS = {
    "{days are|days are there} in a week": "There are seven days in a week.",
    "{months are|months are there} in a year": "There are twelve months in a year.",
    "{days are|days are there} in a year": "There are 365 days in a year, and 366 in a leap year.",
    "{hours are|hours are there} in a day": "There are 24 hours in a day.",
    "{minutes are|minutes are there} in an hour": "There are 60 minutes in an hour.",
    "{seconds are|seconds are there} in a minute": "There are 60 seconds in a minute.",
    "{weeks are|weeks are there} in a year": "There are 52 weeks in a year.",
    "{seasons are|seasons are there} in a year": "There are four seasons: spring, summer, autumn and winter.",
    "{letters are|letters are there} in the {English alphabet|alphabet}": "There are 26 letters in the English alphabet.",
    "{planets are|planets are there} in the solar system": "There are eight planets in the solar system.",
    "{continents are|continents are there}{| on Earth}": "There are seven continents.",
    "legs does {a spider|spider} have": "A spider has eight legs.",
    "legs does {a dog|a cat|a horse|a cow} have": "It has four legs.",
    "legs does {an insect|an ant|a bee|a fly} have": "It has six legs.",
    "legs does {a bird|a hen|a person|a human} have": "Two legs.",
    "arms does an octopus have": "An octopus has eight arms.",
    "sides does a triangle have": "A triangle has three sides.",
    "sides does a {square|rectangle} have": "It has four sides.",
    "sides does a pentagon have": "A pentagon has five sides.",
    "sides does a hexagon have": "A hexagon has six sides.",
    "fingers {are on|does} a hand{| have}": "A hand has five fingers.",
    "{metres are|metres are there|meters are} in a {kilometre|kilometer}": "There are 1000 metres in a kilometre.",
    "{centimetres are|centimeters are} in a {metre|meter}": "There are 100 centimetres in a metre.",
    "{grams are|grams are there} in a {kilogram|kilo}": "There are 1000 grams in a kilogram.",
    "{bits are|bits are there} in a byte": "There are eight bits in a byte.",
    "{wheels does a car|wheels does a normal car} have": "A car has four wheels.",
    "{years are|years are there} in a century": "There are one hundred years in a century.",
}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
)
NUMBERS = tuple(_NUMBER_WORDS.split())
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
ORDINALS = (
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
)
PLANETS = ("Mercury", "Venus", "Earth", "Mars", "Jupiter", "Saturn", "Uranus", "Neptune")
LONG_MONTHS = {
    "February": "28 or 29",
    "April": "30",
    "June": "30",
    "September": "30",
    "November": "30",
}

WORDS = (
    ("the sun", "The sun is a star. It gives the Earth light and warmth."),
    ("the moon", "The moon goes around the Earth about once a month."),
    ("the Earth", "The Earth is the third planet from the sun. We live on it."),
    ("water", "Water is a clear liquid that all life needs. Its formula is H2O."),
    ("ice", "Ice is frozen water. It melts at zero degrees Celsius."),
    ("rain", "Rain is water that falls from clouds in drops."),
    ("snow", "Snow is frozen water that falls from clouds in flakes."),
    ("wind", "Wind is moving air."),
    ("fire", "Fire is burning that gives light and heat."),
    ("air", "Air is a mix of gases, mostly nitrogen and oxygen. We breathe it."),
    ("a tree", "A tree is a tall plant with a trunk of wood."),
    ("a flower", "A flower is the part of a plant that makes seeds, and is often colourful."),
    ("a river", "A river is a stream of water that flows to the sea or to a lake."),
    ("a mountain", "A mountain is land that rises high above what is around it."),
    ("an island", "An island is land with water all around it."),
    ("a desert", "A desert is a place where very little rain falls."),
    ("a planet", "A planet is a large round body that goes around a star."),
    ("a star", "A star is a huge ball of hot gas that shines."),
    ("a dog", "A dog is an animal that lives with people and barks."),
    ("a cat", "A cat is a small animal that lives with people and meows."),
    ("a bird", "A bird is an animal with feathers and two wings."),
    ("a fish", "A fish is an animal that lives in water and breathes with gills."),
    ("an insect", "An insect is a small animal with six legs."),
    ("a computer", "A computer is a machine that follows programs."),
    ("a program", "A program is a list of steps that a computer follows."),
    ("the internet", "The internet is a network that connects computers all over the world."),
    ("a book", "A book is a set of pages with text or pictures to read."),
    ("a school", "A school is a place where people learn."),
    ("a doctor", "A doctor is a person who helps sick people to get well."),
    ("a teacher", "A teacher is a person who helps others to learn."),
    ("bread", "Bread is food that is baked from flour and water."),
    ("cheese", "Cheese is food that is made from milk."),
    ("music", "Music is sound that is put in order to be enjoyed."),
    ("a clock", "A clock is a device that shows the time."),
    ("a bicycle", "A bicycle has two wheels, and you move it with your feet."),
    ("a triangle", "A triangle is a shape with three sides."),
    ("a square", "A square is a shape with four equal sides and four right angles."),
    ("a circle", "A circle is a round line. All its points are equally far from the centre."),
    (
        "a prime number",
        "A prime number is divisible only by one and by itself, like 2, 3, 5 and 7.",
    ),
    ("an even number", "An even number can be divided by two, like 2, 4 and 6."),
    ("an odd number", "An odd number cannot be divided by two, like 1, 3 and 5."),
    (
        "artificial intelligence",
        "Artificial intelligence means programs that do things for which people need thought, such as reading and answering.",
    ),
    (
        "AI",
        "Artificial intelligence means programs that do things for which people need thought, such as reading and answering.",
    ),
    (
        "machine learning",
        "Machine learning means that a program learns from examples instead of fixed rules.",
    ),
    ("a database", "A database stores data so that it can be found again quickly."),
    ("a server", "A server is a computer that answers requests from other computers."),
    ("software", "Software is the programs that run on a computer."),
    ("hardware", "Hardware is the parts of a computer that you can touch."),
    ("JSON", "JSON is a text format for data, made of objects, lists, strings and numbers."),
    ("a password", "A password is a secret word that shows who you are."),
)
