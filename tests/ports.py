"""Ports for servers that a test starts on loopback."""

import random
import socket
from contextlib import ExitStack
from pathlib import Path

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(n):
    """`n` ports on loopback, each another one, on which nothing listens.

    They lie below those that the system gives to connections going out: such a connection, also one of the servers that are just being
    started, could take a port before its server does. Another program can still be faster, so start servers again that end with "address
    in use".
    """
    first = int(RANGE.read_text().split()[0]) if RANGE.exists() else 32768
    if first < 20_000:
        raise SystemExit(f"{RANGE}: {first} found as the lowest port of connections going out, 20000 or more expected: no room for servers")
    with ExitStack() as held:
        ports = []
        for port in random.SystemRandom().sample(range(10_000, first), first - 10_000):
            if len(ports) == n:
                break
            try:
                held.enter_context(socket.create_server(("127.0.0.1", port)))
                ports.append(port)
            except OSError:
                pass
        return ports
