"""What a result depends on besides data, settings and code: versions of libraries, and the processor."""

import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

from saccade import __version__

LIBRARIES = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "albumentations", "opencv-python-headless")


def library_versions() -> dict[str, str]:
    """Versions of Python, saccade and the libraries that compute; those that are not installed are left out."""
    found = {"python": platform.python_version(), "saccade": __version__}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # opencv comes under several names
    import torch

    return found | {"torch": str(torch.__version__)}  # with what it was built for, such as +cu132


def processor_of(device: str) -> str:
    """The processor on which a device computes, and what of its instructions torch uses: they decide how sums round.

    Args:
        device: type of a device: cpu, cuda or mps.

    Returns:
        Such as "AMD EPYC 7B13 (x86_64, AVX2)", or the name of a GPU.
    """
    import torch

    if device.startswith("cuda"):
        return str(torch.cuda.get_device_name(device))
    machine = platform.machine()
    return (
        f"{_model_name() or platform.processor() or 'processor'} ({machine}, {torch.backends.cpu.get_cpu_capability()})"
    )


def _model_name() -> str:
    """The name that the maker gave it; empty where the system does not tell."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
        return " ".join(found[1].split()) if found else ""
    except OSError:
        pass
    try:
        asked = ["sysctl", "-n", "machdep.cpu.brand_string"]  # macOS
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
