import { promisedTerms } from '../../domain/room/promises/stage.ts';
import { manualClock } from '../../platform/clock.ts';
import { silentLog } from '../../platform/log.ts';
import { type OpenStore, roomStoreContract } from './store.contract.ts';
import { forgetfulJournal, openMemoryRooms } from './store.memory.ts';

const open: OpenStore = async ({ nowMs }) => {
  const clock = manualClock(nowMs);
  const store = await openMemoryRooms({
    ...{ journal: forgetfulJournal, clock, log: silentLog, owner: 'test' },
    ...{ terms: promisedTerms, isAlone: true },
  });
  return { store, advance: (ms) => clock.advance(ms) };
};

roomStoreContract('memory', open);
