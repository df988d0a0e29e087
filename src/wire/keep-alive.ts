/**
 * Signs of life on streams that have nothing to say, for pages without a WebSocket: proxies cut what is quiet for a minute, and
 * Connect begins an answer with its first message, which may be hours away. A sign is an envelope of Connect with nothing in it,
 * under a flag that Connect leaves free, and sent to those alone who ask for it with the header.
 */
export const KEEP_ALIVE_HEADER = "watchpost-keep-alive";
export const KEEP_ALIVE_FLAG = 0b1000_0000;
export const KEEP_ALIVE_EVERY_MS = 15_000;
