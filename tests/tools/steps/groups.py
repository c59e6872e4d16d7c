"""kafka-consumer-groups and kafka-groups."""
from .step import Step, at, tool


def group_describe(title, group):
    g = "kafka-consumer-groups"
    for option in ("--offsets", "--offsets --verbose", "--members", "--members --verbose", "--state", "--state --verbose"):
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
    yield from lists(g)
    yield from group_describe("live", group)
    yield at(g, "reset of a live group", f"--reset-offsets --group {group} --topic {{R}}-o --to-earliest --execute")
    yield at(g, "delete of a live group", f"--delete --group {group}")
    yield at(g, "delete offsets of a live group", f"--delete-offsets --group {group} --topic {{R}}-o")
    yield tool("@leave", "", "")
    yield from group_describe("empty", group)
    yield from group_describe("unknown", "{R}-none")
    yield at(g, "describe in the default view", f"--describe --group={group}", unordered=True)
    yield at(g, "describe several", f"--describe --group {group} --group {group}", unordered=True)
    yield at(g, "describe a known and an unknown", f"--describe --group {group} --group {{R}}-none")
    yield at(g, "describe with a timeout", f"--describe --group {group} --timeout 20000 --state")
    yield from resets(g, group)
    yield from files(g, group, folder)
    yield at(g, "delete offsets", f"--delete-offsets --group {group} --topic {{R}}-o:0")
    yield at(g, "delete offsets of two partitions", f"--delete-offsets --group {group} --topic {{R}}-o:0,1")
    yield at(g, "delete offsets of an unknown topic", f"--delete-offsets --group {group} --topic {{R}}-none")
    yield at(g, "delete offsets of a known and an unknown topic", f"--delete-offsets --group {group} --topic {{R}}-o --topic {{R}}-none")
    yield at(g, "delete offsets of an unknown partition", f"--delete-offsets --group {group} --topic {{R}}-o:9")
    yield at(g, "delete offsets of an unknown group", "--delete-offsets --group {R}-none --topic {R}-o")
    yield at(g, "delete offsets of two groups", f"--delete-offsets --group {group} --group {{R}}-none --topic {{R}}-o")
    yield at(g, "describe without offsets", f"--describe --group {group}")
    yield at(g, "delete a known and an unknown", f"--delete --group {group} --group {{R}}-none")
    yield at(g, "delete", "--delete --group {R}-fresh")
    yield at(g, "delete unknown", "--delete --group {R}-none")
    yield at(g, "list after delete", "--list", only="RUN", unordered=True)
    yield from wrong_options(g, group)
    yield from share_and_streams()


def lists(g):
    yield at(g, "list with state and type", "--list --state --type", only="RUN|GROUP", unordered=True)
    yield at(g, "list several states", "--list --state stable,Empty", only="RUN|GROUP", unordered=True)
    yield at(g, "list with =", "--list --state=Dead", only="RUN|GROUP", unordered=True)
    yield at(g, "list classic", "--list --type classic", only="RUN|GROUP", unordered=True)
    yield at(g, "list with a stray word", "--list stray", only="RUN", unordered=True)
    for option in ("--consumer", "--share", "--streams", "--protocol consumer", "--protocol connect", "--group-type classic",
                   "--group-type Consumer", "--group-type classic --protocol consumer"):
        yield at("kafka-groups", f"list {option}", f"--list {option}", only="RUN|GROUP", unordered=True)
    yield at("kafka-groups", "without action", "")
    yield at("kafka-groups", "of an unknown type", "--list --group-type none")
    yield at("kafka-groups", "with two filters", "--list --consumer --share")
    yield at("kafka-groups", "unknown option", "--list --none")
    yield tool("kafka-groups", "without bootstrap", "--list")


def resets(g, group):
    base = f"--reset-offsets --group {group} --topic {{R}}-o"
    for scenario in ("--to-earliest", "--to-latest", "--to-current", "--to-offset 4", "--to-offset 400", "--shift-by 2", "--shift-by -3",
                     "--shift-by=-100", "--by-duration PT1H", "--to-datetime 2020-09-13T12:29:00.000", "--to-datetime 2020-09-13T14:29:00.000+02:00",
                     "--to-datetime 2031-01-01T00:00:00.000"):
        yield at(g, f"reset {scenario} dry run", f"{base} {scenario} --dry-run", unordered=True)
        yield at(g, f"reset {scenario}", f"{base} {scenario} --execute", unordered=True)
    yield at(g, "reset of one partition", f"--reset-offsets --group {group} --topic {{R}}-o:1 --to-earliest --execute")
    yield at(g, "reset of two partitions", f"--reset-offsets --group {group} --topic {{R}}-o:0,1 --to-offset 3 --execute", unordered=True)
    yield at(g, "reset of two topics", f"--reset-offsets --group {group} --topic {{R}}-o:0 --topic {{R}}-m --to-latest --execute", unordered=True)
    yield at(g, "reset of all topics", f"--reset-offsets --group {group} --all-topics --to-offset 1 --execute", unordered=True)
    yield at(g, "reset export", f"{base} --to-earliest --dry-run --export", unordered=True)
    yield at(g, "reset neither run nor execute", f"{base} --to-earliest", unordered=True)
    yield at(g, "reset without scenario", f"{base} --execute", without="requires one of")
    yield at(g, "reset of an unknown topic", f"--reset-offsets --group {group} --topic {{R}}-none --to-earliest --execute")
    yield at(g, "reset of a partition of an unknown topic", f"--reset-offsets --group {group} --topic {{R}}-none:0 --to-earliest --execute")
    yield at(g, "reset of an unknown partition", f"--reset-offsets --group {group} --topic {{R}}-o:7 --to-earliest --execute")
    yield at(g, "reset of a bad partition", f"--reset-offsets --group {group} --topic {{R}}-o:x --to-earliest --execute")
    yield at(g, "reset of a bad topic", f"--reset-offsets --group {group} --topic {{R}}-o:0:1 --to-earliest --execute")
    yield at(g, "reset of an unknown group", "--reset-offsets --group {R}-fresh --topic {R}-o --to-earliest --execute", unordered=True)
    yield at(g, "reset of all topics of an unknown group", "--reset-offsets --group {R}-none --all-topics --to-earliest --execute")
    yield at(g, "shift where nothing is committed", "--reset-offsets --group {R}-none --topic {R}-o:0 --shift-by 1 --execute")
    yield at(g, "current where nothing is committed", "--reset-offsets --group {R}-none --topic {R}-o --to-current --dry-run", unordered=True)
    yield at(g, "reset of two groups", f"{base} --group {{R}}-fresh --to-offset 2 --dry-run", unordered=True)
    for bad in ("--to-datetime 2020-09-13", "--to-datetime 2020-09-13T12:29:00", "--to-datetime 2020-09-31T00:00:00.000", "--by-duration 1H",
                "--by-duration PT", "--to-offset x", "--shift-by x", "--from-file /no/such/file"):
        yield at(g, f"reset {bad}", f"{base} {bad} --execute")


def files(g, group, folder):
    """CSV in and out."""
    yield Step("", "@write", [f"{folder}/{{R}}.csv"], stdin="{R}-o,0,3\n{R}-o,1,0\n")
    yield at(g, "reset from file", f"--reset-offsets --group {group} --from-file {folder}/{{R}}.csv --execute", unordered=True)
    yield at(g, "describe after reset from file", f"--describe --group {group}", unordered=True)
    yield at(g, "reset from file with export", f"--reset-offsets --group {group} --from-file {folder}/{{R}}.csv --dry-run --export", unordered=True)
    both = f"{group},{{R}}-o,0,5\n{{R}}-fresh,{{R}}-o,0,6\n"
    yield Step("", "@write", [f"{folder}/{{R}}-both.csv"], stdin=both)
    yield at(g, "reset of two groups from file", f"--reset-offsets --group {group} --group {{R}}-fresh --from-file {folder}/{{R}}-both.csv --execute", unordered=True)
    yield at(g, "reset of one of two groups in a file", f"--reset-offsets --group {group} --from-file {folder}/{{R}}-both.csv --dry-run --export", unordered=True)
    yield at(g, "reset of a group that is not in the file", f"--reset-offsets --group {{R}}-none --from-file {folder}/{{R}}-both.csv --execute")
    yield at(g, "export of two groups", f"--reset-offsets --group {group} --group {{R}}-fresh --topic {{R}}-o --to-current --dry-run --export", unordered=True)
    yield at("kafka-topics", "", "--create --topic {R}-with-a-name-that-is-quite-long --partitions 1")
    yield tool("@sleep", "", "300")
    yield at(g, "export of a long name", f"--reset-offsets --group {group} --topic {{R}}-with-a-name-that-is-quite-long --to-latest --execute --export")
    yield at(g, "describe a long name", f"--describe --group {group}", unordered=True)
    yield Step("", "@write", [f"{folder}/{{R}}-quoted.csv"], stdin='"{R}-with-a-name-that-is-quite-long",0,0\n')
    yield at(g, "reset from a file with quotes", f"--reset-offsets --group {group} --from-file {folder}/{{R}}-quoted.csv --execute")
    yield Step("", "@write", [f"{folder}/{{R}}-out.csv"], stdin="{R}-o,0,500\n")
    yield at(g, "reset from a file beyond the end", f"--reset-offsets --group {group} --from-file {folder}/{{R}}-out.csv --execute")


def wrong_options(g, group):
    yield at(g, "without action", f"--group {group}")
    yield tool(g, "without bootstrap", "--list")
    yield tool(g, "with an address that is none", "--bootstrap-server none --list")
    yield at(g, "with two actions", "--list --delete --all-groups")
    yield at(g, "describe with two views", f"--describe --group {group} --members --state")
    yield at(g, "describe with a state", f"--describe --group {group} --state Stable")
    yield at(g, "describe with a topic", f"--describe --group {group} --topic {{R}}-o")
    yield at(g, "describe a group and all", f"--describe --group {group} --all-groups")
    yield at(g, "list with a group", f"--list --group {group}")
    yield at(g, "list with members", "--list --members")
    yield at(g, "reset with type", f"--reset-offsets --group {group} --type --dry-run")
    yield at(g, "delete with a topic", f"--delete --group {group} --topic {{R}}-o")
    yield at(g, "reset to two places", f"--reset-offsets --group {group} --topic {{R}}-o --to-earliest --to-latest --execute")
    yield at(g, "reset with run and execute", f"--reset-offsets --group {group} --topic {{R}}-o --to-earliest --dry-run --execute")
    yield at(g, "reset without topics", f"--reset-offsets --group {group} --to-earliest --execute")
    yield at(g, "unknown option", "--list --none")
    yield at(g, "option without value", "--describe --group")
    yield at(g, "a timeout that is no number", f"--describe --group {group} --timeout x")
    yield at(g, "a settings file that is missing", "--list --command-config /no/such/file")
    for regex in ("a.*", "topic-[0-9]+", "[a", "(a", "*a", "a**"):
        yield tool(g, f"regex {regex}", f"--validate-regex {regex}")


def share_and_streams():
    """Describing them is possible only where the broker has such groups."""
    for t in ("kafka-share-groups", "kafka-streams-groups"):
        yield at(t, "list", "--list", only="RUN")
        yield at(t, "list with state", "--list --state", only="RUN|GROUP")
        yield at(t, "list in a state", "--list --state=Stable,empty", only="RUN|GROUP")
        yield at(t, "describe all", "--describe --all-groups", only="RUN")
        yield at(t, "without action", "")
        yield at(t, "with two actions", "--list --describe --all-groups")
        yield at(t, "describe with two views", "--describe --group {R} --members --state")
        yield at(t, "describe a group and all", "--describe --group {R} --all-groups")
        yield at(t, "list with a group", "--list --group {R}")
        yield at(t, "list with members", "--list --members")
        yield at(t, "unknown option", "--none")
        yield tool(t, "without bootstrap", "--list")
