"""An independent gRPC client: knows nothing but the contract's descriptors. Prints one JSON object of what it saw.

usage: contract_client.py DESCRIPTOR_SET ADDRESS [CA [CERTIFICATE KEY]]
"""
import json
import sys
import threading
import time

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

with open(sys.argv[1], "rb") as file:
    files = descriptor_pb2.FileDescriptorSet.FromString(file.read())
pool = descriptor_pool.DescriptorPool()
for each in files.file:
    pool.Add(each)


def message(name):
    descriptor = pool.FindMessageTypeByName("analytics." + name)
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)


BatchData, UploadResponse = message("BatchData"), message("UploadResponse")
MetricSubscription, DashboardData = message("MetricSubscription"), message("DashboardData")

UNLIMITED = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


def channel_of(address, *files):
    if not files:
        return grpc.insecure_channel(address, options=UNLIMITED)
    ca, certificate, key = [open(path, "rb").read() for path in files] + [None] * (3 - len(files))
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(ca, key, certificate), options=UNLIMITED)


channel = channel_of(*sys.argv[2:])
upload = channel.stream_unary(
    "/analytics.DataIngestion/UploadData", BatchData.SerializeToString, UploadResponse.FromString)
upload_bytes = channel.stream_unary(
    "/analytics.DataIngestion/UploadData", lambda raw: raw, UploadResponse.FromString)
subscribe = channel.unary_stream(
    "/analytics.Dashboard/SubscribeMetrics", MetricSubscription.SerializeToString, DashboardData.FromString)


def batch(metric, count, source="python", batch_id="b"):
    data = BatchData(batch_id=batch_id, source=source)
    now = int(time.time())
    for i in range(count):
        point = data.points.add(id=str(i), metric_name=metric, value=i)
        point.tags["device"] = "press-1"
        point.timestamp.seconds = now - count + i
    return data


def answer_of(response):
    return {
        "batch_id": response.batch_id != "",
        "processed": response.points_processed,
        "failed": response.points_failed,
        "errors": list(response.errors),
    }


def status_of(call):
    try:
        result = call()
        return {"code": "OK", "details": "", "result": result}
    except grpc.RpcError as error:
        return {"code": error.code().name, "details": error.details()}


seen = {}
seen["upload"] = answer_of(upload(iter([batch("py.ok", 3), batch("py.ok", 2, batch_id="b2"), batch("not ok", 1)])))
seen["gzip"] = answer_of(upload(iter([batch("py.gzip", 1000)]), compression=grpc.Compression.Gzip))
seen["unknown_fields"] = answer_of(upload_bytes(iter([
    batch("py.unknown", 1).SerializeToString() + bytes([0xFA, 0x3F, 0x03, 0x61, 0x62, 0x63])])))
seen["garbage"] = answer_of(upload_bytes(iter([b"\xff\xff\xff\xff", batch("py.after", 1).SerializeToString()])))
seen["bad_utf8"] = answer_of(upload_bytes(iter([bytes([0x0A, 0x04, 0x12, 0x02, 0xC3, 0x28])])))
seen["absurd_varint"] = answer_of(upload_bytes(iter([bytes([0x0A] + [0xFF] * 11)])))
seen["too_many_points"] = answer_of(upload(iter([batch("py.many", 10001), batch("py.many", 1)])))
seen["oversized"] = status_of(lambda: answer_of(upload_bytes(iter([bytes(50 * 1024 * 1024 + 1)]))))
seen["after_oversized"] = answer_of(upload(iter([batch("py.later", 1)])))

stream = subscribe(MetricSubscription(metric_names=["py.*"], update_interval_ms=1000, filters={"device": "press-*"}))
first = next(stream)
seen["first"] = {
    "names": sorted(value.name for value in first.metrics),
    "granted": first.update_interval_ms,
    "id": first.dashboard_id != "",
}
later = threading.Timer(0.1, lambda: upload(iter([batch("py.new", 1)])))
later.start()
for update in stream:
    if any(value.name == "py.new:python" for value in update.metrics):
        seen["joined"] = update.dashboard_id == first.dashboard_id
        break
later.join()
stream.cancel()
seen["cancelled"] = status_of(lambda: next(stream))["code"]

ticking = subscribe(MetricSubscription(metric_names=["*"]), timeout=0.3)
seen["deadline"] = status_of(lambda: list(ticking))["code"]


def endless():
    while True:
        yield batch("py.slow", 1)
        time.sleep(0.01)


seen["upload_deadline"] = status_of(lambda: upload(endless(), timeout=0.3))["code"]
seen["no_names"] = status_of(lambda: list(subscribe(MetricSubscription())))
seen["unimplemented"] = status_of(lambda: channel.unary_unary("/analytics.Dashboard/Nothing")(b""))["code"]
seen["clamped"] = next(subscribe(MetricSubscription(metric_names=["*"], update_interval_ms=1))).update_interval_ms
print(json.dumps(seen))
