"""Writes a command, as somebody might who thinks that this is how docks are commanded."""

import argparse
import time
from dataclasses import dataclass

from cyclonedds.core import Policy, Qos
from cyclonedds.domain import DomainParticipant
from cyclonedds.idl import IdlStruct
from cyclonedds.idl.annotations import final
from cyclonedds.pub import DataWriter
from cyclonedds.topic import Topic
from cyclonedds.util import duration


@dataclass
@final
class Command(IdlStruct, typename="gwanje::msg::dds_::Command_"):
    sn: str
    method: str
    data: str


arguments = argparse.ArgumentParser()
arguments.add_argument("--domain", type=int, required=True)
participant = DomainParticipant(arguments.parse_args().domain)
qos = Qos(
    Policy.Reliability.Reliable(duration(seconds=1)),
    Policy.Durability.TransientLocal,
    Policy.History.KeepLast(1),
)
writer = DataWriter(participant, Topic(participant, "rt/gwanje/command", Command), qos=qos)
writer.write(Command("DOCK1", "cover_open", "{}"))
while True:
    time.sleep(1)
