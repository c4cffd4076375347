"""Codes of provider keys that are sealed to an enclave (core/sealed_keys)."""

from opengradient.errors._codes._code import Code

_AGAIN = "Seal the keys anew with `opengradient node seal-keys`."

TABLE: dict[str, Code] = {
    "node.no_keys": Code(
        "The node waits for its operator to seal provider keys to it.",
        "Ask another node. If you run it: opengradient node seal-keys.",
    ),
    "keys.malformed": Code("Not a set of provider keys, or not a sealed one.", _AGAIN),
    "keys.file": Code(
        "The file with the provider keys cannot be used.",
        'It is a JSON object such as {"openai": "..."}, readable by its owner only (mode 600).',
    ),
    "keys.environment": Code(
        "Provider keys stand in the environment of a node that takes sealed ones only.",
        "Remove them: whoever starts the enclave can read its environment.",
    ),
    "keys.no_operator": Code(
        "The node takes sealed keys, and its configuration names nobody who may seal them.",
        "Set OPENGRADIENT_OPERATOR to the operator's address, and OPENGRADIENT_OHTTP to true.",
    ),
    "keys.not_sealed": Code(
        "The node takes its provider keys from the environment, not sealed ones.",
        "Set OPENGRADIENT_PROVIDER_KEYS=sealed and restart it.",
    ),
    "keys.unmeasured": Code(
        "The policy takes any code, and keys are sealed to known code only.",
        "Name the node's measurement in the policy, or say --unsafe-any-measurement.",
    ),
    "keys.address": Code(
        "The node would send a key to another address than its provider's.",
        "Look at the address. If you mean it, say --address NAME=URL.",
    ),
    "keys.no_hpke": Code("The evidence binds no HPKE key to seal to.", "Switch ohttp on."),
    "keys.node": Code("The keys were sealed for another node.", _AGAIN),
    "keys.operator": Code(
        "The keys were not signed by the operator that the attested configuration names.",
        "Use the operator's key; the configuration is shown by `opengradient node inspect`.",
    ),
    "keys.expired": Code("The sealed keys came too late.", _AGAIN),
    "keys.horizon": Code("The sealed keys would be good for too long.", _AGAIN),
    "keys.sequence": Code(
        "The sealed keys are not newer than those that the node has.",
        "Seal them with a higher --sequence; by default it is the time in milliseconds.",
    ),
    "keys.unopened": Code(
        "The sealed keys cannot be opened with the node's HPKE key.",
        "The key may have rotated since: seal them anew.",
    ),
    "keys.provider": Code(
        "A key is for a provider that the attested configuration does not name.",
        "Leave it out, or configure the provider's address and restart the node.",
    ),
}
