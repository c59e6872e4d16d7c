"""One broker as a process that is started, killed with SIGKILL and started again on the same data and port."""
import os
import signal
import socket
import struct
import subprocess
import time

STOP_LIMIT_S = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    """Whether an ApiVersions request, version 0, without a client id, is answered."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.settimeout(2)
            connection.sendall(struct.pack(">ihhih", 10, 18, 0, 1, -1))
            return len(connection.recv(8)) > 0
    except OSError:
        return False


class Broker:
    """What the peers share; a peer says which command runs and when it is ready."""

    READY_LIMIT_S = 60

    def __init__(self, home, settings):
        self.home = home
        self.port = free_port()
        self.settings = settings
        self.log = home / "broker.log"
        self.starts = 0
        self._process = None

    @property
    def bootstrap(self):
        return f"127.0.0.1:{self.port}"

    def command(self):
        raise NotImplementedError

    def is_ready(self, new_output):
        raise NotImplementedError

    def _spawn(self):
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("KAFKA_", "BARNABAS_"))}
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=clean)
        self.starts += 1

    def start_and_kill(self, seconds):
        """Starts the process and kills it while it starts, perhaps."""
        self._spawn()
        time.sleep(seconds)
        self.kill()

    def start(self):
        """Starts the process and returns after how many seconds it was ready."""
        begin = self.log.stat().st_size if self.log.exists() else 0
        begun = time.monotonic()
        self._spawn()
        with open(self.log, "rb") as log:
            log.seek(begin)
            output = b""
            while True:
                output += log.read()
                if self.is_ready(output):
                    return time.monotonic() - begun
                if not self.is_running():
                    raise RuntimeError(f"start {self.starts}: the broker ended with {self._process.returncode}: {output[-2000:].decode(errors='replace')}")
                if time.monotonic() - begun > self.READY_LIMIT_S:
                    raise RuntimeError(f"start {self.starts}: not ready after {self.READY_LIMIT_S} s, see {self.log}")
                time.sleep(0.002)

    def is_running(self):
        return self._process is not None and self._process.poll() is None

    def cpu_s(self):
        """Processor time of the process so far, in seconds."""
        try:
            with open(f"/proc/{self._process.pid}/stat", encoding="ascii") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, AttributeError):
            return 0.0

    def kill(self):
        """SIGKILL. Fails if the broker had ended by itself before."""
        if not self.is_running():
            raise RuntimeError(f"the broker ended by itself with {self._process.returncode}, see {self.log}")
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self):
        """SIGTERM; returns whether the broker ended by itself in time."""
        if not self.is_running():
            return False
        self._process.terminate()
        try:
            return self._process.wait(STOP_LIMIT_S) in (0, 143)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return False

    def end(self):
        """Whatever happened, no process remains."""
        if self.is_running():
            self._process.kill()
            self._process.wait()
