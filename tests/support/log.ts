import { type Log, makeLog } from '../../server/src/platform/log.ts';

export const silentLog: Log = makeLog({
  level: 'silent',
  service: 'test',
  destination: { write: () => {} },
});
