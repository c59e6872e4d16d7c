"""kafka-consumer-groups and kafka-groups."""
from .step import Step, at, tool


def group_describe(title, group):
    g = "kafka-consumer-groups"
    for option in ("--offsets", "--members", "--members --verbose", "--state"):
        yield at(g, f"describe {title} {option}", f"--describe --group {group} {option}", unordered=True)


def groups(folder):
    g = "kafka-consumer-groups"
    group = "{R}-g"
    yield tool("@join", "", "{B} {R}-o {R}-g")
    yield at(g, "list", "--list", only="RUN", unordered=True)
    yield at(g, "list with state", "--list --state", only="RUN|GROUP", unordered=True)
    yield at(g, "list only stable", "--list --state Stable", only="RUN", unordered=True)
    yield at(g, "list with type", "--list --type", only="RUN|GROUP", unordered=True)
    yield at("kafka-groups", "list", "--list", only="RUN|GROUP", unordered=True)
    yield from group_describe("live", group)
    yield at(g, "reset of a live group", f"--reset-offsets --group {group} --topic {{R}}-o --to-earliest --execute")
    yield at(g, "delete of a live group", f"--delete --group {group}")
    yield at(g, "delete offsets of a live group", f"--delete-offsets --group {group} --topic {{R}}-o")
    yield tool("@leave", "", "")
    yield from group_describe("empty", group)
    yield from group_describe("unknown", "{R}-none")
    yield from resets(g, group)
    yield Step("", "@write", [f"{folder}/{{R}}.csv"], stdin="{R}-o,0,3\n{R}-o,1,0\n")
    yield at(g, "reset from file", f"--reset-offsets --group {group} --from-file {folder}/{{R}}.csv --execute", unordered=True)
    yield at(g, "delete offsets", f"--delete-offsets --group {group} --topic {{R}}-o:0")
    yield at(g, "delete offsets of an unknown topic", f"--delete-offsets --group {group} --topic {{R}}-none")
    yield at(g, "delete", f"--delete --group {group}")
    yield at(g, "delete unknown", "--delete --group {R}-none")
    yield at(g, "list after delete", "--list", only="RUN", unordered=True)
    yield at(g, "without action", f"--group {group}")


def resets(g, group):
    base = f"--reset-offsets --group {group} --topic {{R}}-o"
    for scenario in ("--to-earliest", "--to-latest", "--to-current", "--to-offset 4", "--to-offset 400", "--shift-by 2", "--shift-by -3",
                     "--by-duration PT1H", "--to-datetime 2020-09-13T12:29:00.000", "--to-datetime 2031-01-01T00:00:00.000"):
        yield at(g, f"reset {scenario} dry run", f"{base} {scenario} --dry-run", unordered=True)
        yield at(g, f"reset {scenario}", f"{base} {scenario} --execute", unordered=True)
    yield at(g, "reset of one partition", f"--reset-offsets --group {group} --topic {{R}}-o:1 --to-earliest --execute")
    yield at(g, "reset of all topics", f"--reset-offsets --group {group} --all-topics --to-offset 1 --execute", unordered=True)
    yield at(g, "reset export", f"{base} --to-earliest --dry-run --export", unordered=True)
    yield at(g, "reset neither run nor execute", f"{base} --to-earliest", unordered=True)
    yield at(g, "reset without scenario", f"{base} --execute")
    yield at(g, "reset of an unknown topic", f"--reset-offsets --group {group} --topic {{R}}-none --to-earliest --execute")
    yield at(g, "reset of an unknown group", "--reset-offsets --group {R}-fresh --topic {R}-o --to-earliest --execute", unordered=True)
