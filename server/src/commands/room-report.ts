import type { LeverUse, Room } from '@usher/contract/waiting-room.ts';
import type { LocalText } from '@usher/domain/text.ts';

/** A room as the command line prints it; `title` is null if the show could not be read. */
export type TitledRoom = { room: Room; title: LocalText | null };

const count = (value: number): string => value.toLocaleString('en-GB');
/** In the reader's time zone, which is printed too. */
const time = (iso: string): string =>
  new Date(iso).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'long' });

const duration = (ms: number): string => {
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  return minutes === 0 ? `${seconds} s` : `${minutes} min ${seconds % 60} s`;
};

const phaseOf = ({ phase, override, overrideUntil }: Room): string => {
  if (override === 'none') return phase;
  return `${phase}, ${override}${overrideUntil === null ? '' : ` until ${time(overrideUntil)}`}`;
};
const titleOf = (title: LocalText | null): string =>
  title === null ? '' : `${title.ko} / ${title.en}`;
const seatsOf = (left: Room['left']): string => {
  const grades = Object.entries(left).map(([grade, seats]) => `${grade} ${count(seats)}`);
  return grades.length === 0 ? 'not known yet' : grades.join(', ');
};

const pollOf = ({ pollMultiplier }: Room): string[] =>
  pollMultiplier === 1 ? [] : [`  polls      ${pollMultiplier} times the normal interval`];
const messageOf = ({ message }: Room): string[] =>
  message === null ? [] : [`  message    ${message.ko}`, `             ${message.en}`];

export const renderRoom = ({ room, title }: TitledRoom): string => {
  const { settings, meanStayMs } = room;
  const stay = meanStayMs === null ? '' : `, who stay ${duration(meanStayMs)} on average`;
  return [
    ...(title === null ? [] : [titleOf(title)]),
    `${room.showId}   rev ${room.rev}`,
    '',
    `  phase      ${phaseOf(room)}`,
    `  opens      ${time(settings.opensAt)}; the lobby ${settings.lobbyMinutes} min before`,
    `  in line    ${count(room.waiting)} wait, ${count(room.called)} called, ` +
      `${count(room.late)} late; front ${count(room.front)} of ${count(room.tail)}`,
    `  shopping   ${count(room.active)}${stay}; ${count(room.admitted)} let in so far`,
    `  limits     ${count(settings.ratePerMinute)} a minute ` +
      `(now ${count(Math.round(room.perMinute))}), ${count(settings.activeMax)} at once`,
    `  seats      ${seatsOf(room.left)}`,
    `  crowded    ${settings.whenCrowded}; joining costs ${count(settings.challengeCost)} hashes`,
    ...pollOf(room),
    ...messageOf(room),
    '',
  ].join('\n');
};

/** Aligned columns; the last one is not padded. */
const table = (rows: readonly (readonly string[])[]): string => {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join('  ');
  return `${rows.map(line).join('\n')}\n`;
};

export const renderRooms = (rooms: readonly TitledRoom[]): string => {
  if (rooms.length === 0) return 'no show has a waiting room\n';
  const head = ['show', 'rev', 'phase', 'waiting', 'shopping', 'opens', 'title'];
  const rows = rooms.map(({ room, title }) => [
    room.showId,
    String(room.rev),
    phaseOf(room),
    count(room.waiting),
    count(room.active),
    time(room.settings.opensAt),
    titleOf(title),
  ]);
  return table([head, ...rows]);
};

const outcomeOf = ({ outcome, rev, detail }: LeverUse): string => {
  if (outcome === 'done') return `done, rev ${rev}`;
  if (outcome === 'refused') return `refused: ${detail}`;
  return 'not known: the program stopped halfway';
};
const actionOf = ({ action }: LeverUse): string => {
  const { lever, ...more } = action;
  return Object.keys(more).length === 0 ? String(lever) : `${lever} ${JSON.stringify(more)}`;
};

export const renderUses = (uses: readonly LeverUse[]): string => {
  const line = (use: LeverUse): string =>
    [
      `${time(use.at)}  ${actionOf(use)}`,
      `  ${outcomeOf(use)}`,
      `  by ${use.accountId ?? 'the program'}, request ${use.requestId}`,
      ...(use.reason === null ? [] : [`  because: ${use.reason}`]),
      '',
    ].join('\n');
  return uses.length === 0 ? 'no lever was pulled\n' : uses.map(line).join('\n');
};
