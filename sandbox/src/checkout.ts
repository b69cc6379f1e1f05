import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Payments } from './payments.ts';
import type { Settings } from './settings.ts';

export function makeCheckout(_deps: {
  payments: Payments;
  settings: Settings;
  random: () => number;
  clientKey: string;
}) {
  return {
    handle(_req: IncomingMessage, res: ServerResponse, _url: string, _text: string): void {
      res.writeHead(404).end();
    },
  };
}
