"""Codes of inference with models of the Hub: tensors, engines, workers."""

from opengradient.errors._codes._code import Code

_YOURS = "Compare your arrays with the model's signature: `model_info(...).inputs`."
_MODEL = "Export the model again; see docs/guides for what is taken."

TABLE: dict[str, Code] = {
    "request.mode": Code(
        "The node does not make inferences that are checkable in this way.",
        "Ask for InferenceMode.TEE or InferenceMode.VANILLA.",
    ),
    "inference.unknown_model": Code(
        "No node that was asked has this model.",
        "Give its root as 64 hex digits, or a name that `await alpha.models()` lists.",
    ),
    "inference.ambiguous": Code(
        "Several models have this name.", "Give the root: the message lists them."
    ),
    "inference.names": Code("Inputs are missing or unknown.", _YOURS),
    "inference.dtype": Code("An array has another type than the model takes.", _YOURS),
    "inference.shape": Code("An array has another shape than the model takes.", _YOURS),
    "inference.not_finite": Code(
        "An array holds NaN or an infinity.",
        "Clean the data; a model's answer to NaN means nothing.",
    ),
    "inference.failed": Code(
        "The engine could not run the model on these inputs.", "Try other inputs, or ask the owner."
    ),
    "inference.worker": Code(
        "The process that ran the model died, for example for want of memory.",
        "Try again; if it stays so, use a node with more memory.",
    ),
    "inference.timeout": Code(
        "The model did not finish in the node's time.", "Send less at once, or use another node."
    ),
    "inference.no_engine": Code(
        "The engine for this model's format is not installed.",
        "Install it on the node: `pip install 'opengradient[models]'`.",
    ),
    "inference.format": Code("No engine of this node runs models of this format.", _MODEL),
    "model.bytes": Code(
        "A file does not have the bytes that the manifest names; it was not loaded.",
        "Fetch the model again; if it stays so, do not use where it came from.",
    ),
    "model.signature": Code(
        "A manifest tells of other inputs or outputs than the file has; it is not served.",
        "Make the manifest again from the file.",
    ),
    "model.onnx": Code("The file is no valid ONNX model.", _MODEL),
    "model.external_data": Code(
        "The ONNX model keeps its weights in other files, which could lie anywhere.",
        "Save it as one file: `onnx.save(model, path)` without external data.",
    ),
    "model.custom_op": Code(
        "The ONNX model uses operators that are not ONNX's.",
        "Export it with standard operators: custom ones are code that nobody checked.",
    ),
}
