import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * Calls `listener` when the caller's connection closes before the reply is out. A reply that waits behind an earlier one on
 * the same connection (pipelining) has no socket yet and would not tell.
 * @returns what stops the listening.
 */
export function onCallerLeaves(req: IncomingMessage, res: ServerResponse, listener: () => void): () => void {
  // Any number of requests may wait there.
  const source = res.socket ? res : req.socket.setMaxListeners(0);
  const onClose = () => {
    if (!res.writableFinished) listener();
  };
  source.on('close', onClose);
  return () => void source.off('close', onClose);
}

/** Says whether nobody is there any more to take a reply. */
export function hasCallerLeft(req: IncomingMessage, res: ServerResponse): boolean {
  return res.destroyed || req.socket.destroyed;
}
