import { placeOrder } from '@usher/contract/orders.ts';
import { takeHold } from '@usher/contract/seats.ts';
import {
  claimPass,
  joinRoom,
  type Lever,
  type Place,
  passHeader,
  pullLever,
  putRoom,
  type Room,
  type RoomNow,
  type RoomSettings,
  readPlace,
  readRoom,
  readRoomNow,
} from '@usher/contract/waiting-room.ts';
import type { Program } from './program.ts';
import { hoursFromNow, type Person } from './sale.ts';
import { until } from './until.ts';

/** What people and operators do in a waiting room, and what is waited for. */
export const makeRoomTools = (program: Pick<Program, 'must' | 'operator'>) => {
  const { must, operator: as } = program;
  const read = (showId: string): Promise<Room> => must(readRoom, { as, params: { showId } });
  const put = (showId: string, given: Partial<RoomSettings> = {}): Promise<Room> => {
    const settings = { opensAt: hoursFromNow(-1), ...given };
    return must(putRoom, { as, params: { showId }, body: { ifRev: null, settings } });
  };
  /** Changes the settings of the room, if it is still at `ifRev`. */
  const set = async (
    showId: string,
    ifRev: number,
    change: Partial<RoomSettings>,
  ): Promise<Room> => {
    const { settings } = await read(showId);
    const body = { ifRev, settings: { ...settings, ...change } };
    return must(putRoom, { as, params: { showId }, body });
  };
  const pull = async (showId: string, action: Lever): Promise<Room> => {
    const { rev: ifRev } = await read(showId);
    return must(pullLever, { as, params: { showId }, body: { ifRev, action } });
  };
  const now = (showId: string): Promise<RoomNow> =>
    must(readRoomNow, { params: { showId } }) as Promise<RoomNow>;
  /** Waits until the room is as wanted. */
  const untilRoom = (showId: string, what: string, is: (now: RoomNow) => boolean) =>
    until(what, async () => {
      const seen = await now(showId);
      return is(seen) ? seen : null;
    });
  const open = async (showId: string, given: Partial<RoomSettings> = {}): Promise<void> => {
    await put(showId, given);
    await untilRoom(showId, 'the room is open', ({ phase }) => phase === 'open');
  };
  const join = (person: Person, showId: string): Promise<Place> =>
    must(joinRoom, { as: person.token, params: { showId }, body: {} });
  const me = (person: Person, showId: string): Promise<Place> =>
    must(readPlace, { as: person.token, params: { showId } });
  const called = async (showId: string, place: Place): Promise<void> => {
    const number = place.number ?? Infinity;
    await untilRoom(showId, `number ${number} is called`, ({ front }) => front >= number);
  };
  /** Joins, waits for the call and claims a pass. */
  const enter = async (person: Person, showId: string): Promise<{ place: Place; pass: string }> => {
    const joined = await join(person, showId);
    await called(showId, joined);
    const params = { showId };
    const body = { place: joined.token };
    const place = await must(claimPass, { as: person.token, params, body });
    return { place, pass: place.pass?.token ?? '' };
  };
  const withPass = (pass: string) => ({ headers: { [passHeader]: pass } });
  const hold = (person: Person, pass: string, performanceId: string, seats: number[]) =>
    must(takeHold, {
      as: person.token,
      params: { performanceId },
      body: { seats },
      ...withPass(pass),
    });
  const order = async (person: Person, pass: string, performanceId: string, seats: number[]) => {
    const { id: holdId } = await hold(person, pass, performanceId, seats);
    return must(placeOrder, { as: person.token, body: { holdId }, ...withPass(pass) });
  };
  return {
    read,
    put,
    set,
    pull,
    now,
    untilRoom,
    open,
    join,
    me,
    called,
    enter,
    withPass,
    hold,
    order,
  };
};
export type RoomTools = ReturnType<typeof makeRoomTools>;
