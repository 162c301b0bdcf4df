"""Find the browser that the tests drive; run as a script, install one where there is none."""

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    # The browser asks its maker for updates and the like, which is not the page's doing: it finds nobody. What the page
    # asks for is seen before names are looked up.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def find() -> str | None:
    """Return the path of a system Chromium, else of Playwright's own, else None."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).is_file() else None


def install() -> None:
    """Try Playwright's download, then Debian's package."""
    with suppress(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], timeout=300, check=False)
    if find() is None and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"],
            env=environment,
            stdout=subprocess.DEVNULL,
            check=False,
        )


if __name__ == "__main__":
    if find() is None:
        install()
    if (found := find()) is None:
        sys.exit("The tests need a browser and none could be installed: install Chromium (apt-get install chromium).")
    sys.stdout.write(f"Browser: {found}\n")
