import { parseAddress } from "../model/address.ts";
import { WatchpostError } from "../model/errors.ts";

/** Throws FAILED_PRECONDITION for an address that is not of this machine alone. */
export function refuseWhatOthersReach(address: string): void {
  if (parseAddress(address).isLoopback) return;
  throw new WatchpostError(
    "FAILED_PRECONDITION",
    `${address} can be reached from other machines, and nothing asks who calls yet: anybody there could read and write all points. Bind 127.0.0.1 and put a proxy with authentication in front, or say --insecure if the network is yours alone.`,
  );
}
