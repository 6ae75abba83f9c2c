#!/usr/bin/python3
"""A client without generated code: it has an address and a reader's certificate, learns the API by reflection, finds
the incidents and reads their paths. Prints one JSON object. With a method's name it only calls that method.

    reflection_client.py ADDRESS --ca CA --certificate CRT --key KEY [METHOD [JSON]]
"""

import argparse
import json
import sys

import grpc

import reflection


def find_incident_and_path(client):
    incidents = client.call("hoptrail.v1.DetectionService/ListIncidents")["incidents"]
    paths = [client.call("hoptrail.v1.GraphService/GetPath", {"name": incident["name"]}) for incident in incidents]
    return {"services": client.services(), "incidents": incidents, "paths": paths}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address")
    parser.add_argument("method", nargs="?", help="package.Service/Method")
    parser.add_argument("request", nargs="?", default="{}", help="the request as JSON")
    parser.add_argument("--ca", required=True)
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    arguments = parser.parse_args()
    client = reflection.Client(reflection.secure_channel(arguments.address, arguments.ca, arguments.certificate,
                                                         arguments.key))
    try:
        if arguments.method:
            answer = client.call(arguments.method, json.loads(arguments.request))
        else:
            answer = find_incident_and_path(client)
    except grpc.RpcError as error:
        print(json.dumps({"code": error.code().name, "message": error.details()}), file=sys.stderr)
        return 1
    json.dump(answer, sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
