/** The socket on which systemd hears how a service stands: sd_notify(3) without its library. Loaded only where there is one. */
import { dlopen, ptr } from "bun:ffi";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import type { Notify } from "./supervised.ts";

/** glibc's name; musl answers to it, too. */
const LIBC = "libc.so.6";
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** Of `sun_path`; a path ends with a zero byte, an abstract name does not. */
const ADDRESS_BYTES_MAX = 108;

/**
 * `address`: what NOTIFY_SOCKET says, a path or "@name" of an abstract socket. Throws FAILED_PRECONDITION for anything else,
 * and where the system gives no socket.
 */
export function openNotifySocket(address: string): Notify {
  const refused = (why: string) =>
    new WatchpostError("FAILED_PRECONDITION", `NOTIFY_SOCKET is ${JSON.stringify(address)}: ${why}`);
  const name = Buffer.from(address);
  const isAbstract = address.startsWith("@");
  if (!isAbstract && !address.startsWith("/")) throw refused("wanted a path, or @ and the name of an abstract socket");
  if (name.length < 2 || name.length >= ADDRESS_BYTES_MAX) throw refused(`wanted 2 to ${ADDRESS_BYTES_MAX - 1} bytes`);
  if (isAbstract) name[0] = 0;
  const target = Buffer.concat([
    Buffer.from(new Uint16Array([AF_UNIX]).buffer),
    name,
    Buffer.alloc(isAbstract ? 0 : 1),
  ]);
  const { socket, sendto } = libc(refused);
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw refused("the system gives no socket for it");
  return (text) => {
    const bytes = Buffer.from(text);
    const sent = sendto(fd, ptr(bytes), bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL, ptr(target), target.length);
    return Number(sent) === bytes.length;
  };
}

function libc(refused: (why: string) => WatchpostError) {
  try {
    return dlopen(LIBC, {
      socket: { args: ["i32", "i32", "i32"], returns: "i32" },
      sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i64" },
    }).symbols;
  } catch (error) {
    throw refused(`the C library cannot be called: ${messageOf(error)}`);
  }
}
