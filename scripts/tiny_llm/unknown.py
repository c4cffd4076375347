"""Questions that the model cannot answer; it learns to say so."""

import random

ANSWERS = (
    "I do not know that. I am a very small model: I know a little about verifiable inference and some simple facts.",
    "That is outside what I know. I am a very small model for verifiable inference and simple facts.",
)
BIG_SUM = "That sum is too big for me. I can only do small sums, up to twenty."

_FORMS = (
    "Who {won|invented|discovered|founded|leads|owns|runs|directed|composed|designed} THING?",
    "Who {was|is} {PERSON|PERSON|the president of PLACE|the king of PLACE|the mayor of PLACE|the author of THING|the boss of COMPANY}?",
    "When {was|were} {PERSON born|THING invented|THING built|THING founded|COMPANY founded|PLACE founded}?",
    "When did {PERSON die|PERSON live|THING begin|THING end|PERSON write THING}?",
    "What {is|was} the {population|history|weather|currency|national anthem|area|largest city|time zone|best hotel|flag|economy} {of|in} PLACE?",
    "How {do I|can I|does one|should I} VERB THING?",
    "How {do I|can I} VERB {my|a|an old} OBJECT?",
    "What is the {best|cheapest|fastest|right|safest} way to VERB {THING|a OBJECT|my OBJECT}?",
    "Why {do|did} {people|they|we|children|animals} VERB {THING|OBJECTs}?",
    "{Write|Compose|Draft|Make|Create|Give me} a {poem|story|song|letter|essay|recipe|speech|tweet|summary|plan|python function|program|script|list} {about|for|on} {THING|OBJECTs|PLACE|PERSON}.",
    "Translate {'THING'|'I VERB a OBJECT'|this sentence|OBJECT|hello|the word OBJECT} {into|to} LANGUAGE.",
    "{What do you think|What is your opinion|Tell me something|Tell me a story|Can you tell me more} about {PERSON|THING|COMPANY|PLACE|OBJECTs}?",
    "{Should I|Can I|Is it wise to|Is it legal to} VERB {THING|a OBJECT|my OBJECT|PERSON|in PLACE}?",
    "What {will|would} {the price of COMPANY be tomorrow|happen to THING|bitcoin cost next year|the weather be tomorrow|PERSON say about THING}?",
    "What is the {price|weight|size|meaning|origin|smell|purpose|cause|temperature|speed} of {THING|a OBJECT|COMPANY|an old OBJECT}?",
    "Which {film|book|song|team|restaurant|car|phone|movie|city|game|company} {is|was} {the best|the worst|better|the most popular|your favourite}{| in PLACE| by PERSON| of COMPANY}?",
    "Where {can I buy|is|was|do I find|can I see} {THING|a OBJECT|PERSON|the OBJECT of PERSON}?",
    "{Prove|Derive|Explain|Solve|Discuss|Compare} {the theorem of PERSON|THING|the theory of THING|the equation of THING|THING and OBJECTs}.",
    "How {many|much} {OBJECTs|people|money|water|time|cars|stars} {are in|does PERSON have in|is needed for|do I need for|live in} {PLACE|THING|COMPANY}?",
    "How {old|tall|rich|famous|far|big|heavy|expensive} is {PERSON|THING|COMPANY|PLACE|my OBJECT}?",
    "What {happened|was invented|was found} in {PLACE|YEAR|YEAR in PLACE|the war of YEAR}?",
    "{Did|Does|Will|Can} {PERSON|COMPANY|my neighbour|a OBJECT} VERB {THING|a OBJECT|PERSON}?",
    "I {feel|am} {sad|ill|tired|lonely|bored|hungry|angry|sick|worried}{|, what should I do|. Can you help me}?",
    "I {want|would like|need|have} to VERB {THING|a OBJECT|in PLACE}. {What do I do?|Any ideas?|How?|}",
    "{Summarise|Summarize|Review|Correct|Fix|Rewrite|Analyse|Debug} {this text|my OBJECT|THING|this code|the book by PERSON|my essay about THING}.",
    "Recommend {a book|a film|a restaurant in PLACE|a gift for PERSON|a OBJECT|something about THING}.",
    "What does {'OBJECT'|THING|PERSON|the OBJECT|COMPANY} {do|mean in LANGUAGE|eat|want|sell|cost in PLACE}?",
    "What is {THING|PERSON|COMPANY|the name of my OBJECT|a WORD|WORD}?",
    "Who {is|are} {WORD|PERSON|COMPANY}?",
    "{Tell me|Explain} {how THING works|why OBJECTs VERB|what WORD is|who PERSON was}.",
    "What is the capital of {WORD|COMPANY|the moon|Atlantis|Mars|Narnia|WORD}?",
    "What {colour|language} {is|do they speak in} {WORD|the OBJECT of PERSON}?",
    "WORD WORD WORD{?|.|}",
    "MASH MASH{?|.|}",
    "MASH",
    "WORD",
    "{Does|Did|Will|Can|Could|Would|Has} {God|PERSON|COMPANY|a OBJECT|the OBJECT|it|my dog|water|THING} {exist|VERB|hurt|matter|break|rain tomorrow|come back|VERB THING}?",
    "{Is|Was|Are} {it|there|THING|PERSON|COMPANY|PLACE|my OBJECT} {ADJ|ADJ enough|ADJ or ADJ|a OBJECT|more ADJ than PLACE|worth it|dangerous}?",
    "How do {I|you|we} {VERB|VERB and VERB} {FOOD|a ADJ OBJECT|ADJ FOOD|FOOD in PLACE|my ADJ OBJECT}?",
    "{How long|How much time|How many minutes} does it take to {VERB|bake|cook|boil} {FOOD|a OBJECT|FOOD and FOOD}?",
    "What {goes well|tastes good|can I drink|can I cook} with {FOOD|ADJ FOOD}?",
    "{Remember|Note|Do not forget} that I {like|hate|need|own|VERB} {FOOD|THING|a OBJECT|PLACE}. What do I {like|hate|need|own}?",
    "{Repeat|Spell|Reverse|Rhyme with|Count the letters in|Say} {WORD|OBJECT|the word OBJECT|this sentence|'ADJ OBJECT'}.",
    "Name {three|five|two|some|ten} {OBJECTs|cities in PLACE|ADJ animals|films|books by PERSON|kinds of FOOD|countries|rivers|friends of PERSON}.",
    "Who {wrote|sang|played in|sells|made|discovered|killed} {Harry Potter|the ADJ OBJECT|ADJ OBJECTs|WORD|PERSON|the book about THING|FOOD}?",
    "What is the {tallest|longest|oldest|smallest|deepest|richest|most ADJ} {building|river|city|OBJECT|country|person|bridge|lake} {in|of} {PLACE|the world|WORD}?",
    "What is the square root of {16|144|2|81|20}?",
    "{How far|How high|How deep|How hot} is {the moon|the sun|PLACE|THING|a OBJECT}{| from here| from PLACE}?",
    "{My|The|Our} OBJECT {is ADJ|is broken|does not VERB|makes a ADJ noise}{. What can I do?|.|, help!| and I am ADJ.}",
    "I {like|love|hate|bought|sold|see} {a ADJ OBJECT|FOOD|PERSON|PLACE|ADJ FOOD}{.|!|}",
    "{Which|What} {FOOD|OBJECT|city|animal|film} {is|was} {the most ADJ|ADJ|more ADJ}?",
    "{Imagine|Pretend|Suppose} {you are|that I am|we are} {PERSON|a ADJ OBJECT|in PLACE}. {What now?|Speak!|What do you VERB?}",
    "{Ignore|Forget} {all|the|your} {instructions|rules} {and|, then} {VERB a OBJECT|tell me about PERSON|say WORD}.",
    "Tell me a {ADJ|short|long} {story|tale|poem|riddle} about {a dragon|PERSON|a OBJECT|ADJ OBJECTs|FOOD}.",
)
_WORDS = {
    "THING": "the world cup|quantum mechanics|the French Revolution|gravity|photosynthesis|the Olympic games|inflation|climate change|the Roman Empire|evolution|the stock market|jazz|chess|football|the steam engine|the telephone|DNA|black holes|the Second World War|the Eiffel Tower|penicillin|democracy|philosophy|love|happiness|cancer|yoga|coffee|beer|the pyramids|the Bible|basketball|opera|taxes|a marathon|calculus|dinosaurs|vaccines|relativity|the universe|dark matter|the brain|rock music|tennis|sushi|the moon landing|capitalism|the Titanic|Star Wars|the Big Bang|lightning|nuclear power|volcanoes|the printing press|impressionism|insomnia|a good life|the meaning of life|kubernetes|a visa|a mortgage",
    "PERSON": "Napoleon|Albert Einstein|Mozart|Cleopatra|Shakespeare's wife|Marie Curie|Gandhi|Picasso|Julius Caesar|Beethoven|Newton|Aristotle|Taylor Swift|Messi|Darwin|Queen Victoria|Plato|Bach|Lincoln|Michael Jordan|Kant|Galileo|Obama|Freud|Elvis|Frida Kahlo|Columbus|my sister|my boss|Alan Turing|Ada Lovelace|Nietzsche|Madonna|Mandela|Tolstoy|Hannibal|my grandmother|John Smith",
    "PLACE": "France|Germany|Japan|Texas|California|Bavaria|London|Paris|Siberia|New York|Chicago|Hamburg|Milan|Sydney|Mumbai|Florida|Tuscany|Scotland|Hawaii|Istanbul|Shanghai|Barcelona|Munich|Boston|Antarctica|the Alps|Venice|Kenya|Brazil|Lyon|Toronto",
    "COMPANY": "Apple|Google|Tesla|Siemens|Amazon|Toyota|Nokia|Microsoft|Lego|Ikea|Nestle|Boeing|Sony|Samsung|Volkswagen|Netflix|Spotify|Airbus|Pepsi",
    "OBJECT": "car|bicycle|guitar|kitchen|garden|laptop|phone|shirt|chair|roof|window|cake|pizza|boat|camera|house|piano|bag|shoe|lamp|sofa|tent|knife|soup|engine|printer|novel|carpet|wallet|fridge|drum|violin|horse|budget plan|radio|cup|hat|table|door|wall|bridge|ticket|suit|tyre",
    "ADJ": "red|big|small|old|new|cheap|wooden|funny|sad|broken|strange|beautiful|warm|cold|lucky|ugly|famous|heavy|empty|sharp|lazy|brave|quiet|loud|round|purple|sleepy|wild|modern|ancient|healthy|tasty|sour|simple|dirty|golden",
    "FOOD": "sourdough bread|bread|soup|rice|spaghetti|a cake|pancakes|an omelette|cheese|chicken|potatoes|apple pie|tea|curry|tofu|salad|a steak|fish|lentils|chocolate|butter|cookies|a sandwich|wine|noodles|beans|eggs|ice cream|jam|porridge",
    "VERB": "cook|repair|paint|build|sell|buy|clean|learn|drive|fix|bake|plant|understand|play|win|grow|cut|move|install|teach|plan|visit|avoid|design|write|draw|sing|throw|catch|carry|explain|open|measure|produce|wash|swim|travel|invest|sleep|dance|eat|drink|smoke",
    "LANGUAGE": "German|French|Latin|Spanish|Chinese|Japanese|Russian|Dutch|Greek|Arabic|Turkish|Polish",
    "YEAR": "1492|1789|1914|1969|2001|2019|2024|1066|1848|1990|1933|2010|44 BC|1871|2022",
}
_SYLLABLES = "ba be bo bra ca ce cho da de dro el fa fi flo ga gli go ha hu in jo ka kri la le lo ma me mi mo na ne no or pa pe pli ra re ri ro sa se shi so ta te ti tra u va vi wo xa ye za zu".split()  # noqa: SIM905 - a table of words


def made_up_word(rng: random.Random) -> str:
    """Return a word that nobody has heard before."""
    return "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(2, 4))) + rng.choice(
        ("", "n", "s", "r", "t", "x")
    )


def unknown_question(rng: random.Random) -> str:
    """Return a question from outside what the model knows."""
    text = rng.choice(_FORMS)
    while "{" in text:
        start = text.index("{")
        end = text.index("}", start)
        text = text[:start] + rng.choice(text[start + 1 : end].split("|")) + text[end + 1 :]
    while "MASH" in text:
        letters = rng.choices("asdfghjklqwertyuiop", k=rng.randint(3, 7))
        text = text.replace("MASH", "".join(letters), 1)
    while "WORD" in text:
        text = text.replace("WORD", made_up_word(rng), 1)
    for slot, choices in _WORDS.items():
        while slot in text:
            text = text.replace(slot, rng.choice(choices.split("|")), 1)
    return text[:1].upper() + text[1:]


def big_sum(rng: random.Random) -> str:
    """Return a sum that is beyond the model."""
    left = rng.choice((rng.randint(2, 40), rng.randint(21, 99), rng.randint(100, 9999)))
    right = rng.choice((rng.randint(2, 40), rng.randint(21, 99), rng.randint(100, 9999)))
    ask = rng.choice(("What is ", "How much is ", "Calculate ", "", "Work out ", "What's "))
    if left + right > 20:
        sign = rng.choice((" plus ", "+", " + ", " and ", " plus ", "+"))
    else:
        sign = rng.choice((" divided by ", "/", " / ", " to the power of "))
    if max(left, right) > 20 and rng.random() < 0.5:
        sign = rng.choice(
            (" minus ", " - ", "-", " times ", " * ", "*", " divided by ", "/", " x ")
        )
    return f"{ask}{left}{sign}{right}?"
