"""Prepares kazoo, starts the server unless ZOOKEEPER names one, and runs steps.py against it."""

import os
import socket
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def main():
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    binary = Path(sys.argv[1]) if len(sys.argv) > 1 else target / "debug" / "barnabas"
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", HERE / "requirements.txt"], check=True)
        server, address = None, os.environ.get("ZOOKEEPER")
        if not address:
            address = f"127.0.0.1:{free_port()}"
            environment = {**os.environ, "ZOOKEEPER_CLIENT_PORT": address.split(":")[1]}
            server = subprocess.Popen([binary, "zookeeper-server-start"], env=environment, stdout=subprocess.PIPE, text=True)
            line = server.stdout.readline()
            assert "binding to port" in line, f"the server did not start: {line!r}"
        try:
            return subprocess.run([python, HERE / "steps.py", address]).returncode
        finally:
            if server:
                server.terminate()
                assert server.wait(5) == 0, "the server did not stop cleanly"


sys.exit(main())
