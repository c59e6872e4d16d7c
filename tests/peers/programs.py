"""The client programs of a test: started with an environment and a log each, watched, stopped; and what they need installed."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time


class Missing(Exception):
    """Something has to be installed first."""


def need(conditions):
    """`conditions`: pairs of a path and the command that brings it."""
    absent = [f"{path} is missing: {how}" for path, how in conditions if not path.exists()]
    if absent:
        raise Missing("\n".join(absent))


class Program:
    def __init__(self, name, command, environment, folder, cwd=None):
        self.name = name
        self.log = folder / f"{name}.log"
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=cwd,
                env={**os.environ, **{key: str(value) for key, value in environment.items()}},
            )

    def status(self):
        """The exit code, or None while it runs."""
        return self._process.poll()

    def terminate(self):
        if self.status() is None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, seconds):
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def end(self):
        if self.status() is None:
            self._process.kill()
            self._process.wait()

    def last_words(self, size=600):
        return self.log.read_bytes()[-size:].decode(errors="replace").strip()


def stop_all(programs, seconds):
    """SIGTERM to all; returns what went wrong."""
    for program in programs:
        program.terminate()
    deadline = time.monotonic() + seconds
    problems = []
    for program in programs:
        status = program.wait(max(0.1, deadline - time.monotonic()))
        if status is None:
            problems.append(f"{program.name} did not stop within {seconds} s of SIGTERM")
            program.end()
        elif status not in (0, 143, -signal.SIGTERM):
            problems.append(f"{program.name} ended with {status}: {program.last_words()}")
    return problems


class Tail:
    """Follows a file of lines that a program appends to."""

    def __init__(self, path):
        self._path = path
        self._offset = 0
        self._rest = b""

    def new_lines(self):
        if not self._path.exists():
            return []
        with open(self._path, "rb") as file:
            file.seek(self._offset)
            text = self._rest + file.read()
            self._offset = file.tell()
        *lines, self._rest = text.split(b"\n")
        return lines


class LineCount:
    """How many lines a file has, counted as it grows."""

    def __init__(self, path):
        self._path = path
        self._offset = 0
        self.value = 0

    def update(self):
        if self._path.exists():
            with open(self._path, "rb") as file:
                file.seek(self._offset)
                text = file.read()
                self._offset = file.tell()
            self.value += text.count(b"\n")
        return self.value


def run_in_folder(name, out, check_installed, perform, passed):
    """One run of a test in a folder of its own, which stays where something went wrong. Returns the exit code."""
    try:
        check_installed()
    except Missing as missing:
        sys.exit(str(missing))
    folder = out.resolve() if out else pathlib.Path(tempfile.mkdtemp(prefix=f"barnabas-{name}-"))
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        sys.exit(f"{folder} is not empty")
    problems = perform(folder)
    if problems:
        print(f"data and logs are in {folder}", flush=True)
    elif not out:
        shutil.rmtree(folder)
    print("FAILED" if problems else f"passed: {passed}", flush=True)
    return 1 if problems else 0
