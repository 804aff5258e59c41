"""Prints live telemetry of a Gwanje tower, by Eclipse Cyclone DDS and nothing of Gwanje.

    pip install cyclonedds==11.0.1
    export CYCLONEDDS_URI='<CycloneDDS><Domain id="any"><General><Interfaces>
      <NetworkInterface address="127.0.0.1" multicast="true"/>
      </Interfaces></General></Domain></CycloneDDS>'
    python docs/examples/dds_telemetry.py --domain 0

The tower needs `[dds] enabled = true`. The types come from docs/idl/gwanje.idl.
"""

import argparse
import time

from cyclonedds.core import Policy, Qos
from cyclonedds.domain import DomainParticipant
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic
from gwanje_idl import types


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--domain", type=int, default=0)
    domain = arguments.parse_args().domain
    telemetry = types()["DeviceTelemetry_"]
    participant = DomainParticipant(domain)
    topic = Topic(participant, "rt/gwanje/device_telemetry", telemetry)
    # Old representation first: it is what the tower writes, and what ROS 2 reads.
    qos = Qos(
        Policy.Reliability.BestEffort,
        Policy.History.KeepLast(1),
        Policy.DataRepresentation(use_cdrv0_representation=True),
    )
    reader = DataReader(participant, topic, qos=qos)
    while True:
        for it in reader.take(256):
            if not it.sample_info.valid_data:
                continue
            print(
                f"{it.sn} {it.device_class} mode {it.mode_code}"
                f" {it.latitude_deg:.6f} {it.longitude_deg:.6f} {it.height_m:.1f} m"
                f" {it.horizontal_speed_mps:.1f} m/s {it.battery_percent:.0f} %",
                flush=True,
            )
        time.sleep(0.02)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
