"""Codes of models: manifests and their files."""

from opengradient.errors._codes._code import Code

_ELSEWHERE = "Do not use this model; fetch it again, or from somewhere else."

_TENSOR = "Write tensors with opengradient.core.tensors, or check what wrote them."

TABLE: dict[str, Code] = {
    "model.malformed": Code("The manifest is not in its one form.", _ELSEWHERE),
    "model.path": Code(
        "A manifest names a file that would not be safe on every system.",
        "If it is your model, rename the file: no drive letters, no `..`, no two names that differ "
        "in case only.",
    ),
    "model.chunks": Code("A list of chunks has not as many as the file.", _ELSEWHERE),
    "model.chunk_root": Code("A list of chunks is not that of the file.", _ELSEWHERE),
    "tensor.header": Code("The header of tensors is not in its one form.", _TENSOR),
    "tensor.dtype": Code("A tensor has a type that nobody knows.", _TENSOR),
    "tensor.shape": Code("A tensor has a shape that no tensor has.", _TENSOR),
    "tensor.size": Code("A tensor's data does not fill its shape.", _TENSOR),
    "tensor.value": Code("A tensor has a value that its type does not have.", _TENSOR),
    "tensor.canonical": Code(
        "Tensors are written in another way than their one encoding.", _TENSOR
    ),
}
