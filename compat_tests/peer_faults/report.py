"""What was seen, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from compat_tests.peer_faults.faults import FAULTS, Fault, Seen

#: A line of Markdown between which and `END` a document has what was seen.
START = "<!-- faults -->\n"
END = "<!-- /faults -->\n"


def table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def section(fault: Fault, seen: Mapping[str, Seen]) -> str:
    """One fault: what was done, and what was seen of each stack."""
    figures = list(dict.fromkeys(figure for each in seen.values() for figure in each))
    rows = [[name, *(each.get(figure, "-") for figure in figures)] for name, each in seen.items()]
    return f"### {fault.name}\n\n{fault.what}\n\n{table(['', *figures], rows)}"


def summary(seen: Mapping[str, Mapping[str, Seen]]) -> str:
    """The first figure of each fault, of all stacks."""
    stacks = list(dict.fromkeys(stack for each in seen.values() for stack in each))
    rows = []
    for name, each in seen.items():
        figure = next(iter(each[stacks[0]]))
        cells = [each[stack].get(figure, "-") for stack in stacks]
        rows.append([f"[{name}](#{name})", figure, *cells])
    return table(["fault", "", *stacks], rows)


def text(header: Mapping[str, str], seen: Mapping[str, Mapping[str, Seen]]) -> str:
    """Everything: where and how it was seen, at a glance, and a section for each fault."""
    lines = "\n".join(f"- {name}: {value}" for name, value in header.items())
    sections = [section(FAULTS[name], each) for name, each in seen.items()]
    return "\n\n".join([lines, summary(seen), *sections])


def fill(document: str, text: str) -> str:
    """Return the document with the text between its marks."""
    before, start, rest = document.partition(START)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"no {START.strip()} ... {END.strip()} in the document")
    return f"{before}{start}\n{text}\n\n{end}{after}"
