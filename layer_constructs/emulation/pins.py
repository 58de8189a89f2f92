"""AWS's own programs, by version and hash: what runs a function here is the same on every machine.

Taken from PyPI on 2026-11-21. The emulator is the one that AWS SAM CLI carries for both architectures
(https://github.com/aws/aws-lambda-runtime-interface-emulator), the client is what AWS's Python images run.
"""

from __future__ import annotations

from layer_constructs.building.target import ArchitectureName

Pin = tuple[str, str]

EMULATOR: Pin = ("aws-sam-cli==1.170.0", "24ebaf5ecba38dc1758089968cb89ab61e124b84e92a344fc7a2771a47f4d0bf")
EMULATOR_FILES: dict[ArchitectureName, str] = {
    "x86_64": "samcli/local/rapid/aws-lambda-rie-x86_64",
    "arm64": "samcli/local/rapid/aws-lambda-rie-arm64",
}

# Each compiled for one Python and one architecture.
_CLIENT = "awslambdaric==4.2.2"
_CLIENTS: dict[tuple[str, ArchitectureName], Pin] = {
    ("3.9", "x86_64"): ("awslambdaric==4.0.4", "4531221790509abf378114d2373a0d1f8b76b65920513b9c48d489501293007a"),
    ("3.9", "arm64"): ("awslambdaric==4.0.4", "ab7e4aa123dd1e9b1a24628e595dc14ca17a8fe7485824de2aa26a2536dc15f8"),
    ("3.10", "x86_64"): (_CLIENT, "71feb2fb303b73642a433154f2ea9eba8dd8c1da0863a3ff4c3916b9945b0de1"),
    ("3.10", "arm64"): (_CLIENT, "4e53dbdf07c2c56824a7c539aeb65d15ea26858c1d7cdc89edf4d976dd50450f"),
    ("3.11", "x86_64"): (_CLIENT, "ea87f581768a7558b493a59ee9f4de6dcbc6444b888169afa01af71396ed731d"),
    ("3.11", "arm64"): (_CLIENT, "0bfd063e2b4c3f1c58e5a561fab3a15d71ed85dbfacb0a7a693b8d20f1d1c544"),
    ("3.12", "x86_64"): (_CLIENT, "f04e362be24ae21f34beb9ad4847f94ebb915ccd5120925a227f721af20a411d"),
    ("3.12", "arm64"): (_CLIENT, "1c6c1a9df7b32043f820204c035c0c9496b8203c8a39331712cb5f058ea6be8f"),
    ("3.13", "x86_64"): (_CLIENT, "2215bca01bbdbdfa9579bb4204f55d3e91e6dee589b88f8f9d20a285a790c468"),
    ("3.13", "arm64"): (_CLIENT, "bd3ebafddd6c3283a2c7f121164f304273256c7fe3f9847be44d0c5f6fd2d792"),
    ("3.14", "x86_64"): (_CLIENT, "a153a632c70b6bb3f2783bcf609e38182740d812a2424be03a26782484ff6610"),
    ("3.14", "arm64"): (_CLIENT, "702ead5196cf5ff30dcab997e4e4fca7ba020a258fa5ef996ef95955a0abab25"),
}

# What the client needs, in pure Python.
_CLIENT_NEEDS: tuple[Pin, ...] = (
    ("simplejson==4.3.0", "48d5d79d723300b49f18bbd88d786c0410cc58b869c121024a132e2e49f9cf35"),
    ("snapshot-restore-py==1.0.0", "38f99e696793790f54658e71c68c7a8a40cea877c81232b5052383b1301aceba"),
)

# boto3 and what it needs lie in every Python runtime; AWS doesn't say which versions, so they are not the same ones.
_SDK: tuple[Pin, ...] = (
    ("boto3==1.44.5", "70c3e0409794b29ec1900bcaff0695b73234a2d32ffaed35045b94caa26212a5"),
    ("botocore==1.44.5", "8f16a56d1dff125dd65322ae021efa7ba5195a6db5102b96862566055b748921"),
    ("s3transfer==0.19.3", "24eb7535804306355e31c952a90022bf5b2f9d760f9a11062c7493a217c08553"),
    ("urllib3==2.8.0", "0cf3cae568d36aa9576b28dfb35f11328f1cb974ca7647d9475ebb86c75ac6e3"),
)
_SDK_OF_39: tuple[Pin, ...] = (
    ("boto3==1.42.97", "966e49f0510af9a64057a902b7df53d4348c447de0d3df4cc855dfd85e058fcd"),
    ("botocore==1.42.97", "77d2c8ce1bc592d3fbd7c01c35836f4a5b0cac2ca03ccdf6ffc60faa16b5fadc"),
    ("s3transfer==0.16.1", "61bcd00ccb83b21a0fe7e91a553fff9729d46c83b4e0106e7c314a733891f7c2"),
    ("urllib3==1.26.20", "0ed14ccfbf1c30a9072c7ca157e4319b70d65f623e91e7b32fadb2853431016e"),
)
_SDK_NEEDS: tuple[Pin, ...] = (
    ("jmespath==1.1.0", "a5663118de4908c91729bea0acadca56526eb2698e83de10cd116ae0f4e97c64"),
    ("python-dateutil==2.9.0.post0", "a8b2bc7bffae282281c8140a97d3aa9c14da0b136dfe83f850eea9a5f7470427"),
    ("six==1.17.0", "4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274"),
)

PYTHONS = tuple(dict.fromkeys(python for python, _ in _CLIENTS))


def runtime_pins(python: str, architecture: ArchitectureName) -> tuple[Pin, ...]:
    """What stands in for a Python runtime's own packages: the client, and the AWS SDK."""
    sdk = _SDK_OF_39 if python == "3.9" else _SDK
    return (_CLIENTS[python, architecture], *_CLIENT_NEEDS, *sdk, *_SDK_NEEDS)
