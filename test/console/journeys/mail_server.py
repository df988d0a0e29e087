"""A mail server (Debian's aiosmtpd) that takes mail for ada@plant.example alone; prints its port, then each mail as JSON."""
import asyncio
import json
import sys

from aiosmtpd.smtp import SMTP

TAKEN = "ada@plant.example"


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address != TAKEN:
            return "550 5.1.1 %s: no such user here" % address
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "text": envelope.content.decode()}
        print(json.dumps(mail), flush=True)
        return "250 OK"


async def serve():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Handler(), loop=loop), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    # Its end is that of whoever started it.
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(serve())
