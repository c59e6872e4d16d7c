"""The checks of ../kafka_python under kafka-python 2.0; what that version lacks is skipped."""
import os
import runpy
import sys

suite = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "kafka_python")
sys.path.insert(0, suite)
runpy.run_path(os.path.join(suite, "run.py"), run_name="__main__")
