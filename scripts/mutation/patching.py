"""Puts a mutant into the running process: new code into the functions that everybody holds."""

import ast
import gc
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import TypeAlias

from scripts.mutation.mutants import Mutant

Functions: TypeAlias = dict[tuple[str, int], list[FunctionType]]


class NotApplicableError(Exception):
    """The change cannot be put into a running process."""


def functions_of(filename: str) -> Functions:
    """Every function object that was made from a file, by qualified name and line."""
    found: Functions = {}
    for item in gc.get_objects():
        if isinstance(item, FunctionType) and item.__code__.co_filename == filename:
            code = item.__code__
            found.setdefault((code.co_qualname, code.co_firstlineno), []).append(item)
    return found


def _codes(code: CodeType) -> Iterator[CodeType]:
    for item in code.co_consts:
        if isinstance(item, CodeType):
            yield item
            yield from _codes(item)


def apply(mutant: Mutant, module: ModuleType, functions: Functions) -> None:
    """Make the change in this process; it cannot be undone.

    Args:
        mutant: The change.
        module: The module of the changed file.
        functions: `functions_of` that file.

    Raises:
        NotApplicableError: It has no place in a running process (a class body, for example).
    """
    if not mutant.function:
        _rebind(mutant, module)
        return
    filename = str(module.__file__)
    whole = compile(mutant.tree, filename, "exec")
    done = False
    for code in _codes(whole):
        for function in functions.get((code.co_qualname, code.co_firstlineno), ()):
            if function.__code__ == code:
                continue
            try:
                function.__code__ = code
            except ValueError as error:  # another number of free variables
                raise NotApplicableError(str(error)) from error
            done = True
    if not done:
        raise NotApplicableError("no function holds this code")
    for item in vars(module).values():
        if hasattr(item, "cache_clear"):
            item.cache_clear()


def _rebind(mutant: Mutant, module: ModuleType) -> None:
    """Evaluate a changed constant of the module, and give it to all who imported it."""
    for statement in mutant.tree.body:
        if not any(item is mutant.node for item in ast.walk(statement)):
            continue
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case _:
                raise NotApplicableError("neither in a function nor a module's constant")
        old = vars(module)[name]
        expression = ast.fix_missing_locations(ast.Expression(value))
        new = eval(compile(expression, "<mutant>", "eval"), vars(module))
        for other in list(sys.modules.values()):
            if isinstance(other, ModuleType) and vars(other).get(name) is old:
                setattr(other, name, new)
        return
    raise NotApplicableError("the change is not in a statement of the module")
