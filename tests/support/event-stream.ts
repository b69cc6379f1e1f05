import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { afterThisFile } from './after-file.ts';

export type Frame = { event: string; id: string; data: string };

/** A viewer of server-sent events, on a connection of its own. */
export type Viewer = {
  response: IncomingMessage;
  /** Everything received so far. */
  frames: Frame[];
  hasEnded: () => boolean;
  leave(): void;
};

const frameIn = (text: string): Frame[] => {
  const fields = new Map(
    text.split('\n').map((line) => {
      const colon = line.indexOf(': ');
      return [line.slice(0, colon), line.slice(colon + 2)] as const;
    }),
  );
  const event = fields.get('event');
  if (event === undefined) return [];
  return [{ event, id: fields.get('id') ?? '', data: fields.get('data') ?? '' }];
};

export const watch = async (url: string): Promise<Viewer> => {
  const request = get(url, { agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const frames: Frame[] = [];
  let unread = '';
  response.setEncoding('utf8');
  response.on('data', (text: string) => {
    const parts = (unread + text).split('\n\n');
    unread = parts.pop() ?? '';
    for (const part of parts) frames.push(...frameIn(part));
  });
  let hasEnded = false;
  response.once('close', () => {
    hasEnded = true;
  });
  // Every kind of end emits 'close'.
  response.on('error', () => undefined);
  const leave = (): void => void request.destroy();
  afterThisFile(leave);
  return { response, frames, hasEnded: () => hasEnded, leave };
};
