"""Run a command in a network namespace of its own that has loopback and a way out which leads nowhere.

What tries to leave (a name look-up, a connection) is written to a file, one destination a line. Linux only.

    python tests/offline.py FILE COMMAND ...
"""

import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

WAY_OUT = [
    ["ip", "link", "set", "lo", "up"],
    ["ip", "link", "add", "out", "type", "veth", "peer", "name", "hole"],
    ["sysctl", "-qw", "net.ipv6.conf.out.disable_ipv6=1", "net.ipv6.conf.hole.disable_ipv6=1"],
    ["ip", "addr", "add", "198.51.100.2/24", "dev", "out"],
    ["ip", "link", "set", "hole", "arp", "off", "up"],
    ["ip", "link", "set", "out", "arp", "off", "up"],
    ["ip", "route", "add", "default", "dev", "out"],
]
ETHERNET_HEADER = 14
PROTOCOLS = {6: "tcp", 17: "udp"}


def destination(frame: bytes) -> str | None:
    """Return `protocol address:port` of an IPv4 frame."""
    if frame[12:14] != b"\x08\x00":
        return None
    packet = frame[ETHERNET_HEADER:]
    length = (packet[0] & 15) * 4
    protocol, address = packet[9], socket.inet_ntoa(packet[16:20])
    (port,) = struct.unpack("!H", packet[length + 2 : length + 4])
    name = packet[length + 20 : length + 80] if port == 53 else b""
    return f"{PROTOCOLS.get(protocol, protocol)} {address}:{port} {name!r}".strip()


def listen(sniffer: socket.socket, report: Path) -> None:
    while True:
        frame = sniffer.recv(2048)
        if found := destination(frame):
            with report.open("a") as stream:
                stream.write(found + "\n")


def main() -> None:
    report, command = Path(sys.argv[1]), sys.argv[2:]
    if os.environ.get("OFFLINE_INSIDE") != "yes":
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        os.environ["OFFLINE_INSIDE"] = "yes"
        os.execvp("unshare", ["unshare", *user, "--net", sys.executable, *sys.argv])
    for step in WAY_OUT:
        subprocess.run(step, check=True)
    report.write_text("")
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
    sniffer.bind(("hole", 0))
    threading.Thread(target=listen, args=(sniffer, report), daemon=True).start()
    sys.exit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()
