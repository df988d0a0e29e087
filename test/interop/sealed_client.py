"""A member of an encrypted session, from docs/sessions.md alone: argv is the HTTP address and a link; says what it read as JSON."""

import base64
import json
import os
import struct
import sys
import urllib.request

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MESSAGE = "watchpost session message 1"
EARLIER_KEY = "watchpost session earlier key 1"
CHECK = "watchpost session key check 1"


def context(purpose, session_id, sender, message_id, epoch):
    texts = [text.encode() for text in (purpose, session_id, sender, message_id)]
    return b"".join(struct.pack(">I", len(text)) + text for text in texts) + struct.pack(">I", epoch)


def derived(secret, length, purpose, session_id, epoch):
    return HKDF(hashes.SHA256(), length, None, context(purpose, session_id, "", "", epoch)).derive(secret)


def opened(secret, sealed, purpose, session_id, sender="", message_id=""):
    epoch = sealed["epoch"]
    key = AESGCM(derived(secret, 32, purpose, session_id, epoch))
    nonce, ciphertext = (base64.b64decode(sealed[part]) for part in ("nonce", "ciphertext"))
    return key.decrypt(nonce, ciphertext, context(purpose, session_id, sender, message_id, epoch))


def ask(address, method, **request):
    url = f"http://{address}/analytics.Collaboration/{method}"
    body = json.dumps(request).encode()
    call = urllib.request.Request(url, body, {"content-type": "application/json"})
    return json.load(urllib.request.urlopen(call))


address, link = sys.argv[1:]
path, key = link.split("#key=")
session_id = path.rsplit("/", 1)[1]
epoch, secret = int(key.split(".")[0]), base64.urlsafe_b64decode(key.split(".")[1] + "=")

encryption = ask(address, "GetSession", sessionId=session_id)["session"]["encryption"]
assert encryption["epoch"] == epoch
assert base64.b64decode(encryption["keyCheck"]) == derived(secret, 16, CHECK, session_id, epoch)
secrets = {epoch: secret}
for before in range(epoch - 1, 0, -1):
    secrets[before] = opened(secrets[before + 1], encryption["earlierKeys"][before - 1], EARLIER_KEY, session_id)

said = []
for message in ask(address, "ListMessages", sessionId=session_id)["messages"]:
    if "sealed" in message:
        sender, message_id = message["userId"], message["metadata"]["client_message_id"]
        text = opened(secrets[message["sealed"]["epoch"]], message["sealed"], MESSAGE, session_id, sender, message_id)
        said.append([sender, text.decode()])

nonce, sender, message_id = os.urandom(12), "python", "from-python"
own = AESGCM(derived(secret, 32, MESSAGE, session_id, epoch))
ciphertext = own.encrypt(nonce, "grüße".encode(), context(MESSAGE, session_id, sender, message_id, epoch))
sealed = {"nonce": base64.b64encode(nonce).decode(), "ciphertext": base64.b64encode(ciphertext).decode(), "epoch": epoch}
metadata = {"client_message_id": message_id}
ask(address, "SendMessage", sessionId=session_id, userId=sender, messageType="chat", metadata=metadata, sealed=sealed)
print(json.dumps(said))
