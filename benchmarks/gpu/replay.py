"""How a call is timed: as it is, compiled, and replayed from a CUDA graph."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

Step = Callable[[], Any]


def columns(
    usual: Callable[..., Any],
    ours: Callable[..., Any],
    leaves: tuple[Tensor, ...],
    cotangents: tuple[Tensor, ...] | None = None,
) -> Iterator[tuple[str, Step]]:
    """Both as they are, compiled, compiled with CUDA graphs, and replayed from a graph of the whole step."""

    def step(function: Callable[..., Any]) -> Step:
        def run() -> Any:
            torch.compiler.cudagraph_mark_step_begin()
            return torch.autograd.grad(function(*leaves), leaves, cotangents)

        return run

    def compiled(function: Callable[..., Any], **options: Any) -> Step:
        torch._dynamo.reset()
        return step(torch.compile(function, dynamic=False, fullgraph=True, **options))

    yield "eager", step(usual)
    yield "eager, replayed", replayed(step(usual))
    yield "torch.compile", compiled(usual)
    yield "torch.compile, replayed", replayed(compiled(usual))
    yield "torch.compile with CUDA graphs", compiled(usual, mode="reduce-overhead")
    yield "fastdis", step(ours)
    yield "fastdis, replayed", replayed(step(ours))
    yield "fastdis in torch.compile with CUDA graphs", compiled(ours, mode="reduce-overhead")


def replayed(step: Step) -> Step:
    """A CUDA graph of the step: its time without Python."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay
