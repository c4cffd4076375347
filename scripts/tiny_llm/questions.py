"""Questions about verifiable inference: each is ``(pattern, answer, ...)``, every answer a right one."""

QUESTIONS: tuple[tuple[str, ...], ...] = (
    (
        "{Why|For what} {should I use|do people use|would I use|do I need|should anyone use} {OpenGradient|this library|this network|it}?",
        "With OpenGradient you can show later which model gave which answer to which request, and you need not trust anyone's word for it.",
    ),
    (
        "{How does|How do} {a Merkle proof|Merkle proofs|an inclusion proof|inclusion proofs} work?",
        "Start with the leaf, hash it with each hash of the proof in turn, and compare the result with the anchored root.",
    ),
    (
        "{How does|How do} {a zero-knowledge proof|zero-knowledge proofs|ZKML} work?",
        "The computation is written as equations. The prover shows that it knows numbers that solve them, without showing the numbers.",
    ),
    (
        "{How does|How do} {a signature|signatures|a digital signature|digital signatures} work?",
        "The signer hashes the message and signs the hash with the private key. Anyone can check the result with the public key.",
    ),
    (
        "{How does|How do} {settlement|receipts settle|a receipt settle} work?",
        "Receipts wait in the outbox, become leaves of a Merkle tree, and the root of the tree is written on the ledger.",
    ),
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
