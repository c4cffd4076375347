"""Every mutant of a source file: one small change each, made on the syntax tree."""

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.Pow: ast.Mult,
}
OTHER_CODE = "verification.failed"
"""What an error's code is changed to: a code that exists, so that only a test of the code sees it."""

Change = Callable[[ast.AST], None]


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes:
        line: Where, in the original file.
        what: The change in words.
        source: The original text of what is changed.
        function: Qualified name of the function around it; empty at module level.
        tree: The whole changed file.
        node: The changed node, in `tree`.
    """

    line: int
    what: str
    source: str
    function: str
    tree: ast.Module
    node: ast.AST


def mutants(text: str) -> Iterator[Mutant]:
    """Yield every mutant of a file.

    Messages of errors, docstrings, annotations and names are left alone: no check rests on them.
    """
    original = ast.parse(text)
    nodes = list(ast.walk(original))
    skipped = _skipped(original)
    homes = _homes(original)
    for index, node in enumerate(nodes):
        if id(node) in skipped:
            continue
        for what, change in _changes(node):
            tree = copy.deepcopy(original)
            target = next(item for i, item in enumerate(ast.walk(tree)) if i == index)
            change(target)
            ast.fix_missing_locations(tree)
            yield Mutant(
                line=getattr(getattr(node, "target", node), "lineno", 0),
                what=what,
                source=" ".join((ast.get_source_segment(text, node) or "").split())[:100],
                function=homes.get(id(node), ""),
                tree=tree,
                node=target,
            )


def _homes(tree: ast.Module) -> dict[int, str]:
    """Node to the qualified name of its innermost function, as `co_qualname` writes it."""
    homes: dict[int, str] = {}

    def visit(node: ast.AST, path: str, home: str) -> None:
        for child in ast.iter_child_nodes(node):
            inner, inside = path, home
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                inside = path + child.name
                inner = inside + ".<locals>."
            elif isinstance(child, ast.ClassDef):
                inner = path + child.name + "."
            homes[id(child)] = inside
            visit(child, inner, inside)

    visit(tree, "", "")
    return homes


def _skipped(tree: ast.Module) -> set[int]:
    skipped: set[int] = set()
    wanted: set[int] = set()
    for node in ast.walk(tree):
        for part in _unmutated(node):
            skipped.update(id(item) for item in ast.walk(part))
        if isinstance(node, ast.keyword) and node.arg == "code":
            wanted.update(id(item) for item in ast.walk(node))
    return skipped - wanted


def _unmutated(node: ast.AST) -> list[ast.AST]:
    match node:
        case ast.Raise(exc=ast.Call() as call):
            return [call]
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return [node.args, *node.decorator_list, *([node.returns] if node.returns else [])]
        case ast.ClassDef():
            return list(node.decorator_list)
        case ast.AnnAssign():
            return [node.annotation]
        case ast.JoinedStr() | ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
            return [node]
    return []


def _changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    if isinstance(node, ast.stmt):
        yield from _statement(node)
    elif isinstance(node, ast.Constant):
        yield from _constants(node.value)
    else:
        yield from _expression(node)
    if isinstance(node, ast.If | ast.IfExp):
        yield "condition -> False", _condition(value=False)
        yield "condition -> True", _condition(value=True)


def _statement(node: ast.stmt) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.While():
            yield "condition -> False", _condition(value=False)
        case ast.Raise():
            yield "remove raise", _become(lambda _: ast.Pass())
        case ast.Expr(value=ast.Call()):
            yield "remove call", _become(lambda _: ast.Pass())


def _expression(node: ast.AST) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.Compare():
            yield from _compare(node)
        case ast.BoolOp():
            yield from _boolean(node)
        case ast.UnaryOp(op=ast.Not()):
            truth = ast.Name("bool", ast.Load())
            yield "drop not", _become(lambda n: ast.Call(truth, [n.operand], []))
        case ast.BinOp() if type(node.op) in ARITHMETIC:
            other = ARITHMETIC[type(node.op)]
            yield f"{type(node.op).__name__} -> {other.__name__}", _operator(other)
        case ast.Call():
            yield from _arguments(node)
        case ast.keyword(arg="code", value=ast.Constant()):
            yield "another code", _value(ast.Constant(OTHER_CODE))
        case ast.comprehension() if node.ifs:
            yield "filter dropped", _no_filter


def _constants(value: object) -> Iterator[tuple[str, Change]]:
    match value:
        case bool():
            yield f"{value} -> {not value}", _value(not value)
        case int():
            yield f"{value} -> {value + 1}", _value(value + 1)
        case bytes() if value:
            yield "bytes changed", _value(bytes([value[0] ^ 1]) + value[1:])


def _compare(node: ast.Compare) -> Iterator[tuple[str, Change]]:
    for place, operator in enumerate(node.ops):
        other = COMPARISONS[type(operator)]

        def change(target: ast.AST, place: int = place, other: type[ast.cmpop] = other) -> None:
            target.ops[place] = other()  # type: ignore[attr-defined]

        yield f"{type(operator).__name__} -> {other.__name__}", change


def _boolean(node: ast.BoolOp) -> Iterator[tuple[str, Change]]:
    other: type[ast.boolop] = ast.Or if isinstance(node.op, ast.And) else ast.And
    yield f"{type(node.op).__name__} -> {other.__name__}", _operator(other)
    for place, operand in enumerate(node.values):
        if isinstance(operand, ast.Compare | ast.Call | ast.Name | ast.Attribute | ast.UnaryOp):

            def change(target: ast.AST, place: int = place) -> None:
                del target.values[place]  # type: ignore[attr-defined]

            yield f"drop operand: {ast.unparse(operand)[:60]}", change


def _arguments(node: ast.Call) -> Iterator[tuple[str, Change]]:
    for place, keyword in enumerate(node.keywords):
        # A required argument that is missing is a TypeError in any test, which teaches nothing;
        # what can be left out without one is worth asking about, so all of them are tried.
        if keyword.arg in {"expected", "actual", "step", "detail", "what", "code"}:
            continue

        def change(target: ast.AST, place: int = place) -> None:
            del target.keywords[place]  # type: ignore[attr-defined]

        yield f"drop argument: {keyword.arg}", change


def _become(make: Callable[..., ast.AST]) -> Change:
    """Turn a node into another kind of node in place, keeping its identity in the parent."""

    def change(target: ast.AST) -> None:
        made = make(copy.copy(target))
        place = {
            name: getattr(target, name)
            for name in ("lineno", "col_offset", "end_lineno", "end_col_offset")
        }
        target.__class__ = made.__class__
        target.__dict__.clear()
        target.__dict__.update(made.__dict__ | place)

    return change


def _operator(other: type[ast.AST]) -> Change:
    def change(target: ast.AST) -> None:
        target.op = other()  # type: ignore[attr-defined]

    return change


def _condition(*, value: bool) -> Change:
    def change(target: ast.AST) -> None:
        # The condition is still evaluated: whatever it calls may be a check of its own.
        constant = ast.Constant(value)
        pair = ast.Tuple([target.test, constant], ast.Load())  # type: ignore[attr-defined]
        target.test = ast.Subscript(pair, ast.Constant(1), ast.Load())  # type: ignore[attr-defined]

    return change


def _value(value: object) -> Change:
    def change(target: ast.AST) -> None:
        target.value = value  # type: ignore[attr-defined]

    return change


def _no_filter(target: ast.AST) -> None:
    target.ifs = []  # type: ignore[attr-defined]
