"""Codes of models: manifests and their files."""

from opengradient.errors._codes._code import Code

_ELSEWHERE = "Do not use this model; fetch it again, or from somewhere else."

TABLE: dict[str, Code] = {
    "model.malformed": Code("The manifest is not in its one form.", _ELSEWHERE),
    "model.path": Code(
        "A manifest names a file that would not be safe on every system.",
        "If it is your model, rename the file: no drive letters, no `..`, no two names that differ "
        "in case only.",
    ),
    "model.chunks": Code("A list of chunks has not as many as the file.", _ELSEWHERE),
    "model.chunk_root": Code("A list of chunks is not that of the file.", _ELSEWHERE),
}
