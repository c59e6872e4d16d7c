"""The compose files of people, with the image line changed to ours: each is started, tried from all sides, stopped.
Prints one line per check (`ok - file: check`, `not ok - file: check: reason`); exits 1 if any failed."""
import argparse
import concurrent.futures
import os
import pathlib
import re
import sys
import threading
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import case as corpus  # noqa: E402
import real_zookeeper  # noqa: E402
import table  # noqa: E402
from checks import Refusing, Serving  # noqa: E402
from engine import Failed, Project, log_text, run  # noqa: E402

# One of each kind, for every change.
QUICK = ("apache/nothing-set", "apache/health-and-volume", "bitnami/external", "confluent/kraft-7", "confluent/sasl-plain",
         "confluent/zookeeper-init-topics", "confluent/zookeeper-three-brokers", "wurstmeister/hostname-command")


class Report:
    """Prints the outcome of each check of one file, and keeps it."""

    lock = threading.Lock()

    def __init__(self, case):
        self.case = case
        self.outcomes = []

    def check(self, name, body):
        reason = None
        try:
            body()
        except Failed as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001: a fault of the test is a failure, too
            reason = f"{type(error).__name__}: {error} ({traceback.extract_tb(error.__traceback__)[-1].lineno})"
        self.outcomes.append((name, reason))
        with self.lock:
            flat = " ".join((reason or "").split())
            print(f"not ok - {self.case.name}: {name}: {flat}" if reason else f"ok - {self.case.name}: {name}", flush=True)
        return reason is None


class Busy:
    """Ports and names that running files hold."""

    def __init__(self):
        self._held = set()
        self._changed = threading.Condition()

    def take(self, claims):
        with self._changed:
            self._changed.wait_for(lambda: not (self._held & claims))
            self._held |= claims

    def give_back(self, claims):
        with self._changed:
            self._held -= claims
            self._changed.notify_all()


def try_file(case, options, busy):
    """The row of the table, and whether all passed."""
    report = Report(case)
    claims = case.claims()
    busy.take(claims)
    folder = options.out / case.name
    checks = None
    project = None
    try:
        case.lay_out(folder, options.image)
        project = Project("bnb-" + re.sub(r"[^a-z0-9]", "-", case.name), folder)
        project.down(volumes=True)
        checks = Serving(case, project, options.image, report) if case.serves else Refusing(case, project, report)
        checks.run()
    except Exception as error:  # noqa: BLE001
        report.check("set-up", lambda error=error: fail(error))
    finally:
        if project:
            keep_logs(case, project, folder)
            report.check("clean-up", lambda: project.down(volumes=True))
        busy.give_back(claims)
    figures = checks.figures if checks else {}
    return table.row(case, report, figures, getattr(checks, "said", "")), all(reason is None for _, reason in report.outcomes), len(report.outcomes)


def fail(error):
    raise Failed(f"{type(error).__name__}: {error}")


def keep_logs(case, project, folder):
    """Beside the file, for whoever looks into a failure."""
    names = run("docker", "ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={project.name}", check=False).stdout.split()
    for container in names:
        service = run("docker", "inspect", "-f", '{{index .Config.Labels "com.docker.compose.service"}}', container, check=False).stdout.strip()
        (folder / f"{service}.log").write_text(log_text(container) + "\n")


def chosen(options):
    cases = corpus.all_cases()
    if options.quick:
        unknown = set(QUICK) - {case.name for case in cases}
        if unknown:
            raise SystemExit(f"run.py: there is no {', '.join(sorted(unknown))} in compose/")
        cases = [case for case in cases if case.name in QUICK]
    return [case for case in cases if not options.only or any(part in case.name for part in options.only)]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", default=os.environ.get("IMAGE", "barnabas:dev"), help="the image in place of all others")
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "target" / "compose", help="changed files and logs")
    parser.add_argument("--only", action="append", metavar="PART", help="only files whose name contains this; may be repeated")
    parser.add_argument("--quick", action="store_true", help="a few files, one of each kind")
    parser.add_argument("--jobs", type=int, default=2, help="files at the same time, as far as their ports allow")
    parser.add_argument("--write", type=pathlib.Path, metavar="FILE", help="write the table to this file")
    parser.add_argument("--suite", action="append", default=[], metavar="NAME=LOG", help="lines of another suite that go into the table")
    return parser.parse_args()


def main():
    options = arguments()
    options.out = options.out.resolve()
    cases = chosen(options)
    if not cases:
        raise SystemExit("run.py: no file is chosen")
    run("docker", "image", "inspect", options.image)
    if any(case.zookeeper[0] == "real" for case in cases):
        real_zookeeper.build()
    busy = Busy()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(lambda case: try_file(case, options, busy), cases))
    print(f"1..{sum(count for _, _, count in results)}")
    failed = sum(not passed for _, passed, _ in results)
    print(f"# {len(results) - failed} of {len(results)} files passed", flush=True)
    if options.write:
        suites = [(name, pathlib.Path(log).read_text()) for name, log in (word.split("=", 1) for word in options.suite)]
        table.write(options.write, [row for row, _, _ in results], suites)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
