#!/usr/bin/python3
"""The demonstration: four hosts on this machine, an intruder who crosses them, and Hoptrail, which shows the path.

    demo.py --binaries DIR --state DIR

Stays up for queries until Ctrl-C, and then removes everything except the state directory.
"""

import argparse
import os
import shlex
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import bench  # noqa: E402
import fleet as fleets  # noqa: E402
import namespaces  # noqa: E402
import relay  # noqa: E402
import story  # noqa: E402


def say(line=""):
    print(line, flush=True)


def build(arguments):
    if arguments.without_product:
        return fleets.Fleet(arguments.state)
    return bench.Bench(arguments.binaries, os.path.join(arguments.state, "logs"), os.path.join(arguments.state, "lab"))


def print_path(built):
    """Prints the incident's path as the command line draws it."""
    incident = story.wait_for_incident(built.api)
    time.sleep(1.0)  # the last facts of the last hop
    say()
    say(built.command_line(built.reader).text("path", incident["name"]).rstrip())
    say()
    return incident


def print_queries(built, address, incident):
    line = built.command_line(built.operator)
    flags = ["--collector", address, *line.flags[2:]]
    command = shlex.join([line.binary, *flags])
    name = incident["name"].split("/")[1][:12]
    say("Query the collector yourself (any of hosts, sessions, detections, incidents, path, ack, resolve):")
    say(f"  {command} path {name}")
    say()
    say(f"Collector: {address}, certificates in {built.authority.directory}, logs in {built.logs}")
    print_entrances(built.fleet)


def print_entrances(fleet):
    for host in fleets.AGENT_HOSTS:
        say(f"Look into {host}: {shlex.join(fleet[host].enter(['bash']))}")
    say()


def play(built, log):
    """Plays the story; its sessions stay open for queries."""
    played = story.Story(built.fleet, log)
    played.play()
    return played


def wait_for_the_end():
    say("Ctrl-C ends the demonstration and removes the hosts.")
    signal.pause()


def run(arguments):
    say("Building the hosts gw, web, db and vault …")
    with build(arguments) as built:
        played = None
        try:
            if arguments.without_product:
                print_entrances(built)
                wait_for_the_end()
                return
            say("The collector and an agent on each host are running. Now an intruder comes.")
            played = play(built, lambda line: say(f"  {line}"))
            incident = print_path(built)
            mgmt = built.fleet.namespace("mgmt")
            door = relay.Relay(mgmt, (fleets.COLLECTOR_ADDRESS, fleets.COLLECTOR_PORT), arguments.port)
            print_queries(built, door.address, incident)
            wait_for_the_end()
            door.close()
        finally:
            say("Cleaning up …")
            if played:
                played.close()


def interrupt(*_):
    """The first signal ends the demonstration; further signals must not disturb the cleanup."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--binaries", default=os.path.join(here, "../../build/release"))
    parser.add_argument("--state", help="directory for the hosts' files, the store, certificates and logs")
    parser.add_argument("--port", type=int, default=0, help="the port on 127.0.0.1 that leads to the collector")
    parser.add_argument("--without-product", action="store_true", help="build only the hosts, to look around in")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print("the demonstration builds namespaces and loads programs into the kernel: run it as root",
              file=sys.stderr)
        return 1
    if not arguments.without_product and not arguments.state:
        parser.error("--state is required")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        run(arguments)
    except KeyboardInterrupt:
        pass
    except (namespaces.LabError, TimeoutError) as error:
        print(f"the demonstration failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
