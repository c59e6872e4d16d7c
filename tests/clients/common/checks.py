"""What the Python suites share: running named checks, waiting, and the one allowance made for Apache Kafka itself.

Nothing here knows a client library.
"""
import concurrent.futures
import os
import sys
import threading
import time
import traceback
import uuid

BOOTSTRAP = os.environ.get("BOOTSTRAP", "127.0.0.1:9092")
PEER_IS_KAFKA = os.environ.get("PEER") == "kafka"
TRACE = bool(os.environ.get("TRACE"))
CHECK_TIMEOUT_S = 20
SUITE_TIMEOUT_S = 110
LAG_S = 10


class Skip(Exception):
    """Raised by a check that this version of the client cannot make."""


def unique(stem):
    return f"{stem}-{uuid.uuid4().hex[:10]}"


def note(text):
    print(f"# {text}", flush=True)


def equal(found, expected, about=""):
    if found != expected:
        raise AssertionError(f"{about + ': ' if about else ''}{found!r} instead of {expected!r}")


def holds(condition, about):
    if not condition:
        raise AssertionError(about)


def eventually(what, probe, timeout_s=10.0):
    """Polls until `probe` answers something truthy, which is returned."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:g} s in vain for: {what}")
        time.sleep(0.01)


def failure(action, *arguments, **named):
    """The exception that `action` must end with."""
    try:
        answer = action(*arguments, **named)
    except Exception as error:  # any error is the answer here
        return error
    raise AssertionError(f"answered {answer!r}, but an error was due")


def allowing_lag(is_lag, action):
    """Runs `action` once. Apache Kafka's metadata lags behind its own answers, so on it alone (PEER=kafka)
    a failure that `is_lag` recognises is tried again; the broker under test gets no second chance."""
    deadline = time.monotonic() + LAG_S
    while True:
        try:
            return action()
        except Exception as error:
            if not (PEER_IS_KAFKA and is_lag(error)) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


class Background:
    """A thread that runs `step(self)` again and again until stopped, and what others ask of it in between."""

    def __init__(self, step):
        self._step = step
        self._tasks = []
        self._stopping = threading.Event()
        self.error = None
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def _loop(self):
        try:
            while not self._stopping.is_set():
                while self._tasks:
                    self._tasks.pop(0)()
                self._step()
        except Exception as error:  # shown by whoever waits next
            self.error = error
            traceback.print_exc(file=sys.stderr) if TRACE else None

    def call(self, action, timeout_s=10.0):
        """Runs `action` between two steps, on the thread itself, and returns its answer."""
        future = concurrent.futures.Future()

        def run():
            try:
                future.set_result(action())
            except Exception as error:
                future.set_exception(error)

        self._tasks.append(run)
        return future.result(timeout_s)

    def stop(self):
        self._stopping.set()
        self._thread.join(10)


def _one_line(error):
    return f"{type(error).__name__}: {error}".replace("\n", " | ")[:600]


def _in_thread(check):
    """Runs the check on a thread of its own, so that a hang is a failure and not the end of the suite."""
    outcome = concurrent.futures.Future()

    def run():
        try:
            outcome.set_result(check())
        except Exception as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return outcome.result(CHECK_TIMEOUT_S)
    except concurrent.futures.TimeoutError:
        if outcome.done():
            raise
        raise AssertionError(f"no end after {CHECK_TIMEOUT_S} s") from None


def _run_one(name, check):
    begun = time.monotonic()
    try:
        _in_thread(check)
        print(f"ok - {name}", flush=True)
        return True
    except Skip as reason:
        print(f"ok - {name} # SKIP {reason}", flush=True)
        return True
    except Exception as error:
        print(f"not ok - {name}: {_one_line(error)}", flush=True)
        if TRACE:
            traceback.print_exception(error, file=sys.stdout)
        return False
    finally:
        if TRACE:
            note(f"{name}: {1000 * (time.monotonic() - begun):.0f} ms")


def _give_up():
    print("not ok - suite: did not end in time", flush=True)
    os._exit(1)


def run_checks(areas, connect):
    """`areas` maps an area's name to its check functions. Arguments of the command line choose checks whose name
    contains one of them; connecting comes first in any case. Ends the process: 0 when every check passed, else 1."""
    watchdog = threading.Timer(SUITE_TIMEOUT_S, _give_up)
    watchdog.daemon = True
    watchdog.start()
    begun = time.monotonic()
    wanted = sys.argv[1:]
    chosen = [(f"{area}: {check.__name__.replace('_', ' ')}", check) for area, checks in areas.items() for check in checks]
    chosen = [(name, check) for name, check in chosen if not wanted or any(part in name for part in wanted)]
    if not _run_one("client: connects", connect):
        os._exit(1)
    passed = sum(_run_one(name, check) for name, check in chosen)
    note(f"{passed} of {len(chosen)} passed in {1000 * (time.monotonic() - begun):.0f} ms")
    sys.stdout.flush()
    os._exit(0 if passed == len(chosen) else 1)
