"""A member of a session, over an independent gRPC client that knows nothing but the contract's descriptors.

usage: talking_client.py DESCRIPTOR_SET ADDRESS SESSION USER OTHER COUNT

Says COUNT messages, waits for as many of OTHER, half-closes, and prints one JSON object of what it saw.
"""
import json
import queue
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

descriptors, address, session, user, other, count = sys.argv[1:6] + [int(sys.argv[6])]
with open(descriptors, "rb") as file:
    files = descriptor_pb2.FileDescriptorSet.FromString(file.read())
pool = descriptor_pool.DescriptorPool()
for each in files.file:
    pool.Add(each)
descriptor = pool.FindMessageTypeByName("analytics.CollaborationMessage")
if hasattr(message_factory, "GetMessageClass"):
    CollaborationMessage = message_factory.GetMessageClass(descriptor)
else:
    CollaborationMessage = message_factory.MessageFactory(pool).GetPrototype(descriptor)

channel = grpc.insecure_channel(address)
join = channel.stream_stream(
    "/analytics.Collaboration/JoinSession",
    CollaborationMessage.SerializeToString, CollaborationMessage.FromString)
outgoing = queue.Queue()
stream = join(iter(outgoing.get, None), timeout=30)


def send(text, message_type="chat", **metadata):
    outgoing.put(CollaborationMessage(user_id=user, message=text, message_type=message_type, metadata=metadata))


send("", "join", session_id=session, user_name=user.title())
seen = {"heard": [], "confirmed": [], "refused": [], "events": [], "names": []}
said = 0
for message in stream:
    event = message.metadata["event"] if "event" in message.metadata else ""
    if message.message_type == "chat":
        seen["heard"].append([message.user_id, message.message])
    elif "error" in message.metadata:
        seen["refused"].append(message.metadata["error"])
    elif event == "confirmed":
        seen["confirmed"].append([message.metadata["client_message_id"], int(message.metadata["number"])])
    elif message.message_type == "system":
        seen["events"].append(event)
        if event == "joined":
            seen["names"].append(message.message)
    # Both are here before either speaks.
    is_begun = any(other.title() in name for name in seen["names"])
    if said == 0 and is_begun:
        send("no such type", "dance")
        for said in range(1, count + 1):
            send(f"{user} says {said} – ü ☃", client_message_id=str(said))
    if said == count and len(seen["heard"]) >= count and len(seen["confirmed"]) >= count:
        outgoing.put(None)
        said += 1
seen["code"] = stream.code().name
print(json.dumps(seen))
