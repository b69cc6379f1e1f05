import type { Run } from './steps.ts';
import { type Breach, livePass, type Said, walk } from './witness.ts';

const judge = (run: Run, promise: number, judgeAnswer: (said: Said) => string | null): Breach[] => {
  const breaches: Breach[] = [];
  walk(run, {
    answer: (said) => {
      const says = judgeAnswer(said);
      if (says !== null) breaches.push({ promise, at: said.scene.at, says });
    },
  });
  return breaches;
};

/** 5: one place per person, whatever is sent from any device, however often, in any order. */
export const onePlaceEach = (run: Run): Breach[] =>
  judge(run, 5, ({ command, answer, known }) => {
    const { entry } = known;
    if (entry === null) return null;
    if ('entry' in command && command.entry === entry && answer.outcome === 'none')
      return `entry ${entry} is not known any more`;
    if (command.kind !== 'join') return null;
    if (answer.outcome === 'refused' && command.replaces !== entry)
      return `who has entry ${entry} was refused`;
    if (answer.outcome !== 'placed' || answer.entry === entry || command.replaces === entry)
      return null;
    return `who has entry ${entry} was given ${answer.entry}, too`;
  });

/**
 * 8: a presented token counts only if it is of a lower epoch, not ended and not revoked; nobody
 * can use another's place. (Forged tokens and those of other shows are refused earlier.)
 */
export const refusesOldTokens = (run: Run): Breach[] =>
  judge(run, 8, ({ command, answer, known, scene }) => {
    const { epoch, passEpoch } = scene.before;
    if (command.kind === 'touch' && answer.outcome === 'live') {
      if (livePass(known, scene.nowMs) !== null) return null;
      const shown = command.presented;
      if (shown === null) return 'a pass lives that was never given, or was revoked';
      if (shown.epoch < passEpoch) return `a pass of the revoked epoch ${shown.epoch} lives`;
      if (shown.epoch >= epoch) return `a pass of the epoch ${shown.epoch} was restored`;
      return shown.endsByMs <= scene.nowMs ? 'a pass lives that is over' : null;
    }
    if (command.kind === 'join' && answer.outcome === 'placed' && known.entry === null) {
      const shown = command.presented;
      const isBack = !answer.isNew && shown?.entry === answer.entry;
      return isBack && shown.epoch >= epoch ? `a place of the epoch ${shown.epoch} is back` : null;
    }
    if (!('entry' in command) || answer.outcome === 'none') return null;
    return command.entry === known.entry ? null : `somebody spoke for entry ${command.entry}`;
  });

/**
 * 12: a pass lives until the end that its owner was told, pinned or not; only its own order frees
 * it; it never lives beyond its absolute end and that of its payment.
 */
export const aPinnedPassLives = (run: Run): Breach[] => {
  const { passMaxMs } = run.terms;
  return judge(run, 12, (said) => endedEarly(said) ?? livesTooLong(said, passMaxMs));
};

const endedEarly = ({ command, answer, known, scene }: Said): string | null => {
  const pass = livePass(known, scene.nowMs);
  if (pass === null) return null;
  const isOther = 'orderId' in command && command.orderId !== pass.orderId;
  if (command.kind === 'complete' || command.kind === 'unpin')
    return isOther && answer.outcome !== 'none' ? `a foreign order ended ${pass.orderId}` : null;
  if (command.kind === 'touch' || command.kind === 'pin')
    return answer.outcome === 'none'
      ? `the pass of ${pass.number} was refused before its end`
      : null;
  if (command.kind !== 'appear' && command.kind !== 'claim') return null;
  const isAsked = command.entry === known.entry && command.number > 0;
  const isActive = answer.outcome === 'stands' && answer.standing === 'active';
  return isAsked && !isActive ? `who has the pass of ${pass.number} is not active` : null;
};

const livesTooLong = ({ command, answer, known, scene }: Said, passMaxMs: number) => {
  const pass = 'pass' in answer ? answer.pass : null;
  if (pass === null) return null;
  if (command.kind !== 'unpin' && pass.endsAtMs <= scene.nowMs)
    return `the pass of ${pass.number} is shown after its end`;
  const pinned = command.kind === 'pin' ? Math.min(command.untilMs, scene.nowMs + passMaxMs) : 0;
  const latestMs = Math.max(pass.endsByMs, known.pinnedUntilMs, pinned);
  if (pass.endsAtMs > latestMs) return `the pass of ${pass.number} ends after its last end`;
  const isSame = known.pass?.number === pass.number;
  if (isSame && known.pass?.endsByMs !== pass.endsByMs) return 'the last end of a pass has moved';
  return pass.endsByMs > scene.nowMs + passMaxMs ? 'a pass was given for too long' : null;
};
