"""Write core.lock and full.lock from what is installed.

Install `full.in` into a fresh Python 3.11 environment first; then
`python requirements/lock.py` walks the requirements of `core.in` and `full.in` through the
installed packages' metadata, so that both locks have equal pins. No hash, index or find-links
lines, and no local version (torch is written without `+cpu`).
"""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).parent


def requirements(path: Path) -> list[Requirement]:
    """The requirements of an `.in` file, included files too."""
    found = []
    for raw in path.read_text(encoding="utf-8").splitlines():
        line = raw.split("#")[0].strip()
        if line.startswith("-r "):
            found += requirements(HERE / line[3:])
        elif line:
            found.append(Requirement(line))
    return found


def closure(roots: list[Requirement]) -> dict[str, str]:
    """Name to version of the roots and everything they need here."""
    pins: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    queue = list(roots)
    while queue:
        wanted = queue.pop()
        name = canonicalize_name(wanted.name)
        if (name, frozenset(wanted.extras)) in seen:
            continue
        seen.add((name, frozenset(wanted.extras)))
        package = distribution(wanted.name)
        pins[name] = package.version.split("+")[0]
        for text in package.requires or []:
            needed = Requirement(text)
            extras = wanted.extras or {""}
            if needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in extras):
                queue.append(needed)
    return pins


def main() -> None:
    """Write both locks."""
    for name in ("core", "full"):
        pins = closure(requirements(HERE / f"{name}.in"))
        lines = [f"{package}=={version}" for package, version in sorted(pins.items())]
        text = f"# Made by requirements/lock.py from {name}.in; do not edit.\n" + "\n".join(lines)
        (HERE / f"{name}.lock").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
