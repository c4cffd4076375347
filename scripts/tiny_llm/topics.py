"""What the tiny model knows about verifiable inference: definitions, then questions of their own.

Each definition is ``(term, plural or "", answer)``; each question is ``(pattern, answer, ...)``
where every answer is a right one.
"""

DEFINITIONS: tuple[tuple[str, str, str], ...] = (
    (
        "a receipt",
        "receipts",
        "A receipt is a signed statement by a node about one inference: which model, which request and which answer belong together, and when.",
    ),
    (
        "verifiable inference",
        "",
        "Verifiable inference means that every answer of a model comes with evidence that you can check yourself: which model, which prompt and which answer.",
    ),
    (
        "OpenGradient",
        "",
        "OpenGradient is a network and a Python library that make AI inference verifiable: every answer is signed, checked before you see it, and settled on a ledger.",
    ),
    (
        "an enclave",
        "enclaves",
        "An enclave is a protected part of a computer. Its memory is shut off from the rest of the machine, and the hardware can tell which code runs in it.",
    ),
    (
        "a trusted execution environment",
        "trusted execution environments",
        "A trusted execution environment, or TEE, is hardware that runs code shut off from the rest of the machine and can prove which code it runs.",
    ),
    (
        "a TEE",
        "TEEs",
        "A trusted execution environment, or TEE, is hardware that runs code shut off from the rest of the machine and can prove which code it runs.",
    ),
    (
        "attestation",
        "",
        "Attestation is how an enclave shows which code it runs: the hardware signs a document with the measurement of the code and the keys of the enclave.",
    ),
    (
        "remote attestation",
        "",
        "Attestation is how an enclave shows which code it runs: the hardware signs a document with the measurement of the code and the keys of the enclave.",
    ),
    (
        "an attestation document",
        "attestation documents",
        "An attestation document is signed by the hardware. It names the code that runs in the enclave and binds the keys that the enclave uses.",
    ),
    (
        "evidence",
        "",
        "Evidence is what makes a signing key trustworthy: an attestation document that binds the key to the code that runs in an enclave.",
    ),
    (
        "a measurement",
        "measurements",
        "A measurement is a hash of the code that an enclave was started with. If the code changes, the measurement changes.",
    ),
    (
        "a PCR",
        "PCRs",
        "A PCR is a register that holds a measurement: a hash of the code that was loaded. You compare it with the value that you expect.",
    ),
    (
        "a trust policy",
        "trust policies",
        "A trust policy says which roots, measurements and ages you accept. What does not meet the policy is refused.",
    ),
    (
        "a verdict",
        "verdicts",
        "A verdict is a list of claims about an answer. Each claim is proven, asserted or absent, and names its source.",
    ),
    (
        "a claim",
        "claims",
        "A claim is one sentence about an answer, such as which model made it. In a verdict each claim is proven, asserted or absent.",
    ),
    (
        "a ledger",
        "ledgers",
        "A ledger is a record that many parties keep and that nobody can rewrite in secret. Roots of receipts are written on it.",
    ),
    (
        "a blockchain",
        "blockchains",
        "A blockchain is a ledger made of blocks. Each block holds the hash of the block before it, so old entries cannot be changed in secret.",
    ),
    (
        "a block",
        "blocks",
        "A block is a group of transactions that enter the ledger together. It holds the hash of the block before it.",
    ),
    (
        "a smart contract",
        "smart contracts",
        "A smart contract is a program on a ledger. Everyone can see its code, and every node runs it in the same way.",
    ),
    (
        "settlement",
        "",
        "Settlement is the way of a receipt to the ledger: it becomes a leaf of a Merkle tree, and the root of the tree is anchored. Answers never wait for it.",
    ),
    (
        "a Merkle tree",
        "Merkle trees",
        "A Merkle tree is a tree of hashes. Each parent is the hash of its children, so one root stands for all the leaves.",
    ),
    (
        "a Merkle root",
        "Merkle roots",
        "A Merkle root is the hash at the top of a Merkle tree. If any leaf changes, the root changes.",
    ),
    (
        "a Merkle proof",
        "Merkle proofs",
        "A Merkle proof is the list of hashes on the way from a leaf to the root. With it you can check that the leaf is in the tree.",
    ),
    (
        "an inclusion proof",
        "inclusion proofs",
        "An inclusion proof shows that a receipt is in a batch: the hashes that lead from its leaf to the anchored root.",
    ),
    (
        "a leaf",
        "leaves",
        "A leaf is the lowest node of a Merkle tree. Here each leaf is the digest of one receipt.",
    ),
    (
        "a batch",
        "batches",
        "A batch is a group of receipts that settle together under one Merkle root, which makes settlement cheap.",
    ),
    (
        "anchoring",
        "",
        "Anchoring means writing a Merkle root on the ledger. From then on nobody can change the receipts below it unseen.",
    ),
    (
        "a hash",
        "hashes",
        "A hash is a short fingerprint of data. The same data always gives the same hash, and other data gives another one.",
    ),
    (
        "a hash function",
        "hash functions",
        "A hash function turns data of any length into a short fingerprint. Nobody can find two inputs with the same output in practice.",
    ),
    (
        "a digest",
        "digests",
        "A digest is the output of a hash function: a short fingerprint of data.",
    ),
    (
        "a digital signature",
        "digital signatures",
        "A digital signature is made with a private key and checked with the public key. It shows who signed and that nothing was changed.",
    ),
    (
        "a signature",
        "signatures",
        "A digital signature is made with a private key and checked with the public key. It shows who signed and that nothing was changed.",
    ),
    (
        "a public key",
        "public keys",
        "A public key is the half of a key pair that everyone may know. With it you check signatures.",
    ),
    (
        "a private key",
        "private keys",
        "A private key is the secret half of a key pair. Whoever has it can sign, so an enclave never lets its key out.",
    ),
    (
        "a signing key",
        "signing keys",
        "A signing key is the private key with which a node signs receipts. It is made in the enclave and never leaves it.",
    ),
    (
        "a nonce",
        "nonces",
        "A nonce is a number that is used once. It shows that an answer is fresh and not an old one that was sent again.",
    ),
    (
        "a salt",
        "salts",
        "A salt is random data that is hashed together with a value, so that nobody can guess a short value from its hash.",
    ),
    (
        "a commitment",
        "commitments",
        "A commitment is a hash that fixes a value without showing it. Later the value can be shown and compared with the hash.",
    ),
    (
        "encryption",
        "",
        "Encryption turns a message into bytes that only the holder of the right key can read.",
    ),
    (
        "a zero-knowledge proof",
        "zero-knowledge proofs",
        "A zero-knowledge proof shows that a statement is true, for example that a model was run correctly, without showing the secret inputs.",
    ),
    (
        "ZKML",
        "",
        "ZKML means proving with zero-knowledge proofs that a machine learning model was run correctly. It is slow, so it suits small models.",
    ),
    (
        "EIP-712",
        "",
        "EIP-712 is a standard for signing structured data, so that any Ethereum wallet or contract can check the signature.",
    ),
    (
        "canonical JSON",
        "",
        "Canonical JSON is JSON written in exactly one way, so that equal values always give equal bytes and equal hashes.",
    ),
    (
        "a preimage",
        "preimages",
        "A preimage is the data that was hashed. If you have it, you can hash it again and compare.",
    ),
    (
        "TLS",
        "",
        "TLS is the protocol that encrypts connections on the web. Here the client also checks that the TLS key belongs to the enclave.",
    ),
    (
        "an attested channel",
        "attested channels",
        "An attested channel is an encrypted connection whose key is bound to an enclave by its attestation document.",
    ),
    (
        "OHTTP",
        "",
        "OHTTP, or oblivious HTTP, sends encrypted requests through a relay: the relay sees who you are, the server sees what you ask, and nobody sees both.",
    ),
    (
        "a relay",
        "relays",
        "A relay passes encrypted requests on. It sees who asks but not what is asked.",
    ),
    (
        "x402",
        "",
        "x402 is a way to pay for web requests: the server answers with status 402 and an offer, and the client repeats the request with a signed payment.",
    ),
    (
        "a budget",
        "budgets",
        "A budget is the most that you allow to be spent. A request that would cost more is refused before it is sent.",
    ),
    (
        "a payment",
        "payments",
        "A payment pays for an inference. It is signed by the client and named in the receipt.",
    ),
    (
        "an outbox",
        "outboxes",
        "An outbox is a durable queue on a node. A receipt that was handed out waits there until it is settled, even if the node restarts.",
    ),
    (
        "a node",
        "nodes",
        "A node is a server of the network. Some nodes run models, and full nodes check receipts and settle them.",
    ),
    (
        "a full node",
        "full nodes",
        "A full node checks every receipt, puts it in a Merkle tree, stores the batch and anchors the root on the ledger.",
    ),
    (
        "a proxy node",
        "proxy nodes",
        "A proxy node runs in an enclave, passes requests on to a model provider and signs a receipt for each answer.",
    ),
    (
        "an inference node",
        "inference nodes",
        "An inference node runs a model and signs a receipt for each answer.",
    ),
    (
        "the node registry",
        "node registries",
        "The node registry is a contract that lists nodes with their keys, endpoints and evidence. It is for finding nodes; clients check the evidence themselves.",
    ),
    (
        "a model root",
        "model roots",
        "A model root is one hash that stands for all files of a model. With it you can check that the model served is the model uploaded.",
    ),
    (
        "a devnet",
        "devnets",
        "A devnet is a whole network on one machine, for development. Its enclaves are made of software only, so it proves nothing about hardware.",
    ),
    (
        "a testnet",
        "testnets",
        "A testnet is a network for trying things out. Its money has no value.",
    ),
    ("gas", "", "Gas is the fee unit of a ledger: every step of a smart contract costs gas."),
    ("consensus", "", "Consensus is how the nodes of a ledger agree on the next block."),
    (
        "finality",
        "",
        "Finality means that a block will not be taken back. A settlement is final when its block is.",
    ),
    (
        "decentralised storage",
        "",
        "Decentralised storage keeps data on many servers, and names it by its hash, so that nobody can change it unseen.",
    ),
    (
        "a blob",
        "blobs",
        "A blob is a piece of data in storage. Its name is derived from its content, so you can check what you get.",
    ),
    (
        "MemSync",
        "",
        "MemSync keeps memories for chatbots. Each memory names the turn and the verified call that it came from.",
    ),
    (
        "a model hub",
        "model hubs",
        "A model hub is a place where owners upload models and others find and run them.",
    ),
    (
        "a language model",
        "language models",
        "A language model is a program that predicts the next word of a text. It learns this from many examples.",
    ),
    (
        "an LLM",
        "LLMs",
        "An LLM is a large language model: a network with billions of numbers that predicts the next word of a text.",
    ),
    (
        "a neural network",
        "neural networks",
        "A neural network is a program of many simple sums with adjustable numbers. Training sets the numbers from examples.",
    ),
    (
        "a transformer",
        "transformers",
        "A transformer is a kind of neural network. With attention, each word looks back at the words before it.",
    ),
    (
        "attention",
        "",
        "Attention lets a model weigh the earlier words of a text and take from them what it needs for the next word.",
    ),
    ("inference", "", "Inference means running a trained model on an input to get an answer."),
    (
        "training",
        "",
        "Training means adjusting the numbers of a model, step by step, until it predicts its examples well.",
    ),
    ("a prompt", "prompts", "A prompt is the text that you give to a model."),
    (
        "a token",
        "tokens",
        "A token is a piece of text, a word or a part of one. Models read and write tokens.",
    ),
    (
        "a tokenizer",
        "tokenizers",
        "A tokenizer cuts text into tokens and turns tokens back into text.",
    ),
    (
        "temperature",
        "",
        "Temperature sets how much chance there is in the answer. At zero the model always takes the most likely token.",
    ),
    (
        "an embedding",
        "embeddings",
        "An embedding is a list of numbers that stands for a text. Texts with like meaning get like numbers.",
    ),
    (
        "a weight",
        "weights",
        "Weights are the numbers of a model that training sets. They are all that the model knows.",
    ),
    (
        "safetensors",
        "",
        "Safetensors is a file format for weights. It holds only numbers and no code, so it is safe to load.",
    ),
    (
        "a parameter",
        "parameters",
        "A parameter of a model is one of its numbers. I have about two million of them; large models have billions.",
    ),
    (
        "a hallucination",
        "hallucinations",
        "A hallucination is an answer that sounds right but is false. A receipt shows who gave an answer, not that it is true.",
    ),
    (
        "streaming",
        "",
        "Streaming means that an answer arrives piece by piece. The last event has the receipt, and a stream without it is refused.",
    ),
    (
        "a replay attack",
        "replay attacks",
        "In a replay attack someone sends an old message again. A fresh nonce in each request makes that visible.",
    ),
    ("a provider", "providers", "A provider is a company or a server that runs models for others."),
    (
        "an API key",
        "API keys",
        "An API key is a secret that tells a service who you are. I need none.",
    ),
    (
        "an agent",
        "agents",
        "An agent is a program that uses a language model to decide what to do next.",
    ),
    ("Python", "", "Python is a programming language that is known for clear and simple code."),
    (
        "open source",
        "",
        "Open source means that everyone may read, use and change the code of a program.",
    ),
)

QUESTIONS: tuple[tuple[str, ...], ...] = (
    (
        "{What|What exactly} {does|can|will|would} {a|the|this|my|each|one} receipt {prove|show|tell me|say|guarantee|demonstrate}?",
        "A receipt proves which model, which request and which answer belong together, and which key signed for them. It does not prove that the answer is true.",
    ),
    (
        "{What do|What can} {receipts|these receipts|the receipts} {prove|show|tell me|guarantee}?",
        "A receipt proves which model, which request and which answer belong together, and which key signed for them. It does not prove that the answer is true.",
    ),
    (
        "{What is proven by|What is shown by|What do I learn from|What can I learn from} {a receipt|the receipt|receipts|my receipt}?",
        "A receipt proves which model, which request and which answer belong together, and which key signed for them. It does not prove that the answer is true.",
    ),
    (
        "What {does|can} {a receipt|the receipt|a signed receipt} not {prove|show|guarantee}?",
        "A receipt does not prove that an answer is true or wise. It shows where the answer came from and that nobody changed it.",
    ),
    (
        "{What is not proven by|What are the limits of} {a receipt|receipts|the receipt}?",
        "A receipt does not prove that an answer is true or wise. It shows where the answer came from and that nobody changed it.",
    ),
    (
        "{Does|Can|Will} {a|the|this} receipt {prove|show|mean|guarantee} that {the|an|this|your} answer is {true|right|correct}?",
        "No. A receipt shows where an answer came from and that nobody changed it, but not that the answer is true.",
    ),
    (
        "{What is in|What does it say in|What stands in|What is inside|What is inside of|What is written in} {a|the|my} receipt?",
        "A receipt binds the request, the answer, the model, the time, the price, the node and its key, and the receipt before it.",
    ),
    (
        "What does {a|the} receipt {contain|include|hold|bind}?",
        "A receipt binds the request, the answer, the model, the time, the price, the node and its key, and the receipt before it.",
    ),
    (
        "{How do I|How can I|How does one|How do you|How do we|How can anyone} {check|verify|validate|test} {a|the|my|this} receipt{| myself| offline}?",
        "Take the receipt file and run the verifier. It checks the signature, the evidence, the request, the answer and the inclusion proof, all without a network.",
    ),
    (
        "{Who|Which people} {can|may|is able to} {check|verify|validate} {a receipt|receipts|the receipt|my receipt}?",
        "Anyone can check a receipt. It needs no secret, only the receipt file and a trust policy.",
    ),
    (
        "{Can I|Is it possible to|May I|Could I} {check|verify} {a receipt|receipts|the receipt|my receipt} {offline|without a network|without the internet}?",
        "Yes. A receipt file holds all that the check needs, so it works offline, even years later.",
    ),
    (
        "{Who|What} {signs|signed|makes|issues|creates|writes} {a receipt|receipts|the receipt|the receipts}?",
        "The node that gave the answer signs the receipt, with a key that was made in its enclave.",
    ),
    (
        "{Can|Could} {someone|anyone|a node|an attacker|I} {forge|fake|change|alter|tamper with} {a receipt|receipts|the receipt}?",
        "Not unseen. A changed receipt fails the signature check, and only the enclave has the key to make a new one.",
    ),
    (
        "{What happens|What if|What happens if|What would happen if} {someone changes|I change|a node changes|anybody changes} {a receipt|the receipt|one bit of a receipt|the answer|an answer}?",
        "Then the check fails. A signature fits only the exact bytes that were signed, so even one changed bit shows.",
    ),
    (
        "{How long|For how long} {is|does} {a|the|my} receipt {valid|good|last}?",
        "A receipt does not expire. It can be checked years later, even after its node was shut down.",
    ),
    (
        "{Why do I need|Why are there|Why do we need|Why should I care about|What is the use of|What is the purpose of|What is the point of|What are} {receipts|a receipt}{| good for}?",
        "Receipts let you show later which model gave which answer to which request. Without them you have only someone's word.",
    ),
    (
        "{When|At what time} {is|does} {a|the|my} receipt {settled|settle}?",
        "A receipt settles after the answer, in a batch with others. You never wait for it, and none is lost.",
    ),
    (
        "{Why|For what reason} {is|should} {inference|AI|AI inference|an answer|a model} {verified|be verified|be verifiable|be checked|checked}?",
        "Because otherwise you cannot know which model answered, or whether the prompt or the answer was changed on the way.",
    ),
    (
        "Why {does verification matter|is verification important|is verifiable inference important|does verifiable inference matter|do we need verifiable inference|do I need verifiable inference|should I verify an answer}?",
        "Because otherwise you cannot know which model answered, or whether the prompt or the answer was changed on the way.",
    ),
    (
        "How does {verifiable inference|OpenGradient|this network|this|the network|the system|it all} work?",
        "A node runs your request in an enclave and signs a receipt. Your client checks it before it shows the answer, and later the receipt is settled on a ledger.",
    ),
    (
        "{What is checked|What does the client check|What is verified|What does the client verify} {before I see the answer|first|before an answer is shown}?",
        "The client checks the evidence of the enclave, the signature, the request, the answer and the model, and only then shows the answer.",
    ),
    (
        "{What happens if|What if|What happens when} {the check|a check|verification|the verification} fails?",
        "Then you get an error that names the failed check, and never the answer. Nothing is downgraded in silence.",
    ),
    (
        "{What happens if|What if|What happens when} {a|the} node {lies|cheats|is dishonest|is evil}?",
        "Then its receipt does not pass the check, and you do not see the answer. A signed lie is also evidence against the node.",
    ),
    (
        "{How do I know|How can I know|How can I be sure|How do I find out} which model {answered|answered me|was used|I am talking to|made the answer}?",
        "Look at the verdict. It says which model was served and whether that is proven or only asserted.",
    ),
    (
        "{Can|Could} {a|the} {node|provider|server} {swap|change|replace} the model{| unseen| in secret}?",
        "The receipt names the model that was served, so a swap by the node shows. What a provider does behind its own door is asserted, not proven.",
    ),
    (
        "What is the difference between {proven and asserted|asserted and proven}?",
        "Proven means that you checked it with evidence. Asserted means that someone says so and signed for it.",
    ),
    (
        "What does {proven|it mean that a claim is proven} mean?",
        "Proven means that the evidence was checked and shows the claim, so you need not trust anyone's word.",
    ),
    (
        "What does {asserted|it mean that a claim is asserted} mean?",
        "Asserted means that someone says so and signed for it, but that there is no proof.",
    ),
    (
        "What does {absent|it mean that a claim is absent} mean?",
        "Absent means that there is no evidence for the claim, and nobody says so either.",
    ),
    (
        "{How does|How do} {a Merkle tree|Merkle trees} work?",
        "Hash every leaf, then hash the hashes in pairs, and go on until one hash is left. That one is the root.",
    ),
    (
        "{Why|For what} {do you use|are there|do we use|use|does the network use|do we need} {a Merkle tree|Merkle trees}?",
        "With a Merkle tree one root on the ledger stands for many receipts, so that settling each one costs very little.",
    ),
    (
        "{How does|How do} {an enclave|enclaves|a TEE} work?",
        "The processor keeps the memory of the enclave apart and encrypted, measures the code when it starts, and signs that measurement on demand.",
    ),
    (
        "{Why|For what reason} {do you use|are there|do we use|use|does the network use|do we need|do I need|do nodes use} {an enclave|enclaves|a TEE}?",
        "An enclave keeps the operator of a machine from reading your prompt or changing the answer, and it can show which code it runs.",
    ),
    (
        "{How does|How do} {attestation|remote attestation} work?",
        "The enclave asks the hardware for a signed document with its measurement, its keys and your nonce. You check it against the root key of the maker.",
    ),
    (
        "{Why|For what reason} {do you use|do we use|use|does the network use|do we need|does it need} a {ledger|blockchain}?",
        "A ledger makes it impossible to remove or change receipts later in secret. Everyone sees the same roots.",
    ),
    (
        "{Do I|Must I|Does an answer|Do answers} {have to wait|need to wait|wait} for {a block|the ledger|the blockchain|settlement}?",
        "No. Inference never waits for a block. The receipt settles afterwards.",
    ),
    (
        "{Is my prompt|Is my question|Is my request|Are my prompts|Are my questions} {private|secret|public|stored|published}?",
        "Only hashes with salt go on the ledger, unless you ask for more. In private mode not even the hashes leave the node.",
    ),
    (
        "{What are the|Which} settlement modes{| are there| exist}?",
        "There are three: private, batch hashed, which is the default, and individual full, which publishes everything.",
    ),
    (
        "{How much does|What does} {an inference|it|a request|a receipt|an answer} cost?",
        "The price stands in the offer of the node before you pay and in the receipt afterwards. On the demo network it is play money.",
    ),
    (
        "{How do I|How can I} {pay|pay for an answer|pay for inference|make a payment}?",
        "The node makes an offer, your client checks it against your budget and signs a payment, and the receipt names it.",
    ),
    (
        "{Can|Could} {a receipt|receipts|my receipt|the receipt} {be lost|get lost|disappear}?",
        "No. A node keeps each receipt in a durable outbox until it is settled, even if the node is killed.",
    ),
    (
        "{Which|What} {enclaves|TEEs|hardware|kinds of enclaves|attestation formats} {do you support|are supported|can be used|does OpenGradient support|does it support}?",
        "AWS Nitro, Intel TDX and AMD SEV-SNP, and for development a software enclave that proves nothing about hardware.",
    ),
    (
        "{How do I|How can I} {start|run|try|start the demo|run the demo|try the demo|see the demo|begin|get started}?",
        "Clone the repository and run make demo. It starts a whole network on your machine, asks a question and checks the receipt.",
    ),
    (
        "{How do I|How can I} {install|get} {OpenGradient|the library|it}?",
        "Clone the repository and run make setup. Then import opengradient in Python.",
    ),
    (
        "What {does|will} the demo {do|show}?",
        "The demo starts a network on your machine, asks a model a question, checks the receipt, and settles it on a ledger.",
    ),
    (
        "{Does|Do} {the demo|the devnet|a software enclave} {prove|need} {real hardware|anything about hardware|hardware}?",
        "No. The demo uses a software enclave. All checks are real, but the hardware root is one of our own.",
    ),
    (
        "{Which|What} {licence|license} {does OpenGradient have|does the library have|is the code under|is it under}?",
        "The code is under the Apache 2.0 licence.",
    ),
    (
        "{What is the difference between|What distinguishes} {a hash and a signature|a signature and a hash}?",
        "A hash shows that data was not changed. A signature shows that too, and also who signed it.",
    ),
    (
        "{What is the difference between|What distinguishes} {a TEE and a zero-knowledge proof|TEE and ZK|a zero-knowledge proof and an enclave}?",
        "With an enclave you trust the maker of the hardware. With a zero-knowledge proof you trust only mathematics, but it is far slower.",
    ),
    (
        "{How do I|How can I} {check|verify} {a|the|my} {signature|digital signature}?",
        "Hash the message, then check the signature with the public key of the signer. It fits or it does not.",
    ),
    (
        "{How do I|How can I} {check|verify} {a|the} {Merkle proof|inclusion proof}?",
        "Start with the leaf, hash it with each hash of the proof in turn, and compare the result with the anchored root.",
    ),
    (
        "{Can|Should} {I|we} trust {a node|the node|the nodes|you|a model|the model|this answer|your answer}?",
        "Do not trust, verify. Check the receipt, and remember that a model can be wrong even when its receipt is right.",
    ),
    (
        "{Who|What} {checks|verifies} {the receipts|receipts|receipts on the network}?",
        "Your client checks each receipt before it shows the answer, and the full nodes check it again before they settle it.",
    ),
    (
        "{What is the difference between|What distinguishes} {training and inference|inference and training}?",
        "Training sets the numbers of a model from examples. Inference runs the finished model on an input.",
    ),
    (
        "{How does|How do} {a language model|language models|an LLM|LLMs|you} work?",
        "A language model reads the text so far and predicts the next token, again and again, until the answer is complete.",
    ),
    (
        "{Why|When} {do|can|could|may} {language models|LLMs|models} {make mistakes|be wrong|hallucinate|lie}?",
        "A model predicts likely words. It has no sense of truth, so likely words can be false.",
    ),
)
