"""Whether there is a network, before anything waits for it: libraries try a name that cannot be found for half a minute."""

import os
import socket
import time
import urllib.request
from urllib.parse import urlsplit

from pipeline.common.errors import UserError, one_line

PROBES = 2
WAIT = 10.0
"""Seconds for an answer to one probe. A firewall that drops what is sent gives none."""
PAUSE = 1.0
"""Seconds between two."""

_reached: set[tuple[str, int]] = set()


def offline() -> bool:
    """Whether every job is told to stay off the network, by the variable of the hub's library (`HF_HUB_OFFLINE`)."""
    said = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return said.upper() in ("1", "ON", "YES", "TRUE")


def check_reachable(url: str) -> None:
    """Check, once for each server, that this machine has a way to it; where a proxy stands between, nothing is asked.

    A server that refuses is there, and may be back soon: what fetches from it sees to that.

    Raises:
        UserError: jobs are to stay off the network, or the server's name is not known here or nothing answers.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)
    if offline():
        raise UserError(f"HF_HUB_OFFLINE is set, which keeps jobs off the network; unset it, or {_advice(host)}")
    if (host, port) in _reached or _proxied(parts.scheme, host):
        return
    for probe in range(PROBES):
        try:
            socket.create_connection((host, port), timeout=WAIT).close()
        except ConnectionRefusedError:
            return
        except (OSError, UnicodeError) as error:  # no name, no way, no answer; a name that is none
            said = one_line(error)
        else:
            _reached.add((host, port))
            return
        if probe + 1 < PROBES:
            time.sleep(PAUSE)
    raise UserError(f"{host} cannot be reached from this machine ({said}). Where it has no internet, {_advice(host)}")


def _proxied(scheme: str, host: str) -> bool:
    return scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host)


def _advice(host: str) -> str:
    return (
        f"run `snakemake prepare` with this config where {host} can be reached and bring the folder here, or name a folder that "
        "holds the files: `mirror` (docs/clusters/offline.md)"
    )
