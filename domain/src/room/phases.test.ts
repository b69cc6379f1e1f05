import { describe, expect, test } from 'vitest';
import { moveOpening, pullLever, type RoomLever } from './phases.ts';
import type { RoomControl, RoomPhase } from './types.ts';

const nowMs = 1_800_000_000_000;
const minuteMs = 60_000;

const control = (changes: Partial<RoomControl> = {}): RoomControl => ({
  rev: 1,
  epoch: 1,
  passEpoch: 0,
  phase: 'idle',
  override: 'none',
  overrideUntilMs: 0,
  ratePerMinute: 600,
  activeMax: 500,
  message: null,
  pollMultiplier: 1,
  lobbyAtMs: nowMs + 10 * minuteMs,
  opensAtMs: nowMs + 40 * minuteMs,
  drawEntries: 0,
  seed: '',
  root: '',
  drawnAtMs: 0,
  ...changes,
});

const phases = ['idle', 'lobby', 'sealed', 'open', 'draining', 'closed'] as const;
/** A room that has reached this phase. */
const roomIn = (phase: RoomPhase): RoomControl =>
  control(
    phase === 'idle' || phase === 'lobby' || phase === 'sealed'
      ? { phase }
      : { phase, drawnAtMs: nowMs - minuteMs },
  );

const pull = (room: RoomControl, lever: RoomLever) => pullLever(room, lever, nowMs);
const changeOf = (room: RoomControl, lever: RoomLever) => {
  const answer = pull(room, lever);
  return answer.outcome === 'change' ? answer.change : answer.detail;
};

type Simple = 'open-lobby' | 'open' | 'drain' | 'close' | 'pause' | 'reject';
const sealing = { seals: true, opensAtMs: nowMs, lobbyAtMs: nowMs };
const paused = { override: 'paused', overrideUntilMs: 0 };
const rejecting = { override: 'reject', overrideUntilMs: 0 };
const closed = { phase: 'closed' };
const drawing = expect.stringContaining('The draw is being made');
const no = (says: string) => expect.stringContaining(says);

/** In the order of `phases`: the change, or what the refusal says. */
const table: Record<Simple, unknown[]> = {
  'open-lobby': [
    { phase: 'lobby', lobbyAtMs: nowMs },
    no('open already'),
    drawing,
    no('room is open'),
    no('room is draining'),
    no('room is closed'),
  ],
  open: [sealing, sealing, drawing, no('open already'), { phase: 'open' }, { phase: 'open' }],
  drain: [
    no('close the room instead'),
    closed,
    drawing,
    { phase: 'draining' },
    no('draining already'),
    no('closed already'),
  ],
  close: [closed, closed, drawing, closed, closed, no('closed already')],
  pause: [paused, paused, paused, paused, paused, no('closed')],
  reject: [rejecting, rejecting, rejecting, rejecting, rejecting, no('closed')],
};

describe.each(Object.entries(table))('%s', (lever, answers) => {
  test.each(phases.map((phase, at) => [phase, answers[at]] as const))(
    'in a room that is %s makes the right change, or is refused with the reason',
    (phase, expected) => {
      const room = roomIn(phase);
      if (lever === 'open') room.lobbyAtMs = nowMs + minuteMs;
      expect(changeOf(room, { lever: lever as Simple })).toEqual(expected);
    },
  );
});

describe('opening', () => {
  test('keeps the time at which the lobby opened', () => {
    const room = control({ phase: 'lobby', lobbyAtMs: nowMs - minuteMs });
    expect(changeOf(room, { lever: 'open' })).toEqual({ ...sealing, lobbyAtMs: nowMs - minuteMs });
  });

  test('makes the draw of a room that was closed before it was drawn', () => {
    expect(changeOf(control({ phase: 'closed' }), { lever: 'open' })).toEqual({
      ...sealing,
      lobbyAtMs: nowMs,
    });
  });

  test('never draws a second time', () => {
    for (const phase of phases) {
      const answer = pull(control({ phase, drawnAtMs: 1 }), { lever: 'open' });
      expect(answer).not.toHaveProperty('change.seals');
    }
  });
});

describe('overrides', () => {
  test('replace each other, including the end of a bypass', () => {
    const bypassed = control({ override: 'bypass', overrideUntilMs: nowMs + 1 });
    expect(changeOf(bypassed, { lever: 'pause' })).toEqual(paused);
    expect(changeOf(bypassed, { lever: 'reject' })).toEqual(rejecting);
    expect(changeOf(control({ override: 'paused' }), { lever: 'bypass', minutes: 5 })).toEqual({
      override: 'bypass',
      overrideUntilMs: nowMs + 5 * minuteMs,
    });
  });

  test('are refused if they are already on; a bypass is extended or shortened', () => {
    expect(changeOf(control({ override: 'paused' }), { lever: 'pause' })).toContain(
      'paused already',
    );
    expect(changeOf(control({ override: 'reject' }), { lever: 'reject' })).toContain('already');
    const bypassed = control({ override: 'bypass', overrideUntilMs: nowMs + 60 * minuteMs });
    expect(changeOf(bypassed, { lever: 'bypass', minutes: 1 })).toEqual({
      override: 'bypass',
      overrideUntilMs: nowMs + minuteMs,
    });
  });

  test('are ended by resume, which is refused if there is none', () => {
    for (const override of ['paused', 'bypass', 'reject'] as const) {
      expect(changeOf(control({ override }), { lever: 'resume' })).toEqual({
        override: 'none',
        overrideUntilMs: 0,
      });
    }
    expect(changeOf(control(), { lever: 'resume' })).toContain('neither paused');
  });

  test('no longer count once expired, even before a tick has removed them', () => {
    const over = control({ override: 'bypass', overrideUntilMs: nowMs });
    expect(changeOf(over, { lever: 'resume' })).toContain('neither paused');
    const ended = { outcome: 'change', change: { override: 'none', overrideUntilMs: 0 } };
    expect(pullLever(over, { lever: 'resume' }, nowMs - 1)).toEqual(ended);
    expect(pullLever(control({ override: 'paused' }), { lever: 'resume' }, nowMs)).toEqual(ended);
  });
});

describe('levers that every phase has', () => {
  test.each(phases)(
    'change limits, message and poll, nothing else, in a room that is %s',
    (phase) => {
      const message = { ko: '잠시만요', en: 'One moment' };
      const room = roomIn(phase);
      expect(changeOf(room, { lever: 'limits', ratePerMinute: 60, meanStayMinutes: 5 })).toEqual({
        ratePerMinute: 60,
        activeMax: 300,
      });
      expect(changeOf(room, { lever: 'limits' })).toContain('Set the rate');
      expect(changeOf(room, { lever: 'message', message })).toEqual({ message });
      expect(changeOf(room, { lever: 'message', message: null })).toEqual({ message: null });
      expect(changeOf(room, { lever: 'poll', multiplier: 2 })).toEqual({ pollMultiplier: 2 });
    },
  );

  test('can revoke passes, once somebody can have one', () => {
    expect(changeOf(roomIn('lobby'), { lever: 'revoke-passes' })).toContain('Nobody has a pass');
    expect(changeOf(roomIn('closed'), { lever: 'revoke-passes' })).toEqual({ revokesPasses: true });
  });
});

describe('the time of the opening', () => {
  const wanted = { opensAtMs: nowMs + 100 * minuteMs, lobbyMinutes: 30 };
  const moved = { opensAtMs: wanted.opensAtMs, lobbyAtMs: nowMs + 70 * minuteMs };

  test.each(['idle', 'lobby'] as const)('can be moved while a room is %s', (phase) => {
    expect(moveOpening(roomIn(phase), wanted)).toEqual({ outcome: 'change', change: moved });
  });

  test.each([
    ['sealed', 'being made'],
    ['open', 'cannot be moved'],
    ['draining', 'cannot be moved'],
  ] as const)('cannot be moved in a room that is %s', (phase, says) => {
    expect(moveOpening(roomIn(phase), wanted)).toEqual({ outcome: 'refused', detail: no(says) });
  });

  test('cannot be moved in a room that was closed without a draw: use the lever', () => {
    expect(moveOpening(control({ phase: 'closed' }), wanted)).toMatchObject({
      detail: no('by its lever'),
    });
  });

  test('changes nothing if it is the same, so that other settings can always change', () => {
    const room = { ...roomIn('open'), ...moved };
    expect(moveOpening(room, wanted)).toEqual({ outcome: 'change', change: {} });
    const longer = { ...roomIn('idle'), ...moved };
    expect(moveOpening(longer, { ...wanted, lobbyMinutes: 40 })).toEqual({
      outcome: 'change',
      change: { ...moved, lobbyAtMs: nowMs + 60 * minuteMs },
    });
  });
});
