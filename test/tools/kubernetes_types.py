"""Reads manifests, a list of them as JSON, into the types of Kubernetes and back: keys that they do not have are lost. Prints them as such a list."""

import json
import sys

import yaml
from kubernetes import client


class Response:
    def __init__(self, document):
        self.data = json.dumps(document)


def differences(given, kept, place):
    if isinstance(given, dict) and isinstance(kept, dict):
        for key in sorted(given.keys() | kept.keys()):
            if key not in kept:
                yield f"{place}.{key} is no field"
            elif key in given:
                yield from differences(given[key], kept[key], f"{place}.{key}")
    elif isinstance(given, list) and isinstance(kept, list):
        for i, (one, other) in enumerate(zip(given, kept)):
            yield from differences(one, other, f"{place}[{i}]")
    elif given != kept:
        yield f"{place} is {given!r}, which is read as {kept!r}"


api = client.ApiClient()


def lost(manifest):
    for document in yaml.safe_load_all(manifest):
        kind = document["kind"]
        try:
            kept = api.sanitize_for_serialization(api.deserialize(Response(document), "V1" + kind))
        except ValueError as error:
            yield f"{kind}: {error}"
        else:
            yield from differences(document, kept, kind)


print(json.dumps([list(lost(manifest)) for manifest in json.load(sys.stdin)]))
