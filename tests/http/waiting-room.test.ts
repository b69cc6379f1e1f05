import { claimPass, readPlace } from '@usher/contract/waiting-room.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { openProgram, type Program } from '../support/program.ts';
import { until } from '../support/until.ts';
import { makeRoomTools, type RoomTools } from '../support/waiting.ts';

let program: Program;
let room: RoomTools;
beforeAll(async () => {
  program = await openProgram();
  room = makeRoomTools(program);
});

describe('the way through the room', () => {
  test('leads from joining over the call to a paid order, which gives the slot back', async () => {
    const { showId, performanceId } = await program.newSale(program.organiser);
    await room.open(showId);
    const minji = await program.newBuyer();
    const { place, pass } = await room.enter(minji, showId);
    expect(place).toMatchObject({ standing: 'ACTIVE', number: 1, ahead: 0 });
    expect(await room.read(showId)).toMatchObject({ active: 1, called: 0, admitted: 1 });
    const { checkout } = await room.order(minji, pass, performanceId, [0, 1]);
    const paid = await program.pay(minji.token, checkout);
    expect(paid.status).toBe(200);
    await until('the slot is back', async () => (await room.read(showId)).active === 0);
    expect(await room.me(minji, showId)).toMatchObject({ standing: 'OVER', pass: null });
    const params = { showId };
    const again = await program.refusal(claimPass, { as: minji.token, params, body: {} });
    expect(again.code).toBe('PASS_ENDED');
    const stranger = await program.newBuyer();
    const nobody = await program.refusal(readPlace, { as: stranger.token, params });
    expect(nobody.code).toBe('NO_PLACE');
  });
});
