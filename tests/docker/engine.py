"""The Docker engine and Compose, as commands with a limit."""
import functools
import json
import re
import subprocess
import time

LIMIT_S = 60


class Failed(Exception):
    """A command or an expectation failed; the text says which and how."""


def run(*words, limit=LIMIT_S, text=None, check=True):
    """Both outputs and the exit code. With `check`, another code than 0 raises."""
    try:
        done = subprocess.run(words, input=text, capture_output=True, text=True, timeout=limit, errors="replace")
    except subprocess.TimeoutExpired as error:
        raise Failed(f"`{' '.join(words)}` did not end in {limit} s") from error
    if check and done.returncode != 0:
        tail = " / ".join((done.stdout + done.stderr).strip().splitlines()[-6:])
        raise Failed(f"`{' '.join(words)}` ended with {done.returncode}: {tail}")
    return done


@functools.cache
def compose_command():
    """Version 2 is a plugin of docker, version 1 a program of its own."""
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        return ("docker", "compose")
    return ("docker-compose",)


def inspect(container, template):
    return run("docker", "inspect", "-f", template, container).stdout.strip()


def state(container):
    return json.loads(inspect(container, "{{json .State}}"))


def seconds(stamp):
    """A time of the engine, such as 2026-01-02T03:04:05.678901234Z, in seconds since the epoch."""
    whole, fraction = re.fullmatch(r"(\S+?)(\.\d+)?Z", stamp).groups()
    import calendar

    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float(fraction or 0)


def logs(container):
    """Lines of both outputs in order of time, each as (time, text)."""
    done = run("docker", "logs", "--timestamps", container)
    lines = []
    for line in (done.stdout + done.stderr).splitlines():
        stamp, _, rest = line.partition(" ")
        if stamp.endswith("Z"):
            lines.append((seconds(stamp), rest))
    return sorted(lines, key=lambda pair: pair[0])


def log_text(container):
    return "\n".join(text for _, text in logs(container))


def eventually(what, limit, probe):
    """Polls until the probe answers something; raises after `limit` seconds."""
    deadline = time.monotonic() + limit
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Failed(f"waited {limit} s in vain for {what}")
        time.sleep(0.05)


class Project:
    """One Compose file that is up."""

    def __init__(self, name, folder):
        self.name = name
        self._base = (*compose_command(), "--project-name", name, "--project-directory", str(folder), "--file", str(folder / "docker-compose.yml"))

    def up(self):
        run(*self._base, "up", "--detach", limit=120)

    def down(self, volumes=False):
        extra = ("--volumes", "--remove-orphans") if volumes else ()
        run(*self._base, "down", "--timeout", "10", *extra, limit=120)

    def container(self, service):
        found = run("docker", "ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={self.name}",
                    "--filter", f"label=com.docker.compose.service={service}").stdout.split()
        if len(found) != 1:
            raise Failed(f"service {service} has {len(found)} containers")
        return found[0]

    def network(self, service):
        return next(iter(json.loads(inspect(self.container(service), "{{json .NetworkSettings.Networks}}"))))
