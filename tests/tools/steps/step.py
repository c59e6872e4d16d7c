"""What a call is. In its words {B} is the bootstrap address, {R} the run's name, {N} the node id, {D} the log directory."""
from dataclasses import dataclass, field

FIRST = 1_600_000_000_000  # the first record with a chosen timestamp: 2020-09-13T12:26:40Z


@dataclass
class Step:
    name: str                    # empty: preparation, not judged
    tool: str
    args: list = field(default_factory=list)
    stdin: str = ""
    only: str = ""               # keep only lines with this pattern (after normalising)
    without: str = ""            # leave out lines with this pattern
    unordered: bool = False
    drop_static: bool = False
    needs_log_dir: bool = False


def tool(name, title, line, **more):
    """A call of a tool, its arguments as one line; {_} stands for a blank inside an argument."""
    args = [word.replace("{_}", " ") for word in line.split()]
    return Step(f"{name} {title}" if title else "", name, args, **more)


def at(name, title, line, **more):
    return tool(name, title, f"--bootstrap-server {{B}} {line}", **more)
