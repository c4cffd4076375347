"""Words of verifiable inference: each is ``(term, plural or "", answer)``."""

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
