import { keyOf } from './model.ts';
import type { Run } from './steps.ts';
import { type Breach, type Known, livePass, type Said, walk } from './witness.ts';

/** 1: no number has two holders or is called twice; front and tail never go back. */
export const numbersAreUnique = (run: Run): Breach[] => {
  const breaches: Breach[] = [];
  const holders = new Map<number, string>();
  const released = new Set<number>();
  walk(run, {
    moment: ({ at, moment, before }) => {
      const say = (says: string) => breaches.push({ promise: 1, at, says });
      const { state, step } = moment;
      const isSameEpoch = state.epoch === before.epoch;
      if (isSameEpoch && state.front < before.front)
        say(`the front went back from ${before.front} to ${state.front}`);
      if (isSameEpoch && state.tail < before.tail)
        say(`the tail went back from ${before.tail} to ${state.tail}`);
      if (step.kind === 'crash' && step.how === 'flush') released.clear();
      for (const number of moment.decisions.flatMap((decision) => decision.released)) {
        if (released.has(number)) say(`number ${number} was released twice`);
        released.add(number);
      }
    },
    answer: ({ command, answer, scene }) => {
      if (answer.outcome !== 'placed') return;
      const holder = holders.get(answer.entry) ?? keyOf(command.person);
      holders.set(answer.entry, holder);
      if (holder !== keyOf(command.person))
        breaches.push({ promise: 1, at: scene.at, says: `entry ${answer.entry} has two holders` });
    },
  });
  return breaches;
};

const counts = ['waiting', 'called', 'late', 'active', 'admitted'] as const;

/**
 * 6: after a kill, or a restart with its data, the room is as it was for everybody who asks
 * for their standing; after losing everything its numbers continue from the last that was seen.
 */
export const crashesLoseNothing = (run: Run): Breach[] => {
  const breaches: Breach[] = [];
  let asItWas = new Map<string, Known>();
  walk(run, {
    moment: ({ at, moment, before, people }) => {
      if (moment.step.kind !== 'crash') return;
      const say = (says: string) => breaches.push({ promise: 6, at, says });
      const { state, step } = moment;
      if (state.front < before.front || state.tail < before.tail) say('numbers went back');
      const isEmpty = step.how === 'flush';
      asItWas = new Map(isEmpty ? [] : people);
      if (isEmpty && state.epoch <= before.epoch) say('the epoch is that of what was lost');
      const changed = counts.filter((name) => !isEmpty && state[name] !== before[name]);
      if (changed.length > 0) say(`counts differ after it: ${changed.join(', ')}`);
    },
    answer: (said) => {
      const was = asItWas.get(said.known.key);
      if (was === undefined) return;
      const says = lossOf(was, said);
      if (says !== null) breaches.push({ promise: 6, at: said.scene.at, says });
      // Once is enough: from then on what they were told after the crash counts.
      if (says !== null || said.answer.outcome !== 'none') asItWas.delete(said.known.key);
    },
  });
  return breaches;
};

/** What somebody had before a crash and has lost; null: nothing. */
const lossOf = (was: Known, { command, answer, known, scene }: Said): string | null => {
  const isTheirs = 'entry' in command && command.entry === was.entry;
  if (known.entry !== was.entry) return null;
  if (isTheirs && answer.outcome === 'none') return `entry ${was.entry} is lost`;
  if (command.kind === 'join' && answer.outcome === 'placed' && was.entry !== null) {
    const isReplaced = command.replaces === was.entry;
    if (answer.entry !== was.entry && !isReplaced) return `entry ${was.entry} is another now`;
  }
  if (was.pass === null || livePass(known, scene.nowMs) === null) return null;
  const isNone = command.kind === 'touch' && answer.outcome === 'none';
  const isOther = isTheirs && answer.outcome === 'stands' && answer.standing !== 'active';
  const isNumberless = 'number' in command && command.number === 0;
  return isNone || (isOther && !isNumberless) ? `the pass of ${was.pass.number} is lost` : null;
};
