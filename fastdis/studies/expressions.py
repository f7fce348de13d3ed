"""Numbers that follow from other settings: ``beta = "= strength * latents / 10"``."""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
}


def is_expression(value: object) -> bool:
    """Tell whether a value is text that begins with an equals sign."""
    return isinstance(value, str) and value.lstrip().startswith("=")


def names_in(expression: str) -> set[str]:
    """Return the names that an expression needs.

    Example:
        >>> sorted(names_in("= strength * latents / 10"))
        ['latents', 'strength']
    """
    return {node.id for node in ast.walk(_parsed(expression)) if isinstance(node, ast.Name)}


def value_of(expression: str, numbers: Mapping[str, float]) -> float:
    """Compute an expression of + - * / // ** and parentheses; a whole number becomes an int.

    Args:
        expression: text that begins with an equals sign.
        numbers: the values of the names in it.

    Raises:
        ValueError: it is no such expression, holds a name without a number, or divides by zero.

    Example:
        >>> value_of("= strength * latents / 10", {"strength": 4, "latents": 5})
        2
    """

    def compute(node: ast.AST) -> float:
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return number
            case ast.Name(id=name):
                if name not in numbers:
                    known = ", ".join(sorted(numbers))
                    raise ValueError(f"{expression!r} must be of {known}, got {name!r}")
                return numbers[name]
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                return float(_OPERATORS[type(op)](compute(left), compute(right)))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -compute(operand)
        raise ValueError(f"{expression!r} must be of numbers, names and + - * / // **")

    try:
        result = compute(_parsed(expression))
    except ArithmeticError as error:
        raise ValueError(f"{expression!r} has no value: {error}") from error
    return int(result) if float(result).is_integer() else result


def _parsed(expression: str) -> ast.expr:
    try:
        return ast.parse(expression.lstrip().removeprefix("=").strip(), mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"{expression!r} must be an expression such as '= 2 * latents'") from error
