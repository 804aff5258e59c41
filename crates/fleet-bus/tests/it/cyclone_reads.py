"""Reads alarms reliably, until it is stopped."""

import argparse
import sys
import time
from pathlib import Path

from cyclonedds.core import Policy, Qos
from cyclonedds.domain import DomainParticipant
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic
from cyclonedds.util import duration

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "docs" / "examples"))
from gwanje_idl import types  # noqa: E402

arguments = argparse.ArgumentParser()
arguments.add_argument("--domain", type=int, required=True)
participant = DomainParticipant(arguments.parse_args().domain)
topic = Topic(participant, "rt/gwanje/alarm_status", types()["AlarmStatus_"])
qos = Qos(
    Policy.Reliability.Reliable(duration(seconds=1)),
    Policy.Durability.TransientLocal,
    Policy.History.KeepLast(64),
    Policy.DataRepresentation(use_cdrv0_representation=True),
)
reader = DataReader(participant, topic, qos=qos)
while not reader.get_matched_publications():
    time.sleep(0.02)
print("ready", flush=True)
while True:
    reader.take(64)
    time.sleep(0.02)
