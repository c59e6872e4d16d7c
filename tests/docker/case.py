"""The files of compose/: what each says of itself in its head, and the one changed line."""
import dataclasses
import pathlib
import re
import shutil

import yaml

CORPUS = pathlib.Path(__file__).resolve().parent / "compose"
REAL_ZOOKEEPER = "barnabas-test/zookeeper:3.9.4"

BROKER_IMAGE = re.compile(r"(?:[\w.-]+/)?(?:confluentinc/cp-(?:kafka|server|enterprise-kafka)|(?:apache|bitnami|bitnamilegacy|wurstmeister|debezium)/kafka(?:-native)?)(?::\S+)?")
ZOOKEEPER_IMAGE = re.compile(r"(?:[\w.-]+/)?(?:confluentinc/cp-zookeeper|(?:bitnami|bitnamilegacy|wurstmeister|debezium)/zookeeper|zookeeper)(?::\S+)?")
IMAGE_LINE = re.compile(r"^(\s+image:\s*)(\S+)(.*)$")

# How people call the tools in each family's image.
TOOLS = {
    "confluent": "{name}",
    "apache": "/opt/kafka/bin/{name}.sh",
    "bitnami": "{name}.sh",
    "wurstmeister": "{name}.sh",
    "debezium": "/kafka/bin/{name}.sh",
}
HEADS = {"shape", "expect", "refusal", "zookeeper", "inside", "container", "host", "elsewhere", "broker", "brokers", "healthy",
         "ends", "topics", "auto", "keeps", "says", "tools"}


class BadHead(Exception):
    """The head of a file cannot be used."""


@dataclasses.dataclass
class Case:
    """One file and its expectations."""

    path: pathlib.Path
    text: str
    head: dict

    @property
    def family(self):
        return self.path.parent.name

    @property
    def name(self):
        return f"{self.family}/{self.path.stem}"

    @property
    def serves(self):
        return self.head["expect"] == "serves"

    @property
    def broker(self):
        return self.head.get("broker", "kafka")

    @property
    def brokers(self):
        """Service and port of each one that must not serve."""
        return dict(pair.split("=") for pair in self.words("brokers"))

    @property
    def topics(self):
        """Topics that the file makes, with their partitions."""
        return {name: int(count) for name, count in (word.split(":") for word in self.words("topics"))}

    @property
    def zookeeper(self):
        """(kind, address): `ours` or `real`; (None, None) where the file has no such service."""
        kind, _, address = self.head.get("zookeeper", "").partition(" ")
        return (kind, address) if kind else (None, None)

    def words(self, key):
        return self.head.get(key, "").split()

    def tool(self, name):
        return self.head.get("tools", TOOLS[self.family]).format(name=name)

    def claims(self):
        """Names and ports of the machine that two running files cannot share."""
        services = yaml.safe_load(self.text)["services"].values()
        found = {service["container_name"] for service in services if "container_name" in service}
        for service in services:
            for port in service.get("ports", []):
                published = port.get("published") if isinstance(port, dict) else re.sub(r"\$\{.*?:-(.*?)\}", r"\1", str(port)).rpartition(":")[0]
                if published:
                    found.add(str(published))
        return found

    def with_image(self, image):
        """The file with its image lines changed, and nothing else; with how many lines that were."""
        changed, lines = 0, []
        kind, _ = self.zookeeper
        for line in self.text.splitlines():
            found = IMAGE_LINE.match(line)
            if found and BROKER_IMAGE.fullmatch(found[2]):
                line, changed = f"{found[1]}{image}{found[3]}", changed + 1
            elif found and ZOOKEEPER_IMAGE.fullmatch(found[2]):
                line = f"{found[1]}{image if kind == 'ours' else REAL_ZOOKEEPER}{found[3]}"
            elif found:
                raise BadHead(f"{self.name}: {found[2]} is no image that is replaced")
            lines.append(line)
        if changed == 0:
            raise BadHead(f"{self.name}: no image line of a broker")
        return "\n".join(lines) + "\n"

    def lay_out(self, folder, image):
        """The changed file and what stands beside it, in a folder of its own."""
        shutil.rmtree(folder, ignore_errors=True)
        beside = self.path.with_suffix("")
        if beside.is_dir():
            shutil.copytree(beside, folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "docker-compose.yml").write_text(self.with_image(image))


def load(path):
    text = path.read_text()
    head = {}
    for line in text.splitlines():
        if not line.startswith("# "):
            break
        key, _, value = line[2:].partition(": ")
        if key not in HEADS or key in head or not value:
            raise BadHead(f"{path}: `{line}` is no expectation")
        head[key] = value.strip()
    case = Case(path, text, head)
    needed = ("shape", "inside") if case.serves else ("shape", "refusal", "brokers")
    missing = [key for key in needed if key not in head]
    if head.get("expect") not in ("serves", "refuses") or missing:
        raise BadHead(f"{path}: the head lacks {', '.join(missing) or 'expect: serves or refuses'}")
    return case


def all_cases():
    return [load(path) for path in sorted(CORPUS.glob("*/*.yml"))]
