"""Ways to ask for the simple facts of the tables."""

import itertools
from collections.abc import Iterator

from scripts.tiny_llm.phrases import capital, expand
from scripts.tiny_llm.tables import (
    CAPITALS,
    COLOURS,
    CONTINENTS,
    COUNTS,
    DAYS,
    LANGUAGES,
    LONG_MONTHS,
    MONTHS,
    NUMBERS,
    OPPOSITES,
    ORDINALS,
    PLANETS,
    SOUNDS,
    YOUNG,
)

Fact = tuple[str, tuple[str, ...]]


def facts() -> Iterator[tuple[str, Fact]]:
    """Yield ``(group, (question, right answers))`` for every fact and every way to ask for it."""
    for group, source in _SOURCES.items():
        for pattern, answers in source():
            for question in expand(pattern):
                yield group, (capital(question), answers)


def _capitals() -> Iterator[Fact]:
    for place, city in CAPITALS.items():
        answers = (f"The capital of {place} is {city}.",)
        for form in (
            "{What is|What's|Name|Tell me|Do you know|Which city is|Which town is|Say|Give me} the capital {of|city of} PLACE?",
            "{PLACE: what is its|What is PLACE's|What's PLACE's} capital?",
            "{Capital of|The capital of|capital city of} PLACE{|?}",
            "{I need|I want to know|Please tell me} the capital of PLACE.",
            "The capital of PLACE is{ what|}?",
        ):
            yield form.replace("PLACE", place), answers
        if city != place:
            yield (
                f"{{{city} is the capital of which country|Of which country is {city} the capital|Which country has the capital {city}}}?",
                (f"{city} is the capital of {_first_place(city)}.",),
            )


def _first_place(city: str) -> str:
    first = next(place for place, name in CAPITALS.items() if name == city)
    return "the United Kingdom" if city == "London" else first


def _colours() -> Iterator[Fact]:
    for thing, colour in COLOURS.items():
        answer = f"{capital(thing)} is {colour}."
        yield (
            f"{{What colour is|What color is|Which colour is|Which color is|What's the colour of|What is the colour of|What is the color of|Tell me the colour of}} {thing}?",
            (answer,),
        )
        yield (
            f"{{What colour does {thing} have|{capital(thing)} has which colour|Do you know the colour of {thing}}}?",
            (answer,),
        )


def _opposites() -> Iterator[Fact]:
    known: dict[str, list[str]] = {}
    for left, right in OPPOSITES:
        known.setdefault(left, []).append(right)
        known.setdefault(right, []).append(left)
    for word, others in known.items():
        answers = tuple(f"The opposite of {word} is {other}." for other in others)
        yield (
            f"{{What is|What's|Tell me|Name|Give me|Do you know|Say}} the opposite {{of|to}} {{the word|}} {word}?",
            answers,
        )
        yield f"{{Opposite of|The opposite of|{word}: what is the opposite of}} {word}?", answers
        yield (
            f"{{Which word|What word|What}} {{means the opposite of|is opposite to|is the opposite of}} {word}?",
            answers,
        )


def _places() -> Iterator[Fact]:
    for continent, places in CONTINENTS.items():
        for place in places.split(" "):
            answers = (f"{place} is in {continent}.",)
            yield f"{{On|In}} {{which|what}} continent is {place}?", answers
            yield (
                f"{{Where is {place}|Where's {place}|In which part of the world is {place}|Which continent is {place} in|Where can I find {place}}}?",
                answers,
            )
    for place, language in LANGUAGES.items():
        answers = (f"In {place} people speak {language}.",)
        yield (
            f"{{What|Which}} language {{do people speak|is spoken|do they speak}} in {place}?",
            answers,
        )
        yield (
            f"{{What do people speak in {place}|What is the language of {place}|Tell me the language of {place}}}?",
            answers,
        )


def _animals() -> Iterator[Fact]:
    for animal, sound in SOUNDS.items():
        answers = (f"{capital(animal)} {sound}.",)
        yield f"{{What sound|Which sound|What noise}} does {animal} make?", answers
        yield f"{{What does {animal} say|How does {animal} sound}}?", answers
    for animal, young in YOUNG.items():
        answers = (f"A young {animal} is called a {young}.",)
        yield (
            f"{{What is|What's|What do you call|How do you call}} a {{young|baby}} {animal}{{| called}}?",
            answers,
        )
        yield (
            f"{{What is the name of|What is the word for}} {{a young|a baby|the young of a}} {animal}?",
            answers,
        )


def _counts() -> Iterator[Fact]:
    for pattern, answer in COUNTS.items():
        yield (
            f"{{How many|Tell me how many|Do you know how many|Say how many}} {pattern}?",
            (answer,),
        )
    for month in MONTHS:
        days = LONG_MONTHS.get(month, "31")
        yield (
            f"{{How many days are in|How many days does|How many days are there in|How long is}} {month}{{| have}}?",
            (f"{month} has {days} days.",),
        )


def _orders() -> Iterator[Fact]:
    for names, unit, where in ((DAYS, "day", "of the week"), (MONTHS, "month", "of the year")):
        for place, name in enumerate(names):
            after, before = names[(place + 1) % len(names)], names[place - 1]
            yield (
                f"{{What|Which}} {unit} {{comes after|follows|is after|comes next after}} {name}?",
                (f"After {name} comes {after}.",),
            )
            yield (
                f"{{What comes after|What is after|What follows}} {name}?",
                (f"After {name} comes {after}.",),
            )
            yield (
                f"{{What|Which}} {unit} {{comes before|is before|comes just before}} {name}?",
                (f"Before {name} comes {before}.",),
            )
            yield (
                f"{{What comes before|What is before}} {name}?",
                (f"Before {name} comes {before}.",),
            )
            yield (
                f"{{What is|Which is|Name|Tell me}} the {ORDINALS[place]} {unit} {where}?",
                (f"The {ORDINALS[place]} {unit} {where} is {name}.",),
            )
            yield (
                f"{{What|Which}} {unit} is the {ORDINALS[place]}{{| one}}{{| {where}}}?",
                (f"The {ORDINALS[place]} {unit} {where} is {name}.",),
            )
    yield (
        "{What|Which} are the {days|days of the week}?",
        (f"The days of the week are {', '.join(DAYS[:-1])} and {DAYS[-1]}.",),
    )
    yield (
        "{Name|List|Tell me|Say} {the days|the days of the week|all days of the week}.",
        (f"The days of the week are {', '.join(DAYS[:-1])} and {DAYS[-1]}.",),
    )
    yield (
        "{Name|List|Tell me|Say|What are} {the months|the months of the year|all months|all months of the year}.",
        (f"The months are {', '.join(MONTHS[:-1])} and {MONTHS[-1]}.",),
    )
    yield (
        "{Name|List|Tell me|Say|What are} {the planets|all planets|the planets of the solar system}.",
        (f"The planets are {', '.join(PLANETS[:-1])} and {PLANETS[-1]}.",),
    )
    yield (
        "{Name|List|Tell me|Say|What are} {the seasons|all seasons|the four seasons}.",
        ("The seasons are spring, summer, autumn and winter.",),
    )
    for place, name in enumerate(PLANETS):
        yield (
            f"{{What is|Which is|Name}} the {ORDINALS[place]} planet{{| from the sun}}?",
            (f"The {ORDINALS[place]} planet from the sun is {name}.",),
        )
    yield (
        "{What is|Which is|Name} the {largest|biggest} planet?",
        ("The largest planet is Jupiter.",),
    )
    yield "{What is|Which is|Name} the smallest planet?", ("The smallest planet is Mercury.",)
    yield (
        "{What is|Which is|Name} the {largest|biggest} {animal|animal on Earth}?",
        ("The largest animal is the blue whale.",),
    )
    yield (
        "{What is|Which is|Name} the {highest|tallest} mountain{| on Earth| in the world}?",
        ("The highest mountain is Mount Everest.",),
    )
    yield (
        "{What is|Which is|Name} the {largest|biggest} ocean?",
        ("The largest ocean is the Pacific.",),
    )
    yield (
        "{When|At what temperature} does water {boil|start to boil}?",
        ("Water boils at 100 degrees Celsius.",),
    )
    yield (
        "{When|At what temperature} does water {freeze|start to freeze}?",
        ("Water freezes at zero degrees Celsius.",),
    )
    yield (
        "{What is|What's} the {chemical formula of|formula of|formula for} water?",
        ("The formula of water is H2O.",),
    )
    yield (
        "{Who wrote|Who is the author of} {Hamlet|Romeo and Juliet|Macbeth}?",
        ("William Shakespeare wrote it.",),
    )
    yield (
        "{Who painted|Who is the painter of} the Mona Lisa?",
        ("Leonardo da Vinci painted the Mona Lisa.",),
    )


def _letters() -> Iterator[Fact]:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for here, after in itertools.pairwise(letters):
        yield (
            f"{{What letter comes after|Which letter comes after|What is the letter after|Which letter follows}} {here}?",
            (f"After {here} comes {after}.",),
        )
        yield (
            f"{{What letter comes before|Which letter comes before|What is the letter before}} {after}?",
            (f"Before {after} comes {here}.",),
        )


def _counting() -> Iterator[Fact]:
    for start in range(1, 16):
        for end in range(start + 2, 21):
            row = ", ".join(str(number) for number in range(start, end + 1))
            yield (
                f"{{Count|Please count|Can you count}} from {{{start}|{NUMBERS[start]}}} to {{{end}|{NUMBERS[end]}}}.",
                (f"{row}.",),
            )
            if start == 1:
                yield (
                    f"{{Count to|Count up to|Please count to|Can you count to}} {{{end}|{NUMBERS[end]}}}.",
                    (f"{row}.",),
                )
    for number in range(20):
        yield (
            f"{{What number|Which number|What}} comes after {number}?",
            (f"After {number} comes {number + 1}.",),
        )
        yield (
            f"{{What number|Which number|What}} comes before {number + 1}?",
            (f"Before {number + 1} comes {number}.",),
        )


def _sums() -> Iterator[Fact]:
    ask = "{What is|What's|How much is|Calculate|Compute|Work out|Tell me|Can you tell me what is|}"
    for left, right in _small_pairs():
        total = left + right
        added, taken = _added(left, right), _taken(total, left)
        yield f"{ask} {left} {{plus|and|+|added to}} {right}?", added
        yield f"{{Add {left} and {right}|What is the sum of {left} and {right}}}?", added
        yield f"{ask} {total} {{minus|-|take away|less}} {left}?", taken
        yield f"Subtract {left} from {total}?", taken
    for left in range(11):
        for right in range(11):
            product = (f"{left} times {right} is {left * right}.",)
            yield f"{ask} {left} {{times|multiplied by|x|*}} {right}?", product


def _short_sums() -> Iterator[Fact]:
    for left, right in _small_pairs():
        total = left + right
        yield f"{{|What is |What's }}{left}{{+| + }}{right}{{|=|?}}", _added(left, right)
        yield f"{{|What is |What's }}{total}{{-| - }}{left}{{|=|?}}", _taken(total, left)


def _word_sums() -> Iterator[Fact]:
    ask = "{What is|What's|How much is|Calculate|}"
    for left, right in _small_pairs():
        total = left + right
        one, two, sum_name = NUMBERS[left], NUMBERS[right], NUMBERS[total]
        yield f"{ask} {one} {{plus|and}} {two}?", _added(left, right)
        yield f"{ask} {sum_name} minus {one}?", _taken(total, left)


def _small_pairs() -> Iterator[tuple[int, int]]:
    for left in range(21):
        for right in range(21 - left):
            yield left, right


def _added(left: int, right: int) -> tuple[str, ...]:
    return (f"{left} plus {right} is {left + right}.",)


def _taken(total: int, left: int) -> tuple[str, ...]:
    return (f"{total} minus {left} is {total - left}.",)


_SOURCES = {
    "capitals": _capitals,
    "colours": _colours,
    "opposites": _opposites,
    "places": _places,
    "animals": _animals,
    "counts": _counts,
    "orders": _orders,
    "letters": _letters,
    "counting": _counting,
    "sums": _sums,
    "short_sums": _short_sums,
    "word_sums": _word_sums,
}
