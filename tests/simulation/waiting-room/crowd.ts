import { makeDraw, numberOf } from '@usher/domain/draw.ts';
import { makeRandom, type Random } from '@usher/domain/random.ts';
import {
  nearOf,
  openingHoldMs,
  pollIntervalMs,
  pollPolicy,
} from '@usher/domain/room/poll-policy.ts';
import type {
  RoomAnswer,
  RoomCommand,
  RoomControl,
  RoomDecision,
  RoomState,
} from '@usher/domain/room/types.ts';
import { sha256 } from '../../../server/src/platform/hash.ts';
import { personOf } from './room-line.ts';
import { roomTerms } from './room-terms.ts';
import type { Stage, TestTime } from './stage.ts';
import type { RoomToStage } from './stages.ts';

/**
 * A crowd in virtual time: each person joins, waits, hides the tab, comes back, pays and leaves
 * independently; the room gets the time and ticks four times a second. Waiting people poll the
 * shared document by the poll policy and send heartbeats only when they are near the front.
 */
export type CrowdPlan = {
  seed: number;
  people: number;
  /** Further accounts that stay, ask again when they are late, and never come in when called. */
  rogues: number;
  ratePerMinute: number;
  activeMax: number;
  /** Mean stay with a pass; each stay is longer or shorter by up to this share. */
  stayMs: number;
  stayVaries: number;
  /** When it ends at the latest, counted from the first possible call. */
  lastsMs: number;
};

/** Of the people who joined. */
const vanishShare = 0.3;
const hidingShare = 0.1;
const twoDevicesShare = 0.2;
const payingShare = 0.5;
/** Of the people; the others join during the sale. */
const lobbyShare = 0.75;
const lobbyMs = 20_000;
const comingMs = 100_000;
/** After the poll that tells them, which follows within 2.3 s: at most some 4 s late. */
const claimsWithinMs = 2000;
const [hidesFromMs, hidesToMs] = [60_000, 300_000];
const stepMs = roomTerms.tickMs;
const startMs = 1_800_000_000_000;
/** Commands in one call: as many as a process gathers in a busy turn. */
const callMax = 500;
const heartbeatMs = 20_000;

type Habit = 'stays' | 'vanishes' | 'hides' | 'never comes in';
type Somebody = {
  who: number;
  habit: Habit;
  hasTwoDevices: boolean;
  isPaying: boolean;
  entry: number;
  number: number;
  isHidden: boolean;
  /** When they sent the last heartbeat. */
  beatAtMs: number;
  lateSinceMs: number | null;
  activeAtMs: number | null;
};
type Deed = 'join' | 'join again' | 'look' | 'claim' | 'pay' | 'end';

export type CrowdReport = {
  admitted: number;
  lateAdmitted: number;
  /** Of the people who stayed until the end of their turn. */
  unserved: number;
  overCap: number;
  /** New people called while late people waited. */
  lateOvertaken: number;
  /** Of the people who were always present: called after somebody with a higher number. */
  inversions: number;
  secondPlaces: number;
  releasesIn60s: number;
  activeMost: number;
  /** Mean number of slots with a pass while anybody waited. */
  activeMean: number;
  tookMs: number;
};

const makeSomebody = (random: Random, who: number): Somebody => {
  const dice = random.next();
  const habit =
    dice < vanishShare ? 'vanishes' : dice < vanishShare + hidingShare ? 'hides' : 'stays';
  return {
    who,
    habit,
    hasTwoDevices: random.chance(twoDevicesShare),
    isPaying: random.chance(payingShare),
    entry: -1,
    number: 0,
    isHidden: habit !== 'stays',
    beatAtMs: 0,
    lateSinceMs: null,
    activeAtMs: null,
  };
};

const makeRogue = (who: number): Somebody => ({
  who,
  habit: 'never comes in',
  hasTwoDevices: false,
  isPaying: false,
  entry: -1,
  number: 0,
  isHidden: false,
  beatAtMs: 0,
  lateSinceMs: null,
  activeAtMs: null,
});

export const roomOfCrowd = (plan: CrowdPlan, showId: string): RoomToStage => {
  const control: RoomControl = {
    rev: 1,
    epoch: 1,
    passEpoch: 1,
    phase: 'lobby',
    override: 'none',
    overrideUntilMs: 0,
    ratePerMinute: plan.ratePerMinute,
    activeMax: plan.activeMax,
    lobbyAtMs: startMs,
    opensAtMs: startMs + lobbyMs,
    message: null,
    pollMultiplier: 1,
    drawEntries: 0,
    seed: '',
    root: '',
    drawnAtMs: 0,
  };
  return { showId, terms: roomTerms, control };
};

export const playCrowd = async (
  plan: CrowdPlan,
  { showId, control }: RoomToStage,
  stage: Stage,
  time: TestTime,
): Promise<CrowdReport> => {
  time.nowMs = startMs;
  const store = stage.store();
  let state = await store.create(showId, control);
  const crowd = makeCrowd(plan, () => state);
  const judge = makeJudge(plan, crowd);
  const playDue = async (): Promise<void> => {
    const commands = crowd.due();
    for (let from = 0; from < commands.length; from += callMax) {
      const part = commands.slice(from, from + callMax);
      const answers = await store.play(
        showId,
        part.map(({ command }) => command),
      );
      for (const [at, { somebody, command }] of part.entries())
        crowd.learn(somebody, command, answers[at]!);
    }
  };
  const step = async (): Promise<void> => {
    time.nowMs += stepMs;
    crowd.setTime(time.nowMs);
    await playDue();
    const before = await store.read(showId);
    if (before === null) throw new Error('the room is gone');
    judge.look(before);
    state = await store.tick(showId, 1_000_000);
    judge.look(state);
    if (state.front !== before.front) crowd.wakeHidden();
    // The room keeps that many; reading all of them at every tick would be most of the work.
    if ((time.nowMs - startMs) % (500 * stepMs) === 0) judge.weigh(await store.decisions(showId));
  };
  while (time.nowMs < startMs + lobbyMs) await step();
  state = await openDrawn(stage, showId, plan, crowd);
  const endsAtMs = state.heldUntilMs + plan.lastsMs;
  while (time.nowMs < endsAtMs && !crowd.isOver()) await step();
  judge.weigh(await store.decisions(showId));
  return judge.report(time.nowMs - startMs - lobbyMs);
};

/** Draws among the people who joined, and opens the room. */
const openDrawn = async (
  stage: Stage,
  showId: string,
  plan: CrowdPlan,
  crowd: Crowd,
): Promise<RoomState> => {
  const store = stage.store();
  const pull = async (changeId: string, change: Parameters<typeof store.change>[1]['change']) => {
    const { rev = 0 } = (await store.read(showId)) ?? {};
    return (await store.change(showId, { changeId, ifRev: rev, change })).state;
  };
  const sealed = await pull('seal', { seals: true });
  const keys = await store.entries(showId);
  const serverSeed = plan.seed.toString(16).padStart(64, '0');
  const { root, seed, permutation } = makeDraw(sha256, { serverSeed, keys });
  const holdsForMs = openingHoldMs(sealed.drawEntries, 1);
  const opened = await pull('open', {
    phase: 'open',
    root,
    seed,
    drawnAtMs: sealed.nowMs,
    holdsForMs,
  });
  crowd.drawn(permutation);
  return opened;
};

type Crowd = ReturnType<typeof makeCrowd>;

const makeCrowd = (plan: CrowdPlan, stateNow: () => RoomState) => {
  const random = makeRandom(plan.seed);
  const all = Array.from({ length: plan.people }, (_, who) => makeSomebody(random, who));
  const rogues = Array.from({ length: plan.rogues }, (_, at) => makeRogue(plan.people + at));
  /** What is to be done, by the step at which it is due. */
  const agenda = new Map<number, { somebody: Somebody; deed: Deed }[]>();
  let nowMs = startMs;
  let permutation: Uint32Array | null = null;
  let open = 0;
  let secondPlaces = 0;
  let hidden: Somebody[] = [];

  const plans = (somebody: Somebody, deed: Deed, afterMs: number): void => {
    const at = Math.max(1, Math.ceil((nowMs + afterMs - startMs) / stepMs));
    const due = agenda.get(at) ?? [];
    due.push({ somebody, deed });
    agenda.set(at, due);
  };
  for (const somebody of all) {
    const isEarly = random.chance(lobbyShare);
    const comesMs = isEarly
      ? random.next() * (lobbyMs - 2 * stepMs)
      : lobbyMs + random.next() * comingMs;
    plans(somebody, 'join', comesMs);
    if (somebody.hasTwoDevices) plans(somebody, 'join', comesMs + random.next() * 30_000);
    if (somebody.habit !== 'vanishes') open += 1;
  }
  for (const rogue of rogues) plans(rogue, 'join', random.next() * (lobbyMs - 2 * stepMs));

  const commandOf = (somebody: Somebody, deed: Deed): RoomCommand | null => {
    const { who, entry, number } = somebody;
    const person = personOf(who);
    if (deed === 'join')
      return { kind: 'join', person, presented: null, replaces: null, mayEnter: true };
    if (deed === 'join again')
      return { kind: 'join', person, presented: null, replaces: entry, mayEnter: true };
    if (deed === 'pay')
      return { kind: 'pin', person, orderId: `ord_${who}`, untilMs: nowMs + 60_000 };
    if (deed === 'end')
      return somebody.isPaying
        ? { kind: 'complete', person, orderId: `ord_${who}` }
        : { kind: 'leave', person, entry, number };
    if (somebody.activeAtMs !== null || permutation === null) return null;
    return { kind: deed === 'claim' ? 'claim' : 'appear', person, entry, number };
  };
  /** What the page does when its next poll is due. */
  const look = (somebody: Somebody): RoomCommand | null => {
    if (somebody.isHidden || somebody.activeAtMs !== null) return null;
    const { front, ratePerMinute } = stateNow();
    const ahead = somebody.number - front;
    if (ahead <= 0 && somebody.habit === 'never comes in') {
      plans(somebody, 'look', pollPolicy.floorMs);
      return commandOf(somebody, 'look');
    }
    if (ahead <= 0) {
      plans(somebody, 'claim', random.next() * claimsWithinMs);
      return null;
    }
    const etaMs = (ahead / ratePerMinute) * 60_000;
    const isNear = ahead <= nearOf({ perMinute: ratePerMinute, ratePerMinute });
    const asks = { etaMs, multiplier: 1, random: random.next() };
    plans(somebody, 'look', pollIntervalMs(pollPolicy, asks));
    const isFirst = somebody.beatAtMs === 0;
    if (!isFirst && (!isNear || nowMs - somebody.beatAtMs < heartbeatMs)) return null;
    somebody.beatAtMs = nowMs;
    return commandOf(somebody, 'look');
  };

  const learnOfRogue = (rogue: Somebody, command: RoomCommand, answer: RoomAnswer): void => {
    if (answer.outcome === 'placed') {
      rogue.entry = answer.entry;
      if (permutation !== null) rogue.number = numberOf(answer.entry, permutation);
    }
    if (answer.outcome !== 'stands' || command.kind !== 'appear') return;
    if (answer.standing === 'late') plans(rogue, 'claim', stepMs);
    if (answer.standing === 'over') plans(rogue, 'join again', stepMs);
  };

  return {
    all,
    setTime: (ms: number): void => {
      nowMs = ms;
    },
    due: (): { somebody: Somebody; command: RoomCommand }[] => {
      const step = (nowMs - startMs) / stepMs;
      const due = agenda.get(step) ?? [];
      agenda.delete(step);
      return due.flatMap(({ somebody, deed }) => {
        const command = deed === 'look' ? look(somebody) : commandOf(somebody, deed);
        return command === null ? [] : [{ somebody, command }];
      });
    },
    learn: (somebody: Somebody, command: RoomCommand, answer: RoomAnswer): void => {
      if (somebody.habit === 'never comes in') {
        learnOfRogue(somebody, command, answer);
        return;
      }
      if (answer.outcome === 'placed') {
        if (somebody.entry !== -1 && somebody.entry !== answer.entry) secondPlaces += 1;
        if (somebody.entry !== -1) return;
        somebody.entry = answer.entry;
        if (permutation === null) return;
        somebody.number = numberOf(answer.entry, permutation);
        if (somebody.habit === 'hides') hidden.push(somebody);
        plans(somebody, 'look', pollPolicy.floorMs);
      }
      if (answer.outcome !== 'stands' || command.kind !== 'claim') return;
      if (answer.standing === 'late') {
        somebody.lateSinceMs ??= nowMs;
        plans(somebody, 'claim', pollPolicy.floorMs);
      }
      if (answer.standing === 'waiting') plans(somebody, 'look', pollPolicy.floorMs);
      if (answer.standing !== 'active' || somebody.activeAtMs !== null) return;
      somebody.activeAtMs = nowMs;
      open -= 1;
      const stayMs = plan.stayMs * (1 + plan.stayVaries * (2 * random.next() - 1));
      if (somebody.isPaying) plans(somebody, 'pay', 0.8 * stayMs);
      plans(somebody, 'end', stayMs);
    },
    drawn: (places: Uint32Array): void => {
      permutation = places;
      const entered = all.filter(({ entry }) => entry !== -1);
      const spreadMs = openingHoldMs(entered.length, 1) - 7900;
      for (const somebody of entered) {
        somebody.number = numberOf(somebody.entry, places);
        if (somebody.habit === 'stays') plans(somebody, 'look', random.next() * spreadMs);
      }
      hidden = entered.filter(({ habit }) => habit === 'hides');
      for (const rogue of rogues) {
        if (rogue.entry === -1) continue;
        rogue.number = numberOf(rogue.entry, places);
        plans(rogue, 'look', random.next() * spreadMs);
      }
    },
    /** A person with a hidden tab whose number was passed returns after a while. */
    wakeHidden: (): void => {
      const { front } = stateNow();
      const passed = hidden.filter(({ number }) => number <= front);
      if (passed.length === 0) return;
      hidden = hidden.filter(({ number }) => number > front);
      for (const somebody of passed) {
        somebody.isHidden = false;
        plans(somebody, 'claim', hidesFromMs + random.next() * (hidesToMs - hidesFromMs));
      }
    },
    isOver: (): boolean => open === 0,
    unserved: (): number => open,
    secondPlaces: (): number => secondPlaces,
  };
};

const makeJudge = (plan: CrowdPlan, crowd: Crowd) => {
  const decisions: RoomDecision[] = [];
  let [overCap, activeMost, activeSum, looks] = [0, 0, 0, 0];
  return {
    look: (state: RoomState): void => {
      if (state.active + state.called > plan.activeMax) overCap += 1;
      activeMost = Math.max(activeMost, state.active);
      if (state.front === 0 || crowd.unserved() < plan.activeMax) return;
      activeSum += state.active;
      looks += 1;
    },
    weigh: (newest: readonly RoomDecision[]): void => {
      const knownMs = decisions.at(-1)?.atMs ?? 0;
      decisions.push(...newest.filter(({ atMs }) => atMs > knownMs));
    },
    report: (tookMs: number): CrowdReport => {
      const admitted = crowd.all.filter(({ activeAtMs }) => activeAtMs !== null);
      const late = admitted.filter(({ lateSinceMs }) => lateSinceMs !== null);
      const passedOver = late.filter(({ habit }) => habit === 'stays');
      return {
        admitted: admitted.length,
        unserved: crowd.unserved(),
        overCap,
        lateAdmitted: late.length,
        lateOvertaken: overtaken(late, decisions),
        inversions: passedOver.length + unordered(decisions),
        secondPlaces: crowd.secondPlaces(),
        activeMost,
        tookMs,
        releasesIn60s: mostIn(60_000, decisions),
        activeMean: Math.round(looks === 0 ? 0 : activeSum / looks),
      };
    },
  };
};

/** Late people who waited for a second call while somebody new was called. */
const overtaken = (late: readonly Somebody[], decisions: readonly RoomDecision[]): number => {
  const recalls = new Map<number, number[]>();
  for (const { atMs, recalled } of decisions)
    for (const number of recalled) recalls.set(number, [...(recalls.get(number) ?? []), atMs]);
  const withNew = decisions.filter(({ released }) => released.length > 0);
  return late.filter(({ number, lateSinceMs }) => {
    const sinceMs = lateSinceMs ?? 0;
    const againMs = recalls.get(number)?.find((atMs) => atMs >= sinceMs) ?? 0;
    return withNew.some(({ atMs }) => atMs >= sinceMs && atMs < againMs);
  }).length;
};

/** Numbers that were called after a higher number. */
const unordered = (decisions: readonly RoomDecision[]): number => {
  let highest = 0;
  let count = 0;
  for (const number of decisions.flatMap(({ released }) => released)) {
    if (number < highest) count += 1;
    highest = Math.max(highest, number);
  }
  return count;
};

const mostIn = (spanMs: number, decisions: readonly RoomDecision[]): number => {
  let [from, sum, most] = [0, 0, 0];
  const countOf = (at: number): number => {
    const { recalled = [], released = [] } = decisions[at] ?? {};
    return recalled.length + released.length;
  };
  for (const [at, { atMs }] of decisions.entries()) {
    sum += countOf(at);
    while ((decisions[from]?.atMs ?? atMs) <= atMs - spanMs) sum -= countOf(from++);
    most = Math.max(most, sum);
  }
  return most;
};
