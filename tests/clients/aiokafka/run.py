"""Acceptance checks with aiokafka. BOOTSTRAP=host:port python run.py [part of a check's name ...]"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))

from checks import run_checks  # noqa: E402

import groups  # noqa: E402
import records  # noqa: E402
import topics  # noqa: E402
from client import connect, on_loop, start_loop  # noqa: E402

AREAS = {"topics": topics.CHECKS, "records": records.CHECKS, "groups": groups.CHECKS}

if __name__ == "__main__":
    start_loop()
    run_checks({area: [on_loop(check) for check in checks] for area, checks in AREAS.items()}, on_loop(connect))
