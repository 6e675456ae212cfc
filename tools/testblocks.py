"""The /*TEST ... TEST*/ blocks at the end of a test's source, in the form of PETSc's own harness.

Understood: build, test and testset (nested tests inherit), with suffix, nsize, args, requires, env, filter, output_file, timeoutfactor;
lists {{a b}} in nsize, args and env make one run for each element.
"""
import dataclasses
import itertools
import re

LIST = re.compile(r"\{\{(.*?)\}\}(?:\s*(?:separate|shared) output)?")
JOINED = ("args", "requires")  # given again, these add to what is there


@dataclasses.dataclass
class Run:
    """One start of a program: name, ranks, arguments and what is expected of it"""

    name: str
    nsize: int
    args: str
    env: dict
    requires: list
    filter: str
    output_file: str
    timeoutfactor: float


def parse_keys(lines):
    """key: value lines, each with its own children by indentation: [(key, value, children)]"""
    items, base = [], None
    for indent, text in lines:
        if base is None or indent <= base:
            base = indent
            key, _, value = text.partition(":")
            items.append((key.strip(), value.strip(), []))
        else:
            items[-1][2].append((indent, text))
    return items


def merge(parent, children):
    """The fields of a test on top of those of its testset"""
    fields = dict(parent)
    for key, value, _ in children:
        if key in JOINED and fields.get(key):
            fields[key] = fields[key] + " " + value
        else:
            fields[key] = value
    return fields


def expand(text):
    """Every combination of the lists in a text, with a label for each: [(label, text)]"""
    lists = LIST.findall(text)
    combinations = []
    for choice in itertools.product(*[part.split() for part in lists]):
        values = iter(choice)
        combinations.append(("-".join(choice), LIST.sub(lambda _: next(values), text)))
    return combinations


def runs_of_test(stem, fields):
    suffix = fields.get("suffix", "")
    name = stem + ("_" + suffix if suffix else "")
    runs = []
    spaces = [expand(fields.get(key, default)) for key, default in (("nsize", "1"), ("args", ""), ("env", ""))]
    for (label_n, nsize), (label_a, args), (label_e, env) in itertools.product(*spaces):
        labels = [word for word in ("n" + label_n if label_n else "", label_a, label_e) if word]
        runs.append(
            Run(
                name=name + "".join("+" + word for word in labels),
                nsize=int(nsize),
                args=args,
                env=dict(pair.split("=", 1) for pair in env.split()),
                requires=fields.get("requires", "").split(),
                filter=fields.get("filter", ""),
                output_file=fields.get("output_file", f"output/{name}.out"),
                timeoutfactor=float(fields.get("timeoutfactor", "1")),
            )
        )
    return runs


def runs_of_set(stem, fields, children):
    tests = [item for item in children if item[0] == "test"]
    fields = merge(fields, [item for item in children if item[0] != "test"])
    if not tests:
        return runs_of_test(stem, fields)
    runs = []
    for _, _, lines in tests:
        runs += runs_of_test(stem, merge(fields, parse_keys(lines)))
    return runs


def read_block(source, stem):
    """(requirements of the build, runs) of a source file; None where it has no block"""
    with open(source, encoding="utf-8") as file:
        found = re.search(r"/\*TEST\s*\n(.*?)TEST\*/", file.read(), re.DOTALL)
    if not found:
        return None
    lines = [line.split("#")[0].rstrip() for line in found.group(1).splitlines()]
    lines = [(len(line) - len(line.lstrip()), line.strip()) for line in lines if line.strip()]
    build, runs = [], []
    for key, _, children in parse_keys(lines):
        items = parse_keys(children)
        if key == "build":
            build = merge({}, items).get("requires", "").split()
        elif key in ("test", "testset"):
            runs += runs_of_set(stem, {}, items)
        else:
            raise ValueError(f"{source}: {key} in the TEST block is none of build, test, testset")
    return build, runs
