"""Writes three samples of a test type, and goes on until it is stopped."""

import argparse
import time
from dataclasses import dataclass

from cyclonedds.core import Policy, Qos
from cyclonedds.domain import DomainParticipant
from cyclonedds.idl import IdlStruct
from cyclonedds.idl.annotations import final, key
from cyclonedds.idl.types import float32, float64, int8, sequence, uint64
from cyclonedds.pub import DataWriter
from cyclonedds.topic import Topic
from cyclonedds.util import duration


@dataclass
@final
class Note(IdlStruct, typename="gwanje_test::Note"):
    sn: str
    key("sn")
    number: uint64
    value: float64
    is_it: bool
    small: int8
    list: sequence[float32]
    words: sequence[str]


arguments = argparse.ArgumentParser()
arguments.add_argument("--domain", type=int, required=True)
participant = DomainParticipant(arguments.parse_args().domain)
qos = Qos(
    Policy.Reliability.Reliable(duration(seconds=1)),
    Policy.Durability.TransientLocal,
    Policy.History.KeepLast(64),
)
writer = DataWriter(participant, Topic(participant, "rt/gwanje/test", Note), qos=qos)
while not writer.get_matched_subscriptions():
    time.sleep(0.02)
for number in (1, 2, 3):
    writer.write(Note("PY1", number, -1.5, True, -3, [0.5, 1.5], ["관제", ""]))
while True:
    time.sleep(1)
