"""Starts the broker of this repository from its binary."""
import os
import pathlib

from peers.process import Broker

ROOT = pathlib.Path(__file__).resolve().parents[2]


def default_binary():
    """The release build if there is one, the debug build otherwise."""
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    release, debug = target / "release" / "barnabas", target / "debug" / "barnabas"
    return release if release.exists() or not debug.exists() else debug


class Barnabas(Broker):
    def __init__(self, home, settings, binary):
        super().__init__(home, settings)
        self._binary = binary

    @staticmethod
    def missing(binary):
        """What has to be done first, or nothing."""
        return [] if binary.exists() else [f"{binary} is missing: cargo build --release --package barnabas-server"]

    def command(self):
        settings = {
            "log.dirs": self.home / "data", "listeners": f"PLAINTEXT://{self.bootstrap}", "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "barnabas.http.listener": "", **self.settings,
        }
        overrides = [part for key, value in settings.items() for part in ("--override", f"{key}={value}")]
        return [self._binary, "server", *overrides]

    def is_ready(self, new_output):
        return b'"event":"ready"' in new_output
