"""kafka-reassign-partitions. On one broker nothing can move, so these are plans, words, files and refusals."""
from .step import Step, at, tool


def reassignments(folder):
    t = "kafka-reassign-partitions"
    yield at(t, "list", "--list")
    yield from options(t)
    one = '{"topic":"{R}-o","partition":0,"replicas":[{N}]%s}'
    texts = {
        "good": plan(one % ""), "two": plan(one % "", one.replace('"partition":0', '"partition":1') % ""),
        "any dir": plan(one % ',"log_dirs":["any"]'), "its dir": plan(one % ',"log_dirs":["{D}"]'), "no such dir": plan(one % ',"log_dirs":["/no/such"]'),
        "dirs of another number": plan(one % ',"log_dirs":["any","any"]'),
        "unknown broker": plan('{"topic":"{R}-o","partition":0,"replicas":[9999]}'),
        "unknown topic": plan('{"topic":"{R}-none","partition":0,"replicas":[{N}]}'),
        "unknown partition": plan('{"topic":"{R}-o","partition":99,"replicas":[{N}]}'),
        "nothing": plan(), "no replicas": plan('{"topic":"{R}-o","partition":0,"replicas":[]}'), "twice": plan(one % "", one % ""),
        "replica twice": plan('{"topic":"{R}-o","partition":0,"replicas":[{N},{N}]}'), "version 2": '{"version":2}', "no partitions": '{"version":1}',
        "without replicas": plan('{"topic":"{R}-o","partition":0}'), "text for a number": plan('{"topic":"{R}-o","partition":"0","replicas":[]}'),
    }
    for name, text in texts.items():
        path = file_of(folder, name)
        yield Step("", "@write", [path], stdin=text)
        yield at(t, f"execute: {name}", f"--execute --reassignment-json-file {path}", needs_log_dir="dir" in name)
    for name in ("good", "two", "its dir", "no such dir", "unknown topic", "unknown partition", "nothing", "version 2"):
        yield at(t, f"verify: {name}", f"--verify --reassignment-json-file {file_of(folder, name)}", needs_log_dir="dir" in name)
        yield at(t, f"cancel: {name}", f"--cancel --reassignment-json-file {file_of(folder, name)}", needs_log_dir="dir" in name)
    yield from throttles(t, folder)
    yield from proposals(t, folder)


def plan(*rows):
    return '{"version":1,"partitions":[%s]}' % ",".join(rows)


def file_of(folder, name):
    return f"{folder}/{{R}}-reassign-{name.replace(' ', '-')}.json"


def throttles(t, folder):
    two = f"--reassignment-json-file {file_of(folder, 'two')}"
    yield at(t, "execute with throttles", f"--execute {two} --throttle 1000000 --replica-alter-log-dirs-throttle=2000000 --additional --timeout 100")
    yield tool("@sleep", "", "200")
    yield at("kafka-topics", "throttled replicas", "--describe --topic {R}-o", without="Partition: ")
    yield at(t, "verify and keep throttles", f"--verify {two} --preserve-throttles")
    yield at(t, "cancel and keep throttles", f"--cancel {two} --preserve-throttles")
    yield at(t, "verify and lift throttles", f"--verify {two}")
    yield tool("@sleep", "", "200")
    yield at("kafka-topics", "throttles lifted", "--describe --topic {R}-o", without="Partition: ")
    yield at(t, "throttle that is no number", f"--execute {two} --throttle x")


def proposals(t, folder):
    texts = {
        "topics": '{"topics":[{"topic":"{R}-o"},{"topic":"{R}-m"}],"version":1}', "topics unknown": '{"topics":[{"topic":"{R}-none"}]}',
        "topics twice": '{"topics":[{"topic":"a"},{"topic":"a"}]}', "topics none": '{"version":1}', "topics no json": "{bad", "topics version 2": '{"version":2}',
        "topics no name": '{"topics":[{}]}',
    }
    for name, text in texts.items():
        path = file_of(folder, name)
        yield Step("", "@write", [path], stdin=text)
        yield at(t, f"generate: {name}", f"--generate --topics-to-move-json-file {path} --broker-list {{N}}")
    topics = f"--generate --topics-to-move-json-file {file_of(folder, 'topics')}"
    for title, brokers in (("twice", "{N},{N}"), ("unknown", "9999"), ("no number", "a"), ("one unknown", "{N},9999")):
        yield at(t, f"generate: brokers {title}", f"{topics} --broker-list {brokers}")
    yield at(t, "generate without racks", f"{topics} --broker-list {{N}} --disable-rack-aware")


def options(t):
    yield tool(t, "without arguments", "")
    yield at(t, "no action", "--additional")
    yield at(t, "two actions", "--list --verify")
    yield tool(t, "without address", "--list")
    yield tool(t, "two addresses", "--bootstrap-server a:1 --bootstrap-controller a:1 --list")
    yield tool(t, "bad address", "--bootstrap-server nowhere --list")
    yield at(t, "unknown option", "--list --nonsense")
    yield at(t, "value missing", "--execute --reassignment-json-file")
    for action in ("execute", "verify", "cancel", "generate"):
        yield at(t, f"{action} without file", f"--{action}")
    yield at(t, "generate without brokers", "--generate --topics-to-move-json-file x")
    yield at(t, "generate without such a file", "--generate --topics-to-move-json-file /no/such/file --broker-list 1")
    yield at(t, "execute without such a file", "--execute --reassignment-json-file /no/such/file")
    for option in ("throttle 5", "additional", "timeout 5", "preserve-throttles", "reassignment-json-file x", "broker-list 1", "disable-rack-aware"):
        yield at(t, f"list with {option.split()[0]}", f"--list --{option}")
    yield at(t, "verify with throttle", "--verify --reassignment-json-file x --throttle 5")
    yield at(t, "execute with preserve-throttles", "--execute --reassignment-json-file x --preserve-throttles")
    yield at(t, "generate with a plan", "--generate --topics-to-move-json-file x --broker-list 1 --reassignment-json-file x")
