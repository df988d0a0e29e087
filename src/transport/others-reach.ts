import { parseAddress } from "../model/address.ts";
import { WatchpostError } from "../model/errors.ts";

export interface Protection {
  /** Every call must prove who makes it. */
  readonly asksWho: boolean;
  /** Nobody on the way can read what is sent, tokens among it. */
  readonly isEncrypted: boolean;
}

/** Throws FAILED_PRECONDITION for an address that is not of this machine alone, where it is not protected. */
export function refuseWhatOthersReach(address: string, { asksWho, isEncrypted }: Protection): void {
  if (parseAddress(address).isLoopback || (asksWho && isEncrypted)) return;
  const why = asksWho
    ? "nothing is encrypted: tokens and points could be read on their way. Set tls.cert and tls.key"
    : "nobody is asked who they are: anybody there could read and write everything. `watchpost init` writes a configuration with a first token and certificates";
  const message = `${address} can be reached from other machines, and ${why}; or bind 127.0.0.1, or say --insecure if the network is yours alone.`;
  throw new WatchpostError("FAILED_PRECONDITION", message);
}
