import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * Calls `listener` when the caller's connection closes before the reply is out. A reply that waits behind an earlier one on
 * the same connection (pipelining) has no socket yet and would not tell.
 * @returns what stops the listening. Until the response has closed it may be told all the same.
 */
export function onCallerLeaves(req: IncomingMessage, res: ServerResponse, listener: () => void): () => void {
  const onClose = () => {
    if (!res.writableFinished) listener();
  };
  if (res.socket) {
    // It goes with the response: to take it away costs more than to leave it.
    res.on('close', onClose);
    return stays;
  }
  // Any number of requests may wait there.
  const socket = req.socket.setMaxListeners(0).on('close', onClose);
  return () => void socket.off('close', onClose);
}

function stays(): void {}

/** Says whether nobody is there any more to take a reply. */
export function hasCallerLeft(req: IncomingMessage, res: ServerResponse): boolean {
  return res.destroyed || req.socket.destroyed;
}
