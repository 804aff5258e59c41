"""Python types for Cyclone DDS from docs/idl/gwanje.idl.

It reads the plain IDL that Gwanje generates and no other: structures in modules, one member a line.
`idlc` of a Cyclone DDS that was installed whole does the same; the one inside the wheel of version
11.0.1 does not start on every machine. Prints the types when it is run:

    python docs/examples/gwanje_idl.py > gwanje_types.py
"""

import re
from pathlib import Path

IDL = Path(__file__).resolve().parent.parent / "idl" / "gwanje.idl"

PLAIN = {
    "boolean": "bool",
    "octet": "uint8",
    "int8": "int8",
    "uint8": "uint8",
    "short": "int16",
    "unsigned short": "uint16",
    "long": "int32",
    "unsigned long": "uint32",
    "long long": "int64",
    "unsigned long long": "uint64",
    "float": "float32",
    "double": "float64",
    "string": "str",
}
HEAD = """\
from dataclasses import dataclass

from cyclonedds.idl import IdlStruct
from cyclonedds.idl.annotations import final, key
from cyclonedds.idl.types import (
    array, float32, float64, int8, int16, int32, int64, sequence, uint8, uint16, uint32, uint64,
)
"""
STRUCT = re.compile(
    r"((?:module \w+ \{ ?)+)\n(?:  //.*\n)*  (?:@nested )?@final struct (\w+) \{\n((?:    .*\n)*)"
)
MEMBER = re.compile(r"^    (@key )?(.+) (\w+)(?:\[(\d+)\])?;$", re.M)


def spelled(idl: str) -> str:
    """A type of IDL as Cyclone's Python spells it."""
    if element := re.fullmatch(r"sequence<(.+)>", idl):
        return f"sequence[{spelled(element[1])}]"
    return PLAIN.get(idl) or idl.rsplit("::", 1)[-1]


def source(idl: Path = IDL) -> str:
    """Python source of every type."""
    out = HEAD
    for modules, name, members in STRUCT.findall(idl.read_text(encoding="utf-8")):
        scope = "::".join(re.findall(r"module (\w+)", modules))
        out += f'\n\n@dataclass\n@final\nclass {name}(IdlStruct, typename="{scope}::{name}"):\n'
        for is_key, type_name, member, bound in MEMBER.findall(members):
            python = spelled(type_name)
            out += f"    {member}: {f'array[{python}, {bound}]' if bound else python}\n"
            out += f'    key("{member}")\n' if is_key else ""
    return out


def types(idl: Path = IDL) -> dict[str, type]:
    """Every type by its name without modules."""
    scope: dict = {"__name__": "gwanje_types"}
    exec(source(idl), scope)
    return scope


if __name__ == "__main__":
    print(source(), end="")
